# shellcheck shell=bash
# In a guest that booted systemd (test/vm/run --systemd): the units of configs/ start, are ready, reload, come back after
# a kill and stop; a client in a network namespace of its own gets a detour.
#
#     blue 192.0.2.2 ─── 192.0.2.1 this host: relay, and router 203.0.113.1 ─── 203.0.113.2 green: server
set -euo pipefail
fail() {
	echo "FAILED: $*" >&2
	journalctl -o cat -n 60 -u 'detourd*' >&2 || true
	systemctl --no-pager --failed >&2 || true
	exit 1
}
equals() {
	[ "$1" = "$2" ] || fail "$3: \"$1\" is not \"$2\""
	echo "# $3: $1"
}
wait_for() { # SECONDS COMMAND...
	local deadline=$((SECONDS + $1 * 4))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] || fail "waited in vain for: $*"
		sleep 0.2
	done
}
status() { detourd status --json --control "/run/detourd/$1.sock"; }
status_is() { status "$1" | jq -e "$2" >/dev/null; }
main_pid() { systemctl show -P MainPID "$1"; }
manager() { cat /proc/sys/net/mptcp/path_manager 2>/dev/null || cat /proc/sys/net/mptcp/pm_type; }

install -m 755 /detourd /usr/sbin/detourd
install -d -m 755 /etc/detourd
install -m 644 ../configs/*.service /etc/systemd/system/
install -m 644 ../configs/{relay,client}.conf /etc/detourd/
sed -i 's|^#allow = 10.*|allow = 203.0.113.0/24|' /etc/detourd/relay.conf
for key in relay client; do (umask 077 && detourd genkey >/etc/detourd/$key.key); done
cat >>/etc/detourd/relay.conf <<CONF
[client blue]
public-key = $(detourd pubkey </etc/detourd/client.key)
CONF
cat >>/etc/detourd/client.conf <<CONF
[relay here]
endpoint = 192.0.2.1:45672
public-key = $(detourd pubkey </etc/detourd/relay.key)
CONF
sed 's|^#control = .*|control = /run/detourd/blue.sock|' /etc/detourd/client.conf >/etc/detourd/blue.conf
for ns in blue green; do ip netns add $ns && ip -n $ns link set lo up; done
ip link add blue type veth peer name eth0 netns blue
ip link add green type veth peer name eth0 netns green
ip addr add 192.0.2.1/24 dev blue && ip link set blue up
ip addr add 203.0.113.1/24 dev green && ip link set green up
ip -n blue addr add 192.0.2.2/24 dev eth0 && ip -n blue link set eth0 up && ip -n blue route add default via 192.0.2.1
ip -n green addr add 203.0.113.2/24 dev eth0 && ip -n green link set eth0 up && ip -n green route add default via 203.0.113.1
sysctl -qw net.ipv4.ip_forward=1

systemd-analyze verify --man=no /etc/systemd/system/detourd{,-relay,@}.service || fail "systemd-analyze verify"
systemctl daemon-reload
for unit in detourd-relay detourd@blue; do systemctl start $unit || fail "systemctl start $unit"; done
status_is relay '.mode == "relay"' || fail "the relay was ready too early"
wait_for 10 status_is blue '.relays[0].state == "up"'
ip netns exec green mptcpize run iperf3 -s -D
wait_for 5 sh -c 'ip netns exec green ss -ltn | grep -q :5201'
ip netns exec blue mptcpize run iperf3 -c 203.0.113.2 -t 60 >/dev/null 2>&1 &
detour='.connections[].subflows[] | select(.via == "here" and .state == "established" and .bytes_acked > 100000)'
wait_for 10 status_is blue "$detour"
echo "# a detour in detourd@blue"

for unit in detourd-relay:relay detourd@blue:blue; do
	name=${unit#*:} unit=${unit%:*}
	pid=$(main_pid $unit)
	systemctl reload $unit || fail "systemctl reload $unit"
	sleep 1
	equals "$(main_pid $unit)" "$pid" "$unit after its reload"
	kill -KILL "$pid"
	wait_for 10 sh -c "[ \"\$(systemctl show -P MainPID $unit)\" != $pid ] && systemctl is-active $unit"
	wait_for 10 status "$name"
done
wait_for 10 status_is blue "$detour"
echo "# after a kill both are back, and so is the detour"

! journalctl -o cat -u 'detourd*' | grep 'not permitted' || fail "a capability is missing"

before=$(manager)
systemctl start detourd || fail "systemctl start detourd"
status_is client '.mode == "client"' || fail "the client was ready too early"
systemctl stop detourd detourd@blue detourd-relay || fail "systemctl stop"
equals "$(manager)" "$before" "path manager after the stop"
for unit in detourd detourd@blue detourd-relay; do
	equals "$(systemctl show -P Result $unit)" success "$unit: result"
done
