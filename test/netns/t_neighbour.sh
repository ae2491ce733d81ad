# shellcheck shell=bash source=lib.sh
# Another sockops program hears its callbacks as if detourd were not there, and detourd hears its own: of connections that are
# made while it runs, and of older ones where the kernel allows that (6.12).
. "$(dirname "$0")/lib.sh"
command -v bpftool >/dev/null || skip "no bpftool"
NEIGHBOUR=${NEIGHBOUR:-$(dirname "$DETOURD")/neighbour.bpf.o}
[ -e "$NEIGHBOUR" ] || skip "no $NEIGHBOUR: built without tests"
standard_network 1
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
cgroup=$root/detourd-$PREFIX
pin=/sys/fs/bpf/detourd-$PREFIX-neighbour # a directory, which the end of the test removes
mkdir "$cgroup" "$pin"
tidy() {
	local code=$?
	set +e
	bpftool cgroup detach "$cgroup" sock_ops pinned "$pin/neighbour" 2>/dev/null
	kill_in client python3
	for _ in 1 2 3 4 5 6 7 8 9 10; do rmdir "$cgroup" 2>/dev/null && break || sleep 0.1; done
	(exit $code)
	cleanup
}
trap tidy EXIT
bpftool prog load "$NEIGHBOUR" "$pin/neighbour" type sockops pinmaps "$pin" || fail "cannot load the neighbour"
bpftool cgroup attach "$cgroup" sock_ops pinned "$pin/neighbour" multi
number() { bpftool -j map lookup pinned "$pin/neighbour_map" key "$1" 0 0 0 | jq .formatted.value; }
zero() { for key in 0 1; do bpftool map update pinned "$pin/neighbour_map" key $key 0 0 0 value 0 0 0 0 0 0 0 0; done; }
OURS=$((1 | 2 | 4 | 8)) ALL=$((OURS | 16)) # bpf_sock_ops_cb_flags: RTO, retransmissions, states, RTT; and each segment

cat >"$TMP/server.py" <<-'PYTHON'
	import socket, threading
	def serve(c):
	    while c.recv(1):
	        c.sendall(bytes(1000))
	s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind(('203.0.113.2', 5566))
	s.listen()
	while True:
	    threading.Thread(target=serve, args=s.accept()[:1], daemon=True).start()
PYTHON
# asks 20 times when it is made, and 20 times for each line that it reads
cat >"$TMP/client.py" <<-'PYTHON'
	import socket, sys
	c = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
	c.connect(('203.0.113.2', 5566))
	def ask():
	    for _ in range(20):
	        c.sendall(b'x')
	        got = 0
	        while got < 1000:
	            got += len(c.recv(1000 - got))
	ask()
	for line in sys.stdin:
	    ask()
	    print('asked', flush=True)
PYTHON
on server python3 "$TMP/server.py" 2>"$TMP/server.log" &
disown
wait_for 5 listens server 5566
inside() { on client sh -c "echo \$\$ >$cgroup/cgroup.procs; exec python3 $TMP/client.py"; }
# hears: what the neighbour hears of one connection
hears() {
	zero
	inside </dev/null
	number 0
}

without=$(hears)
equals "$without" 20 "segments heard of without detourd"

say "older connections"
mkfifo "$TMP/more"
inside <"$TMP/more" >"$TMP/asked" &
disown
exec 9>"$TMP/more"
heard_40() { [ "$(number 0)" = 40 ]; }
wait_for 5 heard_40

printf '%s\n' "[client]" "private-key-file = $TMP/client.key" "control = $TMP/client.sock" "log-level = debug" >"$TMP/client.conf"
key client
client_start
zero
wait_for 5 status_is client '.connections | length == 1'
echo >&9
wait_for 5 grep -q asked "$TMP/asked"
equals "$(number 0)" "$without" "with detourd, an older connection"
read -r major minor < <(uname -r | tr . ' ')
if [ "$major" -gt 6 ] || { [ "$major" = 6 ] && [ "${minor%%[!0-9]*}" -ge 12 ]; }; then
	equals "$(number 1)" $ALL "callbacks of the older connection"
fi
exec 9>&-

say "new connections"
equals "$(hears)" "$without" "with detourd"
equals "$(number 1)" $ALL "callbacks"
say "stop"
stop client
equals "$(hears)" "$without" "after detourd"
