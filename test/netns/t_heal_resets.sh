# shellcheck shell=bash source=lib.sh
# Subflows that somebody else ended are made again: reset by the server, by the relay (which forgot the flow, as a
# middlebox forgets a mapping), or by `ss -K` at the client. The first new try comes at once, and no dead subflow is left
# at the server.
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths "${RATE:-40}mbit"
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
receive_start 9000 "$TMP/got"
size=$((50 + 10 * SLOWNESS))
random_file "$TMP/sent" $size
on client mptcpize run socat -u "OPEN:$TMP/sent" "TCP4:$SERVER4:9000" &
moved_after relay1 >/dev/null
established() { status_is client '[.connections[].subflows[] | select(.via == "relay1" and .state == "established")] | length == 1'; }
joins() { counter client joins_established; }
# again WHAT COMMAND...: the command ends the detour; waits for a new one that carries data
again() {
	local what=$1 before begin
	shift
	before=$(joins)
	begin=$(now_ms)
	"$@"
	wait_for 5 eval "[ \"\$(joins)\" -gt $before ]"
	wait_for 3 established
	say "$what: a new detour after $(($(now_ms) - begin)) ms"
	moved_after relay1 >/dev/null
}
# ss complains of the TIME_WAIT ones that it meets
destroy() { on "$1" ss -tK "${@:2}" >/dev/null 2>&1 || true; }
again "ss -K at the client" destroy client dst "$(relay4 1)"
again "reset by the server" destroy server src $SERVER4 dst "$(relay4 1)"
say "the daemon's own socket is destroyed, too"
on client ss -uK dst "$(relay4 1)" >/dev/null 2>&1
forget() {
	stop relay1
	nsenter --net="/run/netns/$PREFIX-relay1" -- "$DETOURD" --relay --flush -c "$TMP/relay1.conf"
	relay_start 1
}
again "the relay forgot everything" forget
wait %1 || fail "the transfer failed"
wait_for 10 eval "[ \"\$(stat -c %s $TMP/got)\" = ${size}000000 ]"
same_bytes "$TMP/sent" "$TMP/got"
