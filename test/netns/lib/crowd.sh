# shellcheck shell=bash
# Thousands of MPTCP connections, made by test/tools/crowd.c; and the client's subflows as the kernel lists them.

# What a connection costs its program: see test/tools/connects.c.
CONNECTS=${CONNECTS:-$(dirname "$DETOURD")/connects}
CROWD=${CROWD:-$(dirname "$DETOURD")/crowd}
crowd_or_skip() { [ -x "$CROWD" ] || skip "no $CROWD: built without tests"; }
# crowd_serve [ADDRESS]
crowd_serve() {
	on server sysctl -qw net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535
	on server "$CROWD" serve "${1:-::}" 5555 2>"$TMP/serve.log" &
	disown
	wait_for 5 on server sh -c 'ss -ltn | grep -q :5555'
}

# crowd NAME ADDRESS COUNT PER-SECOND [EVERY-MS]: opens connections and holds them until crowd_end NAME; with EVERY-MS each
# sends a byte so often
crowd() {
	nsenter --net="/run/netns/$PREFIX-client" -- "$CROWD" open "$2" 5555 "${@:3}" >"$TMP/crowd-$1" 2>"$TMP/crowd.log" &
	disown
	echo $! >"$TMP/crowd-$1.pid"
	wait_for 60 grep -q "^open $3 failed 0 " "$TMP/crowd-$1"
}

# crowd_half NAME: closes every second one
crowd_half() {
	kill -USR1 "$(cat "$TMP/crowd-$1.pid")"
	wait_for 20 grep -q ^left "$TMP/crowd-$1"
}

crowd_end() { stop "crowd-$1"; }
# The client's subflows by their addresses and ports, a line each: first as the kernel lists them, then as the daemon does.
subflows_of_kernel() {
	on client ss -OtnHi state established | sed -n '/tcp-ulp-mptcp/s/^ *[0-9]* *[0-9]* *\([^ ]*\) *\([^ ]*\) .*/\1 \2/p' | sed 's/\[::ffff:\([0-9.]*\)\]/\1/g; s/%[a-z0-9]*//g' | sort
}

subflows_of_daemon() { status client | jq -r '.connections[].subflows[] | select(.state == "established") | .local + " " + .remote' | sort; }
# subflows_agree: true when both lists are equal
subflows_agree() {
	subflows_of_daemon >"$TMP/known"
	subflows_of_kernel >"$TMP/truth"
	cmp -s "$TMP/known" "$TMP/truth"
}
