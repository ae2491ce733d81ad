# shellcheck shell=bash
# In a guest that booted systemd: from nothing to the first detour by two packages and two commands, `detourd invite` on the
# relay and `detourd join` on the client, and how long that takes. With test/vm/run --package DEB apt installs the package,
# with --systemd its files are copied. Both hosts are in this guest: the relay's unit runs in a network namespace of its own,
# the client's in the guest's.
#
#     this host: client 192.0.2.2 ─── 192.0.2.1 relay: relay, and router 203.0.113.1 ─── 203.0.113.2 server
set -euo pipefail
fail() {
	echo "FAILED: $*" >&2
	journalctl -o cat -n 60 -u 'detourd*' >&2 || true
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

# two hosts and a server
for ns in relay server; do ip netns add $ns && ip -n $ns link set lo up; done
ip link add eth0 type veth peer name client netns relay
ip -n relay link add server type veth peer name eth0 netns server
ip addr add 192.0.2.2/24 dev eth0 && ip link set eth0 up && ip route add default via 192.0.2.1
ip -n relay addr add 192.0.2.1/24 dev client && ip -n relay link set client up
ip -n relay addr add 203.0.113.1/24 dev server && ip -n relay link set server up
ip -n server addr add 203.0.113.2/24 dev eth0 && ip -n server link set eth0 up && ip -n server route add default via 203.0.113.1
ip netns exec relay sysctl -qw net.ipv4.ip_forward=1
ip netns exec server mptcpize run iperf3 -s -D

# of this test alone: the relay is another host
mkdir -p /etc/systemd/system/detourd-relay.service.d
printf '[Service]\nNetworkNamespacePath=/run/netns/relay\n' >/etc/systemd/system/detourd-relay.service.d/host.conf

# used_kb: what this root holds
used_kb() { du -skx /usr /etc /var/lib/dpkg 2>/dev/null | awk '{ all += $1 } END { print all }'; }
# apt_install HOST: the package and what it depends on, from apt's cache: what it downloads is counted, not how long that takes
apt_install() {
	local before at
	LC_ALL=C apt-get --assume-no --no-install-recommends -o Dir::Cache::archives=/tmp/empty install "$package" 2>/dev/null |
		grep -E '^(Need to get|After this)' | sed "s/^/# $1: /" || true
	before=$(used_kb) at=$(now_ms)
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$package" >/dev/null || fail "apt-get install"
	say "$1: installed in $(($(now_ms) - at)) ms, $(($(used_kb) - before)) kB"
}
# what the package installs, and its postinst does
copy_install() {
	install -m 755 /detourd /usr/sbin/detourd
	install -m 644 ../configs/*.service /etc/systemd/system/
	install -d /usr/lib/sysusers.d
	install -m 644 ../configs/detourd.sysusers /usr/lib/sysusers.d/detourd.conf
	systemd-sysusers /usr/lib/sysusers.d/detourd.conf
	install -d -m 2750 -g detourd /etc/detourd
	systemctl daemon-reload
}
package=$(find /root -name 'detourd_*.deb' 2>/dev/null | head -n 1)
if [ -n "$package" ]; then
	mkdir -p /tmp/empty/partial
	apt_install "the relay's host"
	# both hosts are in this guest: once more, as on the client's
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y --auto-remove purge detourd >/dev/null || fail "apt-get purge"
	for file in /etc/detourd /usr/sbin/detourd; do [ ! -e $file ] || fail "purge left $file"; done
	apt_install "the client's host"
else
	copy_install
fi
! pidof detourd || fail "a new package has started it"
begin=$(now_ms)

line=$(detourd invite laptop --endpoint 192.0.2.1:45672) || fail "invite"
say "the relay's host: $(($(now_ms) - begin)) ms"
detourd join "$line" || fail "join"
say "the client's host: $(($(now_ms) - begin)) ms"
equals "$(systemctl is-enabled detourd detourd-relay | xargs) $(systemctl is-active detourd detourd-relay | xargs)" \
	"enabled enabled active active" "the units"
equals "$(stat -c '%U:%G %a' /etc/detourd/client.key /etc/detourd/relay.key /etc/detourd/client.d/192.0.2.1.conf | sort -u)" \
	"root:detourd 640" "the files"

# this lab's addresses are for documentation, which need a word on both sides; on the Internet they do not
sed -i '/^\[relay\]/a allow = 203.0.113.0/24' /etc/detourd/relay.conf
printf '[rule lab]\ndestination = 203.0.113.0/24\n' >>/etc/detourd/client.conf
systemctl reload detourd detourd-relay
mptcpize run iperf3 -c 203.0.113.2 -t 3600 >/dev/null 2>&1 &
wait_for 60 status_is client '.connections[].subflows[] | select(.via == "192.0.2.1" and .state == "established" and .bytes_acked > 100000)'
at_most_ms $(($(now_ms) - begin)) 60000 "ms from the first command to the first detour"

# it is as good after a restart of both
systemctl restart detourd-relay detourd
wait_for 20 status_is client '.relays[0].state == "up"'
equals "$(detourd clients --json | jq -c '[.clients[] | [.name, .joined]]')" '[["laptop",true]]' "the clients"
detourd revoke laptop || fail "revoke"
wait_for 30 status_is client '.relays[0].state == "down"'
