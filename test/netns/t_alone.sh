# shellcheck shell=bash source=lib.sh
# Which daemons may run side by side: one detourd in each namespace, and none beside mptcpd. A start that is refused says
# why, and leaves nothing behind.
. "$(dirname "$0")/lib.sh"
standard_network 1
space_add client2
veth client2 eth0 r1 client2
addr client2 eth0 192.0.2.34/28
addr r1 client2 192.0.2.33/28
route client2 default via 192.0.2.33
route r2 192.0.2.32/28 via 10.255.0.1
on r1 ip rule add from 192.0.2.32/28 to 203.0.113.0/28 lookup 100
narrow_paths 100mbit
key client2
relay_conf 1 "" "$(printf '[client second]\npublic-key = %s' "$(pub client2)")"
relay_start 1
RELAYS=1 client_conf
sed "s|client.key|client2.key|; s|client.sock|client2.sock|" "$TMP/client.conf" >"$TMP/client2.conf"
client_start
daemon client2 client2 -c "$TMP/client2.conf"
relays_up 1
wait_for 10 status_is client2 '.relays[0].state == "up"'
web_start
random_file "$TMP/www/file" 20
on client mptcpize run curl -sS --limit-rate 2M -o "$TMP/got1" "http://$SERVER4/file" &
a=$!
on client2 mptcpize run curl -sS --limit-rate 2M -o "$TMP/got2" "http://$SERVER4/file" &
b=$!
for c in client client2; do
	wait_for 10 status_is $c '.connections | length == 1 and (.[0].subflows[] | select(.via == "relay1" and .bytes_received > 500000))'
done
wait $a $b || fail "curl failed"
status_is relay1 '[.clients[] | select(.bytes_down > 500000)] | length == 2' || fail "$(status relay1)"

refused() {
	local words=$1
	shift
	"$@" 2>"$TMP/refused.txt" && fail "not refused: $*"
	grep -q "$words" "$TMP/refused.txt" || fail "the reason is not told: $(cat "$TMP/refused.txt")"
	[ "$(wc -l <"$TMP/refused.txt")" -le 2 ] || fail "more than one sentence: $(cat "$TMP/refused.txt")"
	say "$(tail -n 1 "$TMP/refused.txt")"
}
sed "s|client.sock|third.sock|" "$TMP/client.conf" >"$TMP/third.conf"
refused "another detourd" on client "$DETOURD" -c "$TMP/third.conf"
[ ! -e "$TMP/third.sock" ] || fail "the control socket was left behind"
space_add empty
# the control socket of a running daemon
refused "in use" on empty "$DETOURD" -c "$TMP/client.conf"
equals "$(on empty sh -c 'cat /proc/sys/net/mptcp/path_manager 2>/dev/null || cat /proc/sys/net/mptcp/pm_type')" \
	"$(cat /proc/sys/net/mptcp/path_manager 2>/dev/null || cat /proc/sys/net/mptcp/pm_type)" "path manager of the refused"
status_is client '.mode == "client"' || fail "the refused start harmed the running one"
if command -v mptcpd >/dev/null || [ -x /usr/libexec/mptcpd ]; then
	mptcpd=$(command -v mptcpd || echo /usr/libexec/mptcpd)
	nsenter --net="/run/netns/$PREFIX-empty" -- "$mptcpd" >/dev/null 2>&1 &
	disown
	mptcpd=$!
	# it follows MPTCP's events: a generic netlink socket (16) in a group
	follows() { on empty awk -v p=$mptcpd '$2 == 16 && $3 == p && $4 !~ /^0+$/ { f = 1 } END { exit !f }' /proc/self/net/netlink; }
	wait_for 5 follows
	refused "mptcpd" on empty "$DETOURD" -c "$TMP/third.conf"
fi
# no permission, port in use, weak key file
refused "run .*as root" setpriv --reuid 65534 --clear-groups "$DETOURD" -c /dev/null
sed "s|relay1.sock|x.sock|; s|pins = .*|pins = /sys/fs/bpf/detourd-$PREFIX-x|" "$TMP/relay1.conf" >"$TMP/x.conf"
refused "only one" on relay1 "$DETOURD" --relay -c "$TMP/x.conf"
on empty socat -u UDP-LISTEN:45672,reuseaddr - &
disown
wait_for 5 on empty sh -c 'ss -lun | grep -q :45672'
refused "cannot listen on UDP" on empty "$DETOURD" --relay -c "$TMP/x.conf"
kill_in empty socat
wait_for 5 on empty sh -c '! ss -lun | grep -q :45672'
# the pins of a relay in another namespace
sed "s|pins = .*|$(grep '^pins' "$TMP/relay1.conf")|" "$TMP/x.conf" >"$TMP/y.conf"
refused "another network namespace, is running with pins" on empty "$DETOURD" --relay -c "$TMP/y.conf"
[ ! -e "/sys/fs/bpf/detourd-$PREFIX-x" ] || fail "the pins of the refused relay were left behind"
[ ! -e "$TMP/x.sock" ] || fail "the control socket of the refused relay was left behind"
status_is relay1 '.mode == "relay"' || fail "the refused start harmed the running one"
