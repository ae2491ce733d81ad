# shellcheck shell=bash source=lib.sh
# A running relay refuses forbidden targets: in a request, in a renewal, after a reload, and when its own addresses
# change. (test/unit/relay/test_acl.c has the table, and checks what BPF does at the start of a flow.)
. "$(dirname "$0")/lib.sh"
ask_or_skip
standard_network 1
# the unit test's table
mapfile -t targets < <(sed -n '/^static const char \*const forbidden/,/^};/p' "$(dirname "$0")/../unit/relay/test_acl.c" |
	grep -v '/\* \|93\.184' | grep -o '"[^"]*"' | tr -d '"' | sort -u)
at_least ${#targets[@]} 80 "forbidden targets"
# and the host's own addresses, one of them its public one behind 1:1 NAT
own4=("$(relay4 1)" 198.51.100.31 185.10.10.10)
own6=("$(relay6 1)")
v4=() v6=()
for t in "${targets[@]}"; do case $t in *:*) v6+=("$t") ;; *) v4+=("$t") ;; esac; done
v4+=("${own4[@]}") v6+=("${own6[@]}")
lines() { # WORDS PORT-SEPARATED TARGETS...
	local word=$1 t
	shift
	for t; do case $t in *:*) echo "$word [$t]:443" ;; *) echo "$word $t:443" ;; esac; done
}
asked() { # FAMILY WORD: what the relay answers for each target
	if [ "$1" = 4 ]; then
		mapfile -t l < <(lines "$2" "${v4[@]}")
		ask client client 1 "${l[@]}"
	else
		mapfile -t l < <(lines "$2" "${v6[@]}")
		ASK6=1 ask client client 1 "${l[@]}"
	fi
}
only() { # the different reasons in standard input, sorted
	awk '{ print $1 }' | sort -un | tr '\n' ' '
}
# two keys: each run of ask is a session, and a key may have eight
key second
conf() {
	relay_conf 1 "$1" "$(printf '[client second]\npublic-key = %s' "$(pub second)")"
	sed -i 's/^allow = 203.*/address = 198.51.100.18 as 185.10.10.10, 2001:db8:a1::2/' "$TMP/relay1.conf"
	[ -z "${2:-}" ] || sed -i "s|^address = .*|&\n$2|" "$TMP/relay1.conf"
}
reload() {
	local times
	times=$(grep -c ': reloaded' "$TMP/relay1.log" || true)
	conf "$@"
	kill -HUP "$(cat "$TMP/relay1.pid")"
	wait_for 5 sh -c "[ \$(grep -c ': reloaded' '$TMP/relay1.log') -gt $times ]"
}
conf ""
relay_start 1
# A v4-mapped target asked by IPv6 is an IPv4 one: of the wrong family (7). Everything else is denied (3).
equals "$(asked 4 lease | only)" "3 " "a request, IPv4"
equals "$(asked 6 lease | only)" "3 7 " "a request, IPv6"
equals "$(asked 6 lease | grep -c '^7')" "$(printf '%s\n' "${v6[@]}" | grep -ci '^::ffff:[0-9]*\.')" "  of these v4-mapped"
equals "$(status relay1 | jq '.clients[0].leases')" 0 "leases"

say "everything opened"
reload "" "allow = 0.0.0.0/0, ::/0"
asked 4 lease >"$TMP/granted4"
asked 6 lease >"$TMP/granted6"
equals "$(only <"$TMP/granted4")" "0 " "all granted, IPv4"
equals "$(only <"$TMP/granted6")" "0 7 " "all granted, IPv6"
held=$(status relay1 | jq '.clients[0].leases')
at_least "$held" 70 "leases"
say "and closed again"
reload ""
equals "$(status relay1 | jq '.clients[0].leases')" 0 "leases after the reload"
# renewals of what was granted, with the port that was granted
renew() { # TARGETS-ARRAY GRANTED
	local -n list=$1
	local i=0 port
	while read -r _ port _; do
		lines "renew $port" "${list[i]}"
		i=$((i + 1))
	done <"$2"
}
mapfile -t l < <(renew v4 "$TMP/granted4")
equals "$(ask client client 1 "${l[@]}" | only)" "3 " "renewals, IPv4"
mapfile -t l < <(renew v6 "$TMP/granted6")
equals "$(ASK6=1 ask client client 1 "${l[@]}" | only)" "3 7 " "renewals, IPv6"

say "an address that becomes the relay's own"
port=$(ask client second 1 "lease 93.184.216.40:22" | awk '$1 == 0 { print $2 }')
[ -n "$port" ] || fail "no lease of an ordinary address"
equals "$(status relay1 | jq '.clients[1].leases')" 1 "leases"
addr relay1 eth0 93.184.216.40/32
wait_for 5 status_is relay1 '.clients[1].leases == 0'
equals "$(ask client second 1 "renew $port 93.184.216.40:22" "lease 93.184.216.40:22" | only)" "3 " "asked again"
on relay1 ip addr del 93.184.216.40/32 dev eth0
sleep 0.5
equals "$(ask client second 1 "lease 93.184.216.40:22" | only)" "0 " "asked when the address is gone"
