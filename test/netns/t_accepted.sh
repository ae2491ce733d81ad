# shellcheck shell=bash source=lib.sh
# detourd on a server: accepted connections get what the kernel's path manager would do for them. Each case runs once
# under that path manager and once under detourd, and the results have to be equal. The client has the kernel's in both.
#
#     client also has 192.0.2.3 ... .8 as subflow endpoints; server also 203.0.113.3, .4
. "$(dirname "$0")/lib.sh"
standard_network 1
addr client eth0 192.0.2.{3,4,5,6,7,8}/28
addr server eth0 203.0.113.3/28 203.0.113.4/28 2001:db8:5::3/64
on client ip mptcp limits set subflow 8 add_addr_accepted 8
key server
relay_conf 1 "" "$(printf '[client server]\npublic-key = %s' "$(pub server)")"
relay_start 1
printf '%s\n' "[client]" "private-key-file = $TMP/server.key" "control = $TMP/server.sock" "log-level = debug" \
	"[relay relay1]" "endpoint = $(relay4 1):45672" "public-key = $(pub relay1)" >"$TMP/server.conf"
server_iperf

# ends: the server's subflows, counted by their addresses; lines of COUNT LOCAL PEER
ends() { on server ss -Htn state established 'sport = 5201' | awk '{ sub(/:[0-9]+$/, "", $3); sub(/:[0-9]+$/, "", $4); print $3, $4 }' | sort | uniq -c; }
# counts: how many subflows the server has
counts() { on server ss -Htn state established 'sport = 5201' | wc -l; }
count_is() { [ "$(counts)" = "$1" ]; }
flow() {
	on client mptcpize run iperf3 -c "${TARGET:-$SERVER4}" -t 60 -b 10M >/dev/null 2>&1 &
	wait_for 5 sh -c '[ "$(nsenter --net=/run/netns/'"$PREFIX"'-server ss -HM state established "sport = 5201" | wc -l)" = 2 ]'
}
flow_end() {
	kill_in client iperf3
	wait_for 10 count_is 0
}
# settled: prints how many there are once that has not changed for two seconds
settled() {
	local last="" now since=$SECONDS
	now=$(counts)
	while [ $((SECONDS - since)) -lt 2 ]; do
		sleep 0.2
		now=$(counts)
		[ "$now" = "$last" ] || since=$SECONDS
		last=$now
	done
	echo "$now"
}
# limit N [COUNT]: prints the subflows of both connections when the server's limit is N; waits for COUNT of them first
limit() {
	on server ip mptcp limits set subflow "$1" add_addr_accepted 0
	flow
	[ -z "${2:-}" ] || wait_for 10 count_is "$2"
	settled
	flow_end
}
# announced ADDRESS [COUNT]: prints the subflows to each of the server's addresses, of connections to ADDRESS
announced() {
	TARGET=$1 flow
	[ -z "${2:-}" ] || wait_for 10 count_is "$2"
	settled >/dev/null
	ends
	flow_end
}
# sum FILE: adds up its first column
sum() { awk '{ n += $1 } END { print n }' "$1"; }
for a in 192.0.2.{3,4,5,6,7,8}; do on client ip mptcp endpoint add $a dev eth0 subflow; done
say "under the kernel's path manager"
for n in 0 3; do limit $n | tee "$TMP/limit.kernel.$n"; done
on client ip mptcp endpoint flush
on server ip mptcp limits set subflow 4 add_addr_accepted 0
for a in 203.0.113.3 203.0.113.4 2001:db8:5::3; do on server ip mptcp endpoint add $a dev eth0 signal; done
for a in $SERVER4 $SERVER6; do announced $a | tee "$TMP/announced.kernel.$a"; done

# changed: an endpoint is added while a connection lives, and taken away
changed() {
	flow
	on server ip mptcp endpoint add 203.0.113.3 dev eth0 signal
	wait_for 9 count_is 4
	ends
	on server ip mptcp endpoint flush
	wait_for 9 count_is 2
	ends
	flow_end
}
on server ip mptcp endpoint flush
changed | tee "$TMP/changed.kernel"
for a in 203.0.113.3 203.0.113.4 2001:db8:5::3; do on server ip mptcp endpoint add $a dev eth0 signal; done

say "under detourd"
daemon server server -c "$TMP/server.conf"
wait_for 10 status_is server '.relays[0].state == "up"'
for a in $SERVER4 $SERVER6; do
	announced $a "$(sum "$TMP/announced.kernel.$a")" | tee "$TMP/announced.detourd"
	cmp "$TMP/announced.kernel.$a" "$TMP/announced.detourd" || fail "the announcements have other results than under the kernel"
done
at_least "$(counter server addresses_announced)" 8 "addresses announced"
on server ip mptcp endpoint flush
changed | tee "$TMP/changed.detourd"
for a in 192.0.2.{3,4,5,6,7,8}; do on client ip mptcp endpoint add $a dev eth0 subflow; done
for n in 0 3; do
	limit $n "$(cat "$TMP/limit.kernel.$n")" | tee "$TMP/limit.detourd"
	cmp "$TMP/limit.kernel.$n" "$TMP/limit.detourd" || fail "the limit of $n has another result than under the kernel"
done
at_least "$(counter server surplus_closed)" 14 "surplus subflows closed"
cmp "$TMP/changed.kernel" "$TMP/changed.detourd" || fail "changed endpoints have another result than under the kernel"
equals "$(status server | jq '.connections | length')" 0 "accepted connections among those we opened"
equals "$(counter server joins)" 0 "joins made for them"
