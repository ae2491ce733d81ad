# shellcheck shell=bash source=lib.sh
# [mptcp] turns sockets of programs that do not know MPTCP into MPTCP ones, which get detours. Sockets of other programs,
# users, cgroups and namespaces stay TCP. It is turned on and off while running, and ends with the daemon.
# alone: hooks into every process of the machine
. "$(dirname "$0")/lib.sh"
for program in git ssh sshd; do command -v $program >/dev/null || skip "no $program"; done
# its exit code is about all of the machine
told=$("$DETOURD" doctor --json | jq -r '.checks[] | select(.name == "mptcpify") | .state, .what' || :)
[ "${told%%$'\n'*}" = ok ] || skip "${told#*$'\n'}"
standard_network 1
narrow_paths 20mbit
relay_start 1
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
cgroup=/detourd-$PREFIX
mkdir "$root$cgroup"
tidy() {
	local code=$?
	rmdir "$root$cgroup"
	(exit $code)
	cleanup
}
trap tidy EXIT
web_start
random_file "$TMP/www/file" 1
head -c 20000 "$TMP/www/file" >"$TMP/www/small"
chmod a+r "$TMP/www/small"
conf() { # LINES in [mptcp]
	RELAYS=1 client_conf "detour-after = 0" "[mptcp]
$1"
	[ -e "$TMP/client.pid" ] || return 0
	local before
	before=$(grep -c ' reloaded ' "$TMP/client.log" || true)
	kill -HUP "$(cat "$TMP/client.pid")"
	wait_for 5 sh -c "[ \$(grep -c ' reloaded ' '$TMP/client.log') -gt $before ]"
}
connections() { counter client connections; }
# gains WHAT COUNT COMMAND...: the command makes so many MPTCP connections
gains() {
	local before what=$1 count=$2
	shift 2
	before=$(connections)
	"$@" >/dev/null || fail "$what: $*"
	sleep 0.5
	equals $(($(connections) - before)) "$count" "$what"
}
# gains_detours WHAT COMMAND...: at least one MPTCP connection, with at least one detour
gains_detours() {
	local before joins what=$1
	shift
	before=$(connections) joins=$(counter client joins_established)
	"$@" >/dev/null 2>"$TMP/program.log" || fail "$what: $*"
	at_least $(($(connections) - before)) 1 "$what: connections"
	at_least $(($(counter client joins_established) - joins)) 1 "$what: detours"
}
# a repository of 1 MB, served by nginx and by ssh
repository_make() {
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	git init -q "$TMP/work"
	random_file "$TMP/work/file" 1
	git -C "$TMP/work" add file
	git -C "$TMP/work" -c user.name=test -c user.email=test@example.org commit -qm test
	git clone -q --bare "$TMP/work" "$TMP/www/work.git"
	git -C "$TMP/www/work.git" update-server-info
	chmod -R a+rX "$TMP/www"
}
ssh_start() {
	local key
	mkdir -p /run/sshd
	for key in host id; do ssh-keygen -q -t ed25519 -N '' -f "$TMP/$key"; done
	printf '%s\n' "Port 2222" "ListenAddress $SERVER4" "HostKey $TMP/host" "AuthorizedKeysFile $TMP/id.pub" "StrictModes no" \
		"PidFile none" "UsePAM no" >"$TMP/sshd.conf"
	on server mptcpize run "$(command -v sshd)" -D -f "$TMP/sshd.conf" 2>"$TMP/sshd.log" &
	disown
	wait_for 5 on server sh -c 'ss -ltn | grep -q :2222'
}
ssh_command="ssh -F none -i $TMP/id -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes"
# shellcheck disable=SC2086 # words
ssh_get() { on client $ssh_command -p 2222 root@$SERVER4 cat "$TMP/www/file"; }
git_get() { rm -rf "$TMP/clone" && on client env "GIT_SSH_COMMAND=$ssh_command" git clone -q "$1" "$TMP/clone" && same_bytes "$TMP/clone/file" "$TMP/work/file"; }
get() { on client curl -fsS -o "$TMP/got" "http://$SERVER4/${1:-small}"; }
python_get() { on client python3 -c "import http.client as h; c = h.HTTPConnection('$SERVER4'); c.request('GET', '/file'); c.getresponse().read()"; }

conf "enable = no"
client_start
relays_up 1
gains "off: curl" 0 get
conf "enable = yes"
gains_detours "on: curl" get file
same_bytes "$TMP/got" "$TMP/www/file"
gains_detours "http.client" python_get
repository_make
ssh_start
gains_detours "ssh" ssh_get
gains_detours "git over http" git_get "http://$SERVER4/work.git"
gains_detours "git over ssh" git_get "ssh://root@$SERVER4:2222$TMP/www/work.git"
other_get() { on relay1 curl -fsS -o /dev/null "http://$SERVER4/small"; }
gains "another namespace" 0 other_get
printf '%s\n' "[client]" "private-key-file = $TMP/client.key" "control = $TMP/other.sock" "[mptcp]" "enable = yes" >"$TMP/other.conf"
daemon other relay1 -c "$TMP/other.conf"
gains "with another namespace's daemon" 1 get
gains "another namespace with a daemon" 0 other_get
equals "$(counter other sockets_made_mptcp) $(counter other connections)" "1 1" "its sockets and connections"
stop other
conf "enable = yes
program = wget, curl"
gains "program: curl" 1 get
conf "enable = yes
program = wget"
gains "another program: curl" 0 get
conf "enable = yes
except-program = curl"
gains "excepted: curl" 0 get
conf "enable = yes
user = 12345"
gains "another user" 0 get
gains "user" 1 on client setpriv --reuid 12345 --clear-groups curl -fsS -o /dev/null "http://$SERVER4/small"
gains "effective user" 1 on client setpriv --euid 12345 curl -fsS -o /dev/null "http://$SERVER4/small"
conf "enable = yes
program = python3"
thread_get() {
	on client python3 -c "import ctypes, http.client as h, threading
def get():
    ctypes.CDLL(None).prctl(15, b'another', 0, 0, 0)  # PR_SET_NAME
    c = h.HTTPConnection('$SERVER4'); c.request('GET', '/small'); c.getresponse().read()
threading.Thread(target=get).start()"
}
gains "program: a thread of another name" 1 thread_get
conf "enable = yes
cgroup = $cgroup"
gains "another cgroup" 0 get
gains "cgroup" 1 on client sh -c "echo \$\$ >$root$cgroup/cgroup.procs; exec curl -fsS -o /dev/null http://$SERVER4/small"
conf "enable = no"
gains "off again" 0 get
conf "enable = yes"
at_least "$(counter client sockets_made_mptcp)" 4 "sockets"
# stays_tcp WHAT: a new connection of curl uses TCP
stays_tcp() {
	local pid
	nsenter --net="/run/netns/$PREFIX-client" -- curl -fsS --limit-rate 30k -o /dev/null "http://$SERVER4/file" &
	pid=$!
	wait_for 5 sh -c "nsenter --net=/run/netns/$PREFIX-client ss -tniH state established dst $SERVER4 | grep -q ."
	! on client ss -tniH dst $SERVER4 | grep -q tcp-ulp-mptcp || fail "still MPTCP after $1"
	kill $pid
	wait $pid || true
}
stop client
stays_tcp "the daemon's end"
client_start
gains "once more" 1 get
stop client KILL
stays_tcp "the daemon's death"
