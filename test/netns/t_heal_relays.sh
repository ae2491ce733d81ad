# shellcheck shell=bash source=lib.sh
# Two relays become unreachable, and the server takes two additional subflows: the third relay can only join if the server
# was told that the dead subflows are gone. A relay that answers again carries data again within 3 s.
. "$(dirname "$0")/lib.sh"
standard_network 3
narrow_paths "${RATE:-40}mbit"
on server ip mptcp limits set subflows 2
for n in 1 2 3; do relay_start $n; done
RELAYS="1 2 3" client_conf
client_start
relays_up 3
server_iperf
on client mptcpize run iperf3 -c $SERVER4 -t $((120 * SLOWNESS)) >/dev/null 2>&1 &
disown
established() { status_is client "[.connections[].subflows[] | select(.via == \"$1\" and .state == \"established\" and .bytes_acked > 500000)] | length >= 1"; }
wait_for_join 10 established relay1
wait_for_join 10 established relay2
status_is client '[.connections[].subflows[] | select(.via == "relay3")] | length == 0' || fail "a third detour"

say "relays 1 and 2 turn into black holes"
black_hole 1 2
begin=$(now_ms)
wait_for_join 20 established relay3
at_most $(($(now_ms) - begin)) 12000 "milliseconds until relay 3 carries data"
# the server's own view: the direct subflow, and one over relay 3
at_server() { [ "$(on server ss -tnH state established '( sport = :5201 )' | grep -c "$1")" -ge 1 ]; }
at_server "$(relay4 3)[]:]" || fail "the server does not see relay 3"
gone_at_server() { ! at_server "$(relay4 1)[]:]" && ! at_server "$(relay4 2)[]:]"; }
wait_for 5 gone_at_server

say "and answer again"
black_hole_end
was=$(via_bytes "relay1|relay2")
carries() { [ "$(via_bytes "relay1|relay2")" -gt $((was + 100)) ]; }
begin=$(now_ms)
wait_for_join 3 carries
at_most_ms $(($(now_ms) - begin)) 3000 "milliseconds until one of them carries data again"
established relay3 || fail "relay 3 was left for no reason"
