# shellcheck shell=bash source=lib.sh
# The direct path has 1 Mbit/s, the detour 20: the direct path becomes backup where it holds up the detour, and the next
# connection knows it. When the detour dies, the direct path carries the data. A run that was killed leaves it backup: the next
# one makes it regular again, and judges anew.
. "$(dirname "$0")/lib.sh"
export CHOOSE=default RELAYS=1
standard_network 1
narrow_direct 1mbit
narrow r1 relay1 20mbit
narrow relay1 eth0 20mbit
relay_start 1
server_iperf
client_conf "max-detours = 1"
client_start
relays_up 1
direct_backup() { status_is client "[.connections[].subflows[] | select(.via == \"direct\") | .backup] | any == $1"; }
# as the kernel has it: flag b, and not as the daemon believes
kernel_backup() { on client ss -OtnHi state established dst $SERVER4 | grep -q 'flags:[A-Za-z]*b'; }
kernel_regular() { ! kernel_backup; }
direct_decided() { grep -q "the direct path $1" "$TMP/events"; }
"$DETOURD" monitor --json --control "$TMP/client.sock" >"$TMP/events" &
disown

iperf -t $((12 * SLOWNESS)) -R >/dev/null &
transfer=$!
wait_for_join 5 status_is client '[.connections[].subflows[] | select(.via == "relay1" and .state == "established")] | length >= 1'
wait_for 12 direct_decided "\(holds up the detours\|stays\)"
wait $transfer
direct_decided "holds up the detours" || fail "it does not hold up the detour, or nobody saw it: $(grep decision "$TMP/events")"

say "the next connection knows it"
iperf -t $((12 * SLOWNESS)) -R >/dev/null &
transfer=$!
wait_for 6 direct_decided "held up the detours lately"
wait_for 3 direct_backup true
kernel_backup || fail "the kernel did not make it backup"

say "a run that was killed leaves it so, and the next makes it regular"
stop client KILL
client_start
wait_for 4 kernel_regular

say "the detour dies: the direct path carries the data"
black_hole 1
moved_after direct >/dev/null
wait_for 5 direct_backup false
black_hole_end
widen_paths
wait $transfer
