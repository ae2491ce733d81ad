# shellcheck shell=bash source=lib.sh
# Connections that fall back to TCP: the server has no MPTCP, something strips the options or drops SYNs that have them,
# or the kernel remembers that it did. Each goes on as TCP, and status lists it under its server until MPTCP works there
# again. A server that takes no additional subflows is noticed, and not asked for a while.
. "$(dirname "$0")/lib.sh"
standard_network 1
relay_start 1
RELAYS=1 client_conf "detour-after = 0"
client_start
relays_up 1
receive_start 9001 /dev/null
on server socat -u TCP4-LISTEN:9002,reuseaddr,fork OPEN:/dev/null &
disown
wait_for 5 on server sh -c 'ss -ltn | grep -q :9002'
send() { on client mptcpize run sh -c "echo hello | socat -u - TCP4:$SERVER4:$1" || fail "port $1 is out of reach"; }
told() { status client | jq -r ".destinations[] | select(.remote == \"$SERVER4:$1\") | .why"; }
middlebox() { on r2 tc filter add dev narrow ingress bpf da obj "$MIDDLEBOX" sec "$1"; }
middlebox_end() { on r2 tc filter del dev narrow ingress; }
[ -e "$MIDDLEBOX" ] || skip "no $MIDDLEBOX: built without tests"
on r2 tc qdisc add dev narrow clsact

for _ in 1 2 3; do send 9002; done
wait_for 5 status_is client '.counters.fell_back == 3'
equals "$(counter client joins) $(counter client leases_asked)" "0 0" "joins and leases for them"
status_is client ".destinations | length == 1 and .[0].connections == 3 and .[0].remote == \"$SERVER4:9002\"" || fail "destinations"
told 9002 | grep -q "answer carries no MPTCP" || fail "$(told 9002)"
"$DETOURD" status --control "$TMP/client.sock" | grep -q "^  $SERVER4:9002  connections 3" || fail "not in the text form of status"
send 9001
wait_for 5 status_is client '.counters.connections == 1'
status_is client '.destinations | length == 1' || fail "the other port is listed as well"

say "something strips MPTCP"
middlebox strip
send 9001
wait_for 5 status_is client '.counters.fell_back_stripped == 1 and .counters.fell_back == 3'
told 9001 | grep -q 'though it did before: something on the way strips it' || fail "$(told 9001)"
middlebox_end
send 9001
wait_for 5 status_is client '.destinations | length == 1'

say "something drops SYNs with MPTCP"
if on client test -e /proc/sys/net/mptcp/syn_retrans_before_tcp_fallback; then
	on client sysctl -qw net.mptcp.syn_retrans_before_tcp_fallback=0 net.mptcp.blackhole_timeout=60
	middlebox drop_syn
	send 9001
	wait_for 5 status_is client '.counters.fell_back_syn_lost == 1'
	told 9001 | grep -q "get lost" || fail "$(told 9001)"
	send 9001
	wait_for 5 status_is client '.counters.fell_back_disabled == 1'
	told 9001 | grep -q blackhole_timeout || fail "$(told 9001)"
	middlebox_end
	on client sysctl -qw net.mptcp.blackhole_timeout=0
	send 9001
	wait_for 5 status_is client '.destinations | length == 1'
else
	say "this kernel does not fall back then"
fi

say "a server that takes no subflows"
on server ip mptcp limits set subflow 0
on client mptcpize run sh -c "(echo hello; sleep 60) | socat -u - TCP4:$SERVER4:9001" &
disown
wait_for 15 status_is client '.connections[0].why | test("limit is reached: it took 0 ")'
before=$(counter client joins)
sleep 3
equals "$(counter client joins)" "$before" "joins after that"
status_is client '[.connections[].subflows[].via] == ["direct"]' || fail "there is more than the direct subflow"
status_is client ".server_limits | length == 1 and .[0].remote == \"$SERVER4:9001\" and .[0].took == 0 and .[0].refused == 2" ||
	fail "limits: $(status client | jq -c .server_limits)"
"$DETOURD" status --control "$TMP/client.sock" | grep -q "^  $SERVER4:9001  took 0, refused 2 joins; not asked again" || fail "not in the text form of status"
# other connections to it do not try either, nor that one once it has ended
send 9001
sleep 1
equals "$(counter client joins)" "$before" "joins of the next connection"
