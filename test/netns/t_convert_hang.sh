# shellcheck shell=bash source=lib.sh
# A converter's copying process hangs: the daemon asks it every second, kills it when it does not answer for ten, and starts
# another one, which has the sockets. The next daemon does the same. A machine on which both stand still is no reason.
. "$(dirname "$0")/lib.sh"
convert_network
plain_web
random_file "$TMP/www/file" $((40 + 20 * SLOWNESS))
echo small >"$TMP/www/small"
chmod a+r "$TMP/www"/*
fetch() { on client mptcpize run curl -fsS --connect-timeout $((10 * SLOWNESS)) -o "$TMP/${2:-got}" "http://$SERVER4/$1"; }
# hangs: the copying process stands still; $hung is its number
hangs() {
	hung=$(copier)
	[ -n "$hung" ] || fail "no copying process"
	kill -STOP "$hung"
}
another() { [ -n "$(copier)" ] && [ "$(copier)" != "$hung" ]; }
converts_again() { # a new connection is converted, by a new process
	wait_for 10 another
	learn 80
	fetch small small || fail "no new connection"
	wait_for 5 status_is relay1 '.clients[0].converted.bytes_down > 0'
}
learn 80

say "it is killed, and its connections are reset"
narrow r1 client 20mbit
narrow client eth0 20mbit
on client mptcpize run curl -fsS -o "$TMP/cut" "http://$SERVER4/file" 2>/dev/null &
curl=$!
wait_for 15 test -s "$TMP/cut"
hangs
wait_for 30 process_ended "$hung"
wait $curl && fail "a connection that was cut off looked whole"
widen_paths
converts_again
equals "$(counter relay1 converter_crashes)" 1 "crashes"
grep -q "the converter's process has not answered for 10 s: killed it" "$TMP/relay1.log" || fail "the log does not say why"

say "the next daemon kills it, too"
hangs
stop relay1 KILL
relay_start 1 &
relay=$!
wait_for 30 process_ended "$hung"
wait $relay || fail "the relay did not start"
converts_again
equals "$(counter relay1 converter_crashes)" 0 "crashes"

say "the whole machine stands still"
hangs
kill -STOP "$(cat "$TMP/relay1.pid")"
sleep 13
kill -CONT "$(cat "$TMP/relay1.pid")"
sleep 2
kill -CONT "$hung"
learn 80
fetch small small || fail "no new connection"
equals "$(copier)" "$hung" "the process is the same"
