# shellcheck shell=bash source=lib.sh
# Soak: random faults, from a seed, at a relay with clients that download and ask, for DURATION seconds (1800). At the end
# nothing has leaked: flows and leases come to zero, descriptors and memory are what they were. Not a t_*.sh: ./check
# --full runs it.
. "$(dirname "$0")/lib.sh"
ask_or_skip
DURATION=${DURATION:-1800}
RANDOM=${SEED:=$((RANDOM % 10000))}
say "SEED=$SEED DURATION=$DURATION"
FLOOD=$(dirname "$DETOURD")/flood
standard_network 2
narrow_paths 50mbit
key greedy
key guest
conf() { # LINES in [client guest]
	relay_conf 1 "log-flows = $TMP/flows" "$(printf '[client greedy]\npublic-key = %s\nmax-leases = 50\nmax-flows = 300\nmax-new-flows = 1000\n%s' "$(pub greedy)" "${1:-}")"
}
guest=$(printf '[client guest]\npublic-key = %s' "$(pub guest)")
conf "$guest"
relay_start 1
relay_start 2
space_add other
veth other eth0 r1 other
addr other eth0 192.0.2.34/28
addr r1 other 192.0.2.33/28
route other default via 192.0.2.33
route r2 192.0.2.32/28 via 10.255.1.1
client_conf
client_start
relays_up 2
web_start
mkdir -p "$TMP/www"
at=$(relay4 1):45672
pid() { cat "$TMP/relay1.pid"; }
fds() { find "/proc/$(pid)/fd" -mindepth 1 | wc -l; }
rss() { awk '/VmRSS/ { print $2 }' "/proc/$(pid)/status"; }
hup() {
	local times
	times=$(grep -c ': reloaded' "$TMP/relay1.log" || true)
	kill -HUP "$(pid)"
	wait_for 10 sh -c "[ \$(grep -c ': reloaded' '$TMP/relay1.log') -gt $times ]"
}
download() {
	if on client timeout 90 mptcpize run curl -sS -m 80 --limit-rate 4M -o "$TMP/got" "http://$SERVER4/file" 2>>"$TMP/curl.log" &&
		cmp -s "$TMP/www/file" "$TMP/got"; then
		echo ok >>"$TMP/downloads"
	else
		echo "broken at $last: $(tail -n 1 "$TMP/curl.log")" >>"$TMP/downloads"
	fi
}
leased() { ask other greedy 1 "lease $SERVER4:80" | awk '$1 == 0 { print $2 }'; }
fault() {
	case $1 in
	kill) stop relay1 KILL; relay_start 1 ;;
	restart) stop relay1; relay_start 1 ;;
	reload) hup ;;
	revoke) conf ""; hup; conf "$guest"; hup ;;
	deny)
		sed -i 's/^allow = 203.*/&\ndeny = 203.0.113.2/' "$TMP/relay1.conf"
		hup
		conf "$guest"
		hup
		;;
	rotate) mv "$TMP/flows" "$TMP/flows.1" 2>/dev/null || true; hup; cat "$TMP/flows.1" >>"$TMP/flows.all" 2>/dev/null || true ;;
	filter) on relay1 tc filter del dev eth0 ingress; wait_for 15 on relay1 sh -c 'tc filter show dev eth0 ingress | grep -q nat_l2' ;;
	address) addr relay1 eth0 198.51.100.19/28; sleep 0.2; on relay1 ip addr del 198.51.100.19/28 dev eth0 ;;
	flap) on relay1 ip link set eth0 down; sleep 0.2; on relay1 ip link set eth0 up
		on relay1 ip route replace default via 198.51.100.17
		on relay1 ip -6 addr replace "$(relay6 1)/64" dev eth0 nodad
		on relay1 ip -6 route replace default via 2001:db8:a1::1 ;;
	drain)
		kill -USR1 "$(pid)"
		sleep 1
		process_ended "$(pid)" || stop relay1 KILL
		relay_start 1
		;;
	greedy) on other "$FLOOD" greedy "$TMP/greedy.key" "$(pub relay1)" "$at" 2000 2 >/dev/null ;;
	stranger) on other "$FLOOD" garbage "$TMP/greedy.key" "$(pub relay1)" "$at" 5000 1 >/dev/null ;;
	replay) on other "$FLOOD" replay "$TMP/greedy.key" "$(pub relay1)" "$at" 2000 1 >/dev/null ;;
	syns)
		local port
		port=$(leased)
		[ -z "$port" ] || on other python3 "$(dirname "$0")/flood.py" 192.0.2.34 "$(relay4 1)" "$port" 1 >/dev/null
		;;
	cut) on r1 ip link set relay1 down; sleep 1; on r1 ip link set relay1 up
		on r1 ip -6 addr replace 2001:db8:a1::1/64 dev relay1 nodad ;;
	clients) stop client KILL; client_start ;;
	esac
}
# first everything; then one daemon lives as long again, so that what it leaks can be seen
living=(reload revoke deny rotate filter address flap greedy stranger replay syns cut clients)
ending=(kill restart drain)
count=0
rounds() { # UNTIL FAULTS...
	local until=$1
	shift
	while [ $SECONDS -lt "$until" ]; do
		last=${*:RANDOM % $# + 1:1}
		count=$((count + 1))
		[ -z "${VERBOSE_SOAK:-}" ] || say "$SECONDS s: $last"
		download &
		local loader=$!
		sleep "0.$((RANDOM % 10))"
		fault "$last"
		wait $loader || true
		kill -0 "$(pid)" || fail "the relay died after $last"
		[ "$(grep -c broken "$TMP/downloads" || true)" = 0 ] || fail "a download broke: $(grep broken "$TMP/downloads")"
	done
}
random_file "$TMP/www/file" 8
rounds $((SECONDS + DURATION / 2)) "${ending[@]}" "${ending[@]}" "${living[@]}"
fault restart
for last in "${living[@]}"; do fault "$last"; done
fds_before=$(fds) rss_before=$(rss)
rounds $((SECONDS + DURATION / 2)) "${living[@]}"
say "$count random faults, $(grep -c ok "$TMP/downloads") downloads whole"
equals "$(fds)" "$fds_before" "descriptors, as in the middle"
at_most "$(rss)" "$((rss_before * 11 / 10 + 2048))" "kB of memory (in the middle $rss_before)"
say "and then rest"
stop client
fault reload
# the attacker's half-open and refused flows, and the leases, come to their ends by themselves: with a clock put forward
stop relay1
cat >"$TMP/later" <<-LATER
	#!/bin/sh
	exec unshare --time --boottime 8000 "$DETOURD" "\$@"
LATER
chmod +x "$TMP/later"
(
	DETOURD=$TMP/later
	relay_start 1
)
wait_for 20 status_is relay1 '[.clients[] | .leases, .flows] | add == 0'
pin=/sys/fs/bpf/detourd-$PREFIX-relay1
equals "$(bpftool -j map dump pinned "$pin/flows" | jq length)" 0 "entries of flows left"
equals "$(bpftool -j map dump pinned "$pin/leases" | jq length)" 0 "leases left"
equals "$(bpftool -j map dump pinned "$pin/usage" | jq length)" 4 "rows of usage: the clients, and all"
at_least "$(cat "$TMP"/flows* | grep -c '^flow client=')" 1 "lines of flows"
equals "$(cat "$TMP"/flows* | grep -cv '^flow client=.* reason=[a-z-]*$' || true)" 0 "lines that are none"
