# shellcheck shell=bash source=lib.sh
# Programs that never heard of MPTCP gain detours by [mptcp]; other programs', users', cgroups' and namespaces' sockets stay
# TCP. Turned on and off while running; nothing is left when the daemon stops.
. "$(dirname "$0")/lib.sh"
"$DETOURD" doctor --json | jq -e '.checks[] | select(.name == "mptcpify") | .state == "ok"' >/dev/null ||
	skip "$("$DETOURD" doctor --json | jq -r '.checks[] | select(.name == "mptcpify") | .what')"
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
random_file "$TMP/www/file" 4
conf() { # LINES in [mptcp]
	RELAYS=1 client_conf "detour-after = 0" "[mptcp]
$1"
	[ ! -e "$TMP/client.pid" ] || { kill -HUP "$(cat "$TMP/client.pid")" && sleep 1; }
}
connections() { counter client connections; }
# gains WHAT COUNT COMMAND...: so many MPTCP connections are made by it
gains() {
	local before what=$1 count=$2
	shift 2
	before=$(connections)
	"$@" >/dev/null || fail "$what: $*"
	sleep 0.5
	equals $(($(connections) - before)) "$count" "$what"
}
get() { on client "$@" curl -fsS -o "$TMP/got" "http://$SERVER4/file"; }
python_get() { on client python3 -c "import http.client as h; c = h.HTTPConnection('$SERVER4'); c.request('GET', '/file'); c.getresponse().read()"; }

conf "enable = no"
client_start
relays_up 1
gains "off: curl" 0 get
conf "enable = yes"
gains "on: curl" 1 get
same_bytes "$TMP/got" "$TMP/www/file"
at_least "$(counter client joins_established)" 1 "detours of curl"
if on client python3 -c 'import http.client' 2>/dev/null; then gains "http.client" 1 python_get; fi
gains "another namespace" 0 on relay1 curl -fsS -o /dev/null "http://$SERVER4/file"
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
gains "user" 1 on client setpriv --reuid 12345 --clear-groups curl -fsS -o /dev/null "http://$SERVER4/file"
conf "enable = yes
cgroup = $cgroup"
gains "another cgroup" 0 get
gains "cgroup" 1 on client sh -c "echo \$\$ >$root$cgroup/cgroup.procs; exec curl -fsS -o /dev/null http://$SERVER4/file"
conf "enable = no"
gains "off again" 0 get
conf "enable = yes"
at_least "$(counter client sockets_made_mptcp)" 4 "sockets"
stop client
on client curl -fsS --limit-rate 1M -o /dev/null "http://$SERVER4/file" &
disown
sleep 1
on client ss -tniH dst $SERVER4 | grep -q . || fail "no connection to look at"
! on client ss -tniH dst $SERVER4 | grep -q tcp-ulp-mptcp || fail "still MPTCP without the daemon"
