# shellcheck shell=bash source=../netns/lib.sh
# What a connection costs its program and the daemon, with [mptcp] or without, and without a daemon:
#
#     mptcpify.sh [CONNECTIONS of each]
#
# matched: [mptcp] makes it MPTCP; unwanted: the same, but a rule gives it no detours; unmatched: it stays TCP. If the
# kernel has no hook for this, the first two ask for MPTCP themselves. fallback: matched and unmatched, to a server without
# MPTCP. In eight turns, each with a new run of the daemon: a relay accepts eight sessions of a client at a time.
. "$(dirname "$0")/../netns/lib.sh"
[ -x "$CONNECTS" ] || skip "no $CONNECTS: built without tests"
count=${1:-1000}
turn=$((count / 8))
standard_network 1
relay_start 1
for port in 7000 7001 7002; do
	plain=
	[ $port != 7001 ] || plain=yes
	on server env ${plain:+PLAIN=yes} "$CONNECTS" serve $SERVER4 $port &
	disown
	wait_for 5 on server sh -c "ss -ltn | grep -q :$port"
done
ask=tcp
{ "$DETOURD" doctor --json || :; } | jq -e '.checks[] | select(.name == "mptcpify") | .state == "ok"' >/dev/null || ask=mptcp
RELAYS=1 client_conf "" "[rule unwanted]
port = 7002
detours = 0
[mptcp]
enable = $([ $ask = tcp ] && echo yes || echo no)
program = matched"
daemon_ns() { awk '{ print $1 }' "/proc/$(cat "$TMP/client.pid")/schedstat"; }
# block NAME PORT KIND...: makes the connections of one turn
block() {
	local name=$1 port=$2
	shift 2
	on client "$CONNECTS" open $SERVER4 "$port" $turn "$@" >>"$TMP/$name"
}
# watched NAME...: a block, and the CPU time that the daemon spent on it, beyond what it spends when idle
watched() {
	local ns begin
	ns=$(daemon_ns) begin=$(now_ms)
	block "$@"
	sleep 0.3
	awk -v ns=$(($(daemon_ns) - ns)) -v ms=$(($(now_ms) - begin)) -v idle="$idle" -v n=$turn \
		'BEGIN { print (ns - idle * ms) / 1000 / n }' >>"$TMP/$1.daemon"
}
for _ in 1 2 3 4 5 6 7 8; do
	client_start
	relays_up 1
	sleep 1
	idle=$(daemon_ns)
	sleep 2
	idle=$((($(daemon_ns) - idle) / 2000)) # ns a millisecond
	watched matched 7000 $ask:matched
	watched unmatched 7000 tcp:other
	watched unwanted 7002 $ask:matched
	block fallback 7001 $ask:matched tcp:other
	stop client
	block none 7000 tcp:other
	block none-mptcp 7000 mptcp:matched
done
# row FILE KIND WHAT: prints the results of one kind
row() {
	local column
	awk -v k="$2" '$1 == k' "$TMP/$1" >"$TMP/row"
	for column in 2 3; do
		sort -g -k$column,$column "$TMP/row" | awk -v c=$column '{ v[NR] = $c } END { printf "%.0f %.0f\n", v[int((NR + 1) / 2)], v[int(NR * 0.99 + 0.5)] }'
	done | paste -sd ' ' >"$TMP/quantiles"
	awk '{ cpu += $4; mptcp += $5 } END { printf "%.0f %d %d", cpu / NR, mptcp, NR }' "$TMP/row" >"$TMP/mean"
	# shellcheck disable=SC2046 # words
	printf '%-34s %7s %7s %7s %7s %6s %6s  %s/%s\n' "$3" $(cat "$TMP/quantiles") $(awk '{ print $1 }' "$TMP/mean") \
		"$([ -e "$TMP/$1.daemon" ] && median <"$TMP/$1.daemon" | awk '{ printf "%.0f", $1 }' || echo -)" $(awk '{ print $2, $3 }' "$TMP/mean")
}
echo "$(uname -r), matched by $([ $ask = tcp ] && echo '[mptcp]' || echo 'asking for MPTCP'); microseconds; MPTCP/connections"
printf '%-34s %7s %7s %7s %7s %6s %6s\n' "" "connect" p99 "1st byte" p99 CPU "daemon"
row none 1 "no daemon, TCP"
row unmatched 1 "unmatched (TCP)"
row none-mptcp 1 "no daemon, MPTCP"
row matched 1 "matched (MPTCP)"
row unwanted 1 "matched, detours = 0"
row fallback 2 "server without MPTCP, unmatched"
row fallback 1 "server without MPTCP, matched"
equals "$(awk '{ n += $5 } END { print n }' "$TMP/matched")" "$(wc -l <"$TMP/matched")" "MPTCP connections of the matched"
equals "$(awk '{ n += $5 } END { print n }' "$TMP/unmatched")" 0 "MPTCP connections of the unmatched"
