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
say() { echo "# $*"; }
slowness() { tools/slowness; }
# shellcheck disable=SC2034 # checks.sh uses it
SLOWNESS=$(slowness)
# shellcheck source=/dev/null
. netns/lib/checks.sh
status() { detourd status --json --control "/run/detourd/$1.sock"; }
status_is() { status "$1" | jq -e "$2" >/dev/null; }
main_pid() { systemctl show -P MainPID "$1"; }
manager() { cat /proc/sys/net/mptcp/path_manager 2>/dev/null || cat /proc/sys/net/mptcp/pm_type; }

install -m 755 /detourd /usr/sbin/detourd
install -d -m 755 /etc/detourd
install -m 644 ../configs/*.service /etc/systemd/system/
install -d /usr/lib/sysusers.d
install -m 644 ../configs/detourd.sysusers /usr/lib/sysusers.d/detourd.conf
systemd-sysusers /usr/lib/sysusers.d/detourd.conf
install -m 644 ../configs/{relay,client}.conf /etc/detourd/
sed -i 's|^#allow = 10.*|allow = 203.0.113.0/24|' /etc/detourd/relay.conf
for key in relay client; do (umask 077 && detourd genkey >/etc/detourd/$key.key); done
chown detourd: /etc/detourd/*.key
# without a default route the relay must be told which address servers see
sed -i 's|^#wireguard-port = .*|wireguard-port = 51820\naddress = 203.0.113.1|' /etc/detourd/relay.conf
cat >>/etc/detourd/relay.conf <<CONF
[client blue]
public-key = $(detourd pubkey </etc/detourd/client.key)
CONF
cat >>/etc/detourd/client.conf <<CONF
[relay here]
endpoint = 192.0.2.1:45672
public-key = $(detourd pubkey </etc/detourd/relay.key)
[rule lab]
destination = 203.0.113.0/24
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

# a guest on a busy machine may be twenty times slower than the hosts that units are for
for unit in detourd detourd@ detourd-relay; do
	mkdir -p /run/systemd/system/$unit.service.d
	printf '[Service]\nTimeoutStartSec=900\n' >/run/systemd/system/$unit.service.d/slow.conf
done
systemd-analyze verify --man=no /etc/systemd/system/detourd{,-relay,@}.service || fail "systemd-analyze verify"
systemctl daemon-reload
# exposure UNIT: as systemd-analyze security says it, of the unit as it is loaded
exposure() { systemd-analyze security --no-pager "$1" | sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p'; }
# user UNIT, capabilities UNIT: of its process
user() { stat -c %U "/proc/$(main_pid "$1")"; }
capabilities() { sed -n 's/^CapEff:\t0*//p' "/proc/$(main_pid "$1")/status"; }
# what a version that ran as root left: a relay's pins, locks, and a path manager taken over
detourd --relay -c /etc/detourd/relay.conf &
relay=$!
# ip netns exec would hide the cgroups
nsenter --net=/run/netns/blue detourd -c /etc/detourd/blue.conf &
client=$!
wait_for 10 status_is relay '.mode == "relay"'
wait_for 10 status_is blue '.mode == "client"'
kill -KILL $relay $client
for unit in detourd-relay detourd@blue; do systemctl start $unit || fail "systemctl start $unit"; done
status_is relay '.mode == "relay"' || fail "the relay was ready too early"
wait_for 10 status_is blue '.relays[0].state == "up"'
ip netns exec green mptcpize run iperf3 -s -D
wait_for 5 sh -c 'ip netns exec green ss -ltn | grep -q :5201'
ip netns exec blue mptcpize run iperf3 -c 203.0.113.2 -t 3600 >/dev/null 2>&1 &
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
	wait_for 20 sh -c "[ \"\$(systemctl show -P MainPID $unit)\" != $pid ] && systemctl is-active $unit"
	wait_for 10 status "$name"
done
wait_for 10 status_is blue "$detour"
echo "# after a kill both are back, and so is the detour"

