# shellcheck shell=bash source=lib.sh
# The client's daemon is stopped, or killed, in the middle of a transfer: the transfer goes on, and the namespace is
# given back as it was found.
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths 40mbit
relay_start 1
RELAYS=1 client_conf
web_start
random_file "$TMP/www/file" 20
manager() { on client sh -c 'cat /proc/sys/net/mptcp/path_manager 2>/dev/null || cat /proc/sys/net/mptcp/pm_type'; }
before=$(manager)
transfer() {
	on client mptcpize run curl -sS -o "$TMP/got" "http://$SERVER4/file" &
	curl=$!
	wait_for 10 status_is client '.connections[0].subflows[] | select(.via == "relay1" and .bytes_received > 1000000)'
	"$@"
	wait $curl || fail "curl failed"
	same_bytes "$TMP/www/file" "$TMP/got"
}
client_start
relays_up 1
[ "$(manager)" != "$before" ] || fail "the path manager was not taken"
transfer stop client
equals "$(manager)" "$before" "path manager after SIGTERM"
[ ! -e "$TMP/client.sock" ] || fail "the control socket is left"
equals "$(status relay1 | jq '.clients[0].leases')" 0 "leases after SIGTERM (released)"
equals "$(bpftool cgroup show /sys/fs/cgroup/unified 2>/dev/null | grep -c sock_ops || true)" 0 "sockops programs left"

client_start
relays_up 1
transfer stop client KILL
[ "$(manager)" != "$before" ] || fail "who gave the path manager back?"
client_start # a successor remembers what the killed one found
relays_up 1
stop client
equals "$(manager)" "$before" "path manager after kill -9, a new start and SIGTERM"

# found as userspace already: no error, and left so
on client sh -c 'echo userspace >/proc/sys/net/mptcp/path_manager 2>/dev/null || echo 1 >/proc/sys/net/mptcp/pm_type'
mine=$(manager)
client_start
stop client
equals "$(manager)" "$mine" "path manager that was userspace"
