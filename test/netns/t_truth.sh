# shellcheck shell=bash source=lib.sh
# Connections that are older than the daemon. Those of the kernel's path manager are shown and explained, but neither they
# nor their subflows are changed, also not by reloads or at the daemon's end. Those of an earlier userspace path manager
# get detours, also when their addresses are v4-mapped.
. "$(dirname "$0")/lib.sh"
crowd_or_skip
standard_network 1
veth client eth1 r1 second
addr client eth1 192.0.2.66/28
addr r1 second 192.0.2.65/28
route client default via 192.0.2.65 metric 500
# its packets may leave by eth0, because there are no rules by source address
on client sysctl -qw net.ipv4.conf.all.rp_filter=2
on client ip mptcp endpoint add 192.0.2.66 subflow
on client ip mptcp limits set subflow 2
relay_start 1
RELAYS=1 client_conf "interfaces = eth1"
crowd_serve
kernels() { on client ss -tnH state established src 192.0.2.66 | wc -l; }
kernels_are() { [ "$(kernels)" = "$1" ]; }

say "made under the kernel's path manager"
crowd old $SERVER4 2 100
wait_for 5 kernels_are 2
client_start
relays_up 1
equals "$(status client | jq -c '[(.connections | length), .counters.taken_over, .counters.joins]')" "[2,2,0]" \
	"connections, taken over, joins"
status_is client 'all(.connections[]; .why | test("kernel.s path manager, from before detourd: left alone"))' ||
	fail "$(status client | jq -c '[.connections[].why]')"
subflows_agree || fail "$(diff "$TMP/known" "$TMP/truth")"
equals "$(wc -l <"$TMP/known")" 4 "subflows shown"
equals "$(on client ip rule | grep -c '^4567:' || true)" 0 "rules for them"
kill -HUP "$(cat "$TMP/client.pid")"
sed -i '/^interfaces/d' "$TMP/client.conf"
kill -HUP "$(cat "$TMP/client.pid")"
wait_for 5 grep -q "reloaded" "$TMP/client.log"
crowd new $SERVER4 1 100
wait_for 5 status_is client '[.connections[].subflows[] | select(.via == "relay1" and .state == "established")] | length == 1'
crowd_end new
wait_for 10 status_is client '.connections | length == 2'
stop client
equals "$(kernels)" 2 "the kernel's subflows after reloads and the daemon's end"
client_start
crowd_end old
wait_for 10 status_is client '.connections | length == 0'
stop client

say "made under a userspace path manager that has ended"
on client sh -c 'echo userspace >/proc/sys/net/mptcp/path_manager 2>/dev/null || echo 1 >/proc/sys/net/mptcp/pm_type'
crowd old $SERVER4 2 100
crowd mapped ::ffff:$SERVER4 1 100
crowd six $SERVER6 1 100
client_start
wait_for 10 status_is client '[.connections[].subflows[] | select(.via == "relay1" and .state == "established")] | length == 4'
status_is client 'all(.connections[]; .why == "")' || fail "$(status client)"
equals "$(status client | jq -c '[(.connections | length), .counters.taken_over, .counters.joins]')" "[4,4,4]" \
	"connections, taken over, joins"
subflows_agree || fail "$(diff "$TMP/known" "$TMP/truth")"
equals "$(wc -l <"$TMP/known")" 8 "subflows"
status client | jq -e '[.connections[].local] | map(select(startswith("192.0.2.2:"))) | length == 3' >/dev/null || fail "v4-mapped addresses are not shown as IPv4"
stop client
equals "$(on client ss -tnH state established | wc -l)" 4 "subflows after the daemon's end"