# CAP_NET_BIND_SERVICE (10), CAP_NET_ADMIN (12), CAP_NET_RAW (13), CAP_PERFMON (38), CAP_BPF (39)
equals "$(capabilities detourd-relay)" c000001400 "capabilities of the relay"
equals "$(capabilities detourd@blue)" c000003000 "capabilities of the client"
for unit in detourd-relay detourd@blue; do
	pid=$(main_pid $unit)
	equals "$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/$pid/status")" "$(id -u detourd)" "user of $unit"
	equals "$(awk '/Max core file size/ { print $5, $6 }' "/proc/$pid/limits")" "0 0" "core dumps of $unit"
	equals "$(sed -n 's/^Seccomp:\t//p' "/proc/$pid/status")" 2 "seccomp filter of $unit"
done
for unit in detourd-relay detourd@blue detourd; do
	level=$(exposure $unit)
	say "exposure of $unit: $level"
	awk -v level="$level" 'BEGIN { exit !(level != "" && level <= 2.0) }' || fail "exposure of $unit: \"$level\" is more than 2.0"
done

# a file with errors: the reload fails, the process and its detours go on
for unit in detourd-relay:relay detourd@blue:blue; do
	conf=/etc/detourd/${unit#*:}.conf unit=${unit%:*}
	pid=$(main_pid $unit)
	cp "$conf" /tmp/good.conf
	echo "no-such-key = 1" >>"$conf"
	! systemctl reload $unit || fail "systemctl reload $unit with a broken file did not fail"
	cat /tmp/good.conf >"$conf"
	equals "$(main_pid $unit)" "$pid" "$unit after a reload that failed"
	systemctl is-active --quiet $unit || fail "$unit is not active after a reload that failed"
	systemctl reload $unit || fail "systemctl reload $unit with the file as it was"
done
wait_for 10 status_is blue "$detour"
say "a reload with a broken file fails"

# a loop that hangs is ended by the watchdog, and the unit comes back
systemctl restart detourd-relay
equals "$(systemctl show -P WatchdogUSec detourd-relay)" 30s "watchdog of the relay"
mkdir -p /run/systemd/system/detourd-relay.service.d
printf '[Service]\nWatchdogSec=%d\nTimeoutAbortSec=1\n' $((10 * SLOWNESS)) >/run/systemd/system/detourd-relay.service.d/soon.conf
systemctl daemon-reload
systemctl restart detourd-relay || fail "systemctl restart detourd-relay"
pid=$(main_pid detourd-relay)
kill -STOP "$pid"
wait_for 60 sh -c "[ \"\$(systemctl show -P MainPID detourd-relay)\" != $pid ] && systemctl is-active detourd-relay"
journalctl -o cat -u detourd-relay | grep -q 'Watchdog timeout' || fail "the watchdog did not end a relay that hung"
rm /run/systemd/system/detourd-relay.service.d/soon.conf
systemctl daemon-reload
systemctl restart detourd-relay || fail "systemctl restart detourd-relay after the watchdog"
wait_for 10 status_is relay '.mode == "relay"'
wait_for 20 status_is blue "$detour"
say "a detour after systemctl restart detourd-relay, whose filters, leases and flows it found again"

# transfer PORT [PROGRAM...]: a new connection of blue's, to a server of its own; it goes on
transfer() {
	ip netns exec green mptcpize run iperf3 -s -D -p "$1"
	wait_for 5 sh -c "ip netns exec green ss -ltn | grep -q :$1"
	ip netns exec blue "${@:2}" iperf3 -c 203.0.113.2 -p "$1" -t 3600 >/dev/null 2>&1 &
}
# tunnel PORT BY: a new connection gets a detour through a tunnel, also after a restart of the relay
tunnel() {
	detour_tunnel=".connections[] | select(.remote | endswith(\":$1\")) | .subflows[] | select(.carrier == \"wireguard\" and .state == \"established\" and .bytes_acked > 100000)"
	systemctl restart detourd@blue || fail "systemctl restart detourd@blue, tunnels by $2"
	wait_for 20 status_is blue '.relays[0].state == "up"'
	transfer "$1" mptcpize run
	wait_for 20 status_is blue "$detour_tunnel"
	systemctl restart detourd-relay || fail "systemctl restart detourd-relay, tunnels by $2"
	wait_for 20 status_is blue "$detour_tunnel"
	say "a detour through a tunnel by $2, also after a restart of the relay"
}
sed -i '/^public-key/s|$|\ncarrier = wireguard|' /etc/detourd/blue.conf
go=no
if command -v wireguard-go >/dev/null && { [ -e /dev/net/tun ] || modprobe tun; }; then
	go=yes
	chmod 666 /dev/net/tun # as udev does
fi
if modprobe wireguard; then
	tunnel 5301 "the kernel"
	if [ $go = yes ]; then
		systemctl stop detourd@blue detourd-relay
		detourd --relay --flush -c /etc/detourd/relay.conf || fail "root's --flush after the unit"
		rmmod wireguard
		find /lib/modules -name 'wireguard.ko*' -delete
		systemctl start detourd-relay detourd@blue || fail "start after root's --flush"
	fi
fi
if [ $go = yes ]; then
	systemctl restart detourd-relay || fail "systemctl restart detourd-relay, with wireguard-go"
	tunnel 5302 wireguard-go
	before_pids=$(pgrep -x wireguard-go)
	systemctl restart detourd-relay || fail "another systemctl restart detourd-relay, with wireguard-go"
	equals "$(pgrep -x wireguard-go)" "$before_pids" "processes of wireguard-go after a restart of the relay"
	wait_for 20 status_is blue "$detour_tunnel"
fi
sed -i '/^carrier = wireguard$/d' /etc/detourd/blue.conf

# [mptcp], without the drop-in and with it
if { detourd doctor --json || :; } | jq -e '.checks[] | select(.name == "mptcpify") | .state == "ok"' >/dev/null; then
	cp /etc/detourd/blue.conf /tmp/good.conf
	printf '[mptcp]\nenable = yes\nprogram = iperf3\n' >>/etc/detourd/blue.conf
	systemctl restart detourd@blue || fail "systemctl restart detourd@blue with [mptcp]"
	say "without the drop-in: $(journalctl -o cat -n 20 -u detourd@blue | grep -E 'mptcp|become MPTCP')"
	install -D -m 644 ../configs/detourd-mptcp.conf /etc/systemd/system/detourd@blue.service.d/mptcp.conf
	systemctl daemon-reload
	systemctl restart detourd@blue || fail "systemctl restart detourd@blue with [mptcp] and the drop-in"
	transfer 5303
	wait_for 10 sh -c 'ip netns exec blue ss -MHn dst 203.0.113.2:5303 | grep -q .'
	say "[mptcp] works with the drop-in; exposure of detourd@blue is then $(exposure detourd@blue)"
	cat /tmp/good.conf >/etc/detourd/blue.conf
else
	say "this kernel has no hook for [mptcp]"
fi
systemctl restart detourd@blue || fail "systemctl restart detourd@blue"

# an mptcpd of root's, which the unit's /proc hides
systemctl stop detourd@blue
cp "$(command -v ip)" /tmp/mptcpd
ip netns exec blue /tmp/mptcpd mptcp monitor >/dev/null 2>&1 &
mptcpd=$!
wait_for 5 ip netns exec blue awk '$2 == 16 && $4 !~ /^0+$/ { f = 1 } END { exit !f }' /proc/self/net/netlink
! systemctl start detourd@blue || fail "detourd@blue started beside mptcpd"
journalctl -o cat -n 30 -u detourd@blue | grep 'mptcpd (pid [0-9]*) manages' || fail "mptcpd was not found"
kill $mptcpd
wait_for 30 systemctl is-active detourd@blue
say "detourd@blue starts by itself when mptcpd has ended"

# drain: the relay stops, and stays so
sed -i 's|^wireguard-port.*|&\ndrain-timeout = 5|' /etc/detourd/relay.conf
systemctl reload detourd-relay || fail "reload before the drain"
systemctl kill --kill-who=main -s USR1 detourd-relay
wait_for 20 sh -c '[ "$(systemctl show -P ActiveState detourd-relay)" = inactive ]'
sleep 8
equals "$(systemctl show -P ActiveState,Result detourd-relay | xargs)" "success inactive" "the relay after its drain"
systemctl start detourd-relay || fail "systemctl start detourd-relay after its drain"

! journalctl -o cat -u 'detourd*' | grep -iE 'not permitted|permission denied' || fail "a capability is missing"

before=$(manager)
systemctl start detourd || fail "systemctl start detourd"
status_is client '.mode == "client"' || fail "the client was ready too early"
systemctl stop detourd detourd@blue detourd-relay || fail "systemctl stop"
equals "$(manager)" "$before" "path manager after the stop"
for unit in detourd detourd@blue detourd-relay; do
	equals "$(systemctl show -P Result $unit)" success "$unit: result"
done
