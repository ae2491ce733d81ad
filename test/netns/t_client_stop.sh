# shellcheck shell=bash source=lib.sh
# The client's daemon is stopped, or killed, in the middle of a transfer: the transfer goes on, and the namespace's
# settings are restored.
# alone: lists BPF programs of the whole machine
. "$(dirname "$0")/lib.sh"
command -v bpftool >/dev/null || skip "no bpftool"
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
# sockops programs that are attached for the client's namespace; other daemons may have theirs
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
cookie=$(on client python3 -c 'import socket; print(int.from_bytes(socket.socket().getsockopt(socket.SOL_SOCKET, 71, 8), "little"))')
tracks() {
	local id map
	for id in $(bpftool -j cgroup show "$root" | jq -r '.[] | select(.attach_type | test("sock_ops")) | .id'); do
		for map in $(bpftool -j prog show id "$id" | jq -r '.map_ids[]'); do
			bpftool -j map dump id "$map" | jq ".. | .netns_cookie? | select(. == $cookie)"
		done
	done | wc -l
}
client_start
relays_up 1
equals "$(tracks)" 1 "sockops programs"
[ "$(manager)" != "$before" ] || fail "the path manager was not taken"
transfer stop client
equals "$(manager)" "$before" "path manager after SIGTERM"
[ ! -e "$TMP/client.sock" ] || fail "the control socket is left"
equals "$(status relay1 | jq '.clients[0].leases')" 0 "leases after SIGTERM (released)"
equals "$(tracks)" 0 "sockops programs left"

client_start
relays_up 1
transfer stop client KILL
[ "$(manager)" != "$before" ] || fail "the path manager was restored although the daemon was killed"
client_start # it knows what the killed one had found
relays_up 1
stop client
equals "$(manager)" "$before" "path manager after kill -9, a new start and SIGTERM"

# the path manager was userspace before: no error, and it stays so
on client sh -c 'echo userspace >/proc/sys/net/mptcp/path_manager 2>/dev/null || echo 1 >/proc/sys/net/mptcp/pm_type'
mine=$(manager)
client_start
stop client
equals "$(manager)" "$mine" "path manager that was userspace"
