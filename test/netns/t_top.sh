# shellcheck shell=bash source=lib.sh
# detourd top in a real terminal: what is on the screen of a download over two paths, its keys, another size, a daemon that
# dies and returns, terminals without UTF-8, colours or a description, and what is no daemon.
. "$(dirname "$0")/lib.sh"
TERMINAL=$(dirname "$0")/../tools/terminal.py
/usr/bin/python3 -c 'import pyte' 2>/dev/null || skip "python3-pyte is missing"
standard_network 1
narrow_paths 20mbit
relay_conf 1
relay_start 1
RELAYS=1 client_conf "detour-after = 0"
client_start
relays_up 1
web_start
truncate -s 8G "$TMP/www/file"

# top_start NAME COLUMNS ROWS [OPTIONS]: in a terminal of its own, as the environment says
top_start() {
	local name=$1 columns=$2 rows=$3
	shift 3
	mkdir "$TMP/$name"
	nsenter --net="/run/netns/$PREFIX-client" -- "$TERMINAL" "$TMP/$name" "$columns" "$rows" "$DETOURD" top --control "$TMP/${CONTROL:-client}.sock" "$@" >"$TMP/$name/errors" 2>&1 &
	disown
	wait_for 10 [ -p "$TMP/$name/keys" ]
}
# on_screen NAME WORDS: a row of the screen matches
on_screen() { grep -qE -- "$2" "$TMP/$1/screen"; }
off_screen() { ! on_screen "$@"; }
see() {
	local begin=$SECONDS
	until on_screen "$@" 2>/dev/null; do
		in_time "$begin" 15 || fail "not on the screen: $2: $(cat "$TMP/$1/screen" "$TMP/$1/errors")"
		sleep "$LOOK_PAUSE"
	done
}
see_not() { wait_for 15 off_screen "$@"; }
# rows_are NAME ROWS: the size has arrived
rows_are() { [ "$(grep -vc '^reversed' "$TMP/$1/screen")" = "$2" ]; }
press() { printf '%b' "$2" >"$TMP/$1/keys"; }
quit() {
	press "$1" q
	wait_for 10 [ -s "$TMP/$1/status" ]
	equals "$(cat "$TMP/$1/status")" 0 "exit code ($1)"
	[ ! -s "$TMP/$1/errors" ] || fail "$(cat "$TMP/$1/errors")"
}

say "nothing yet"
export LC_ALL=C.UTF-8 TERM=xterm-256color
unset NO_COLOR
top_start main 100 30
see main '^detourd client, for [0-9]+ s: 0 connections, 0 moving; gain unknown$'
see main '^relay1 +up +[0-9.]+ ms +0 bit/s +0 bit/s +0 % +unknown'
see main '^no connections that this host opened with MPTCP$'

say "a download by a program whose name is an escape sequence"
name=$(printf 'e\033[31mvil')
cp "$(command -v curl)" "$TMP/$name"
on client mptcpize run "$TMP/$name" -sS -o /dev/null "http://$SERVER4/file" &
disown
wait_for_join 10 vias_are "direct relay1"
see main "^ *1 +e\?\[31mvil +root +$SERVER4:80 .* [0-9.]+ Mbit/s +[0-9.]+ k?bit/s +direct [0-9]+ %"
see main '^detourd client, for .*: 1 connections, 1 moving'
see main '^down +[0-9.]+ Mbit/s.*[▂▃▄▅▆▇█]{2}  up'
see main '^relay1 +up .* [0-9.]+ Mbit/s .*[▂▃▄▅▆▇█]{2}$'
see main '^direct .* [0-9.]+ Mbit/s .*[▂▃▄▅▆▇█]{2}$'
grep -qa "$(printf '\033\\[[0-9;]*32')" "$TMP/main/raw" || fail "nothing is green"
! grep -qa "$(printf '\033\\[31mvil')" "$TMP/main/raw" || fail "the name came raw"

say "keys"
press main '\r'
see main "^connection 1 to $SERVER4:80, of e\?\[31mvil \(root\), for "
see main '^relay1 +established +[0-9.]+ Mbit/s.*[▂▃▄▅▆▇█]{3}$'
press main '\033'
see main '^PATH'
press main '?'
see main '^q +quit$'
press main x
see_not main '^q +quit$'
press main s
see main 's by down'
press main '/nothing like it\r'
see main '^no connection matches'
press main '\033'
see main "$SERVER4:80"
press main p
see main '^paused'
press main p
see_not main '^paused'

say "another size, down to 20 columns"
for size in "60 20" "20 10" "20 4" "200 60"; do
	press main "\0resize $size\n"
	see main "$(if [ "$size" = "20 4" ]; then echo '^up +'; else echo '^ *(1 +)?e\?\[31.*[0-9] Mbit/s'; fi)"
	wait_for 10 rows_are main "${size#* }"
done

say "the daemon dies, and returns"
kill -9 "$(cat "$TMP/client.pid")"
see main '^no answer for .* trying again: cannot connect to'
client_start
see_not main '^no answer'
relays_up 1
see main '^relay1 +up'
see main 's by down'
quit main
tail -c 200 "$TMP/main/raw" | grep -qa "$(printf '\033\\[?1049l')" || fail "the terminal is not as it was"

say "without UTF-8, colours, a description of the terminal"
LC_ALL=C TERM=vt100 top_start ascii 80 24
see ascii '^relay1 +up .* [0-9.]+ Mbit/s .*[-.:=+*#]{2}$'
! LC_ALL=C grep -q '[^ -~]' "$TMP/ascii/screen" || fail "not ASCII: $(cat "$TMP/ascii/screen")"
quit ascii
NO_COLOR=1 top_start plain 80 24
see plain '^relay1 +up .* [0-9.]+ Mbit/s'
! grep -qaE "$(printf '\033')"'\[([0-9;]*;)?3[1-7]m' "$TMP/plain/raw" || fail "coloured"
quit plain
TERM=never-heard-of top_start unknown 80 24
see unknown '^relay1 +up .* [0-9.]+ Mbit/s'
press unknown '?'
see unknown '^q +quit$'
press unknown ' '
quit unknown
for term in dumb ''; do
	TERM=$term top_start "dumb$term" 80 24
	see "dumb$term" 'needs a terminal that can move its$|needs a terminal that can move its cursor'
	wait_for 5 [ -s "$TMP/dumb$term/status" ]
	equals "$(cat "$TMP/dumb$term/status")" 1 "exit code with TERM=$term"
done
code=0
"$DETOURD" top --control "$TMP/client.sock" </dev/null >"$TMP/refused" 2>&1 || code=$?
equals "$code $(wc -l <"$TMP/refused")" "1 1" "exit code and lines without a terminal"

say "at the relay, and by signals"
CONTROL=relay1 top_start relay 120 24
see relay '^client +192\.0\.2\.2:[0-9]+ .*[0-9.]+ Mbit/s'
kill "$(cat "$TMP/relay/pid")"
wait_for 5 [ -s "$TMP/relay/status" ]
equals "$(cat "$TMP/relay/status")" 0 "exit code after SIGTERM"

say "what is no daemon"
answers() { # NAME TEXT
	printf '%s' "$2" >"$TMP/$1.answer"
	on client socat "UNIX-LISTEN:$TMP/$1.sock,fork" "SYSTEM:head -n 1 >/dev/null; cat $TMP/$1.answer" &
	disown
	wait_for 5 [ -S "$TMP/$1.sock" ]
}
is_shown() { # NAME WORDS
	CONTROL=$1 top_start "$1" 80 24
	see "$1" "$2"
	quit "$1"
}
is_shown nobody 'is detourd running'
answers garbage "$(printf '{\033[2J\0zero')"
is_shown garbage 'invalid reply of the daemon'
answers silent ''
is_shown silent 'the daemon hung up'
answers refusing '{"error":"no\u001b[2J"}'
is_shown refusing 'trying again: no\?\[2J'
answers long "$(head -c 100000 /dev/zero | tr '\0' 'x')"
is_shown long 'invalid reply of the daemon'
cat >"$TMP/older.sh" <<'SH'
read -r request
case $request in
status) echo '{"version":1,"mode":"client","relays":[{"name":"x","state":"up"}],"connections":[],"counters":{}}' ;;
monitor) echo '{"time_ms":5,"event":"relay","relay":"x","detail":"told by an older one"}'; sleep 5 ;;
*) echo '{"error":"unknown request; known are status and monitor"}' ;;
esac
SH
on client socat "UNIX-LISTEN:$TMP/older.sock,fork" "SYSTEM:sh $TMP/older.sh" &
disown
wait_for 5 [ -S "$TMP/older.sock" ]
is_shown older '^x +up'
CONTROL=older top_start older2 80 24
see older2 'told by an older one'
quit older2
# no permission, as a user who may not
chmod 711 "$TMP"
mkdir "$TMP/user"
chmod 777 "$TMP/user"
nsenter --net="/run/netns/$PREFIX-client" -- setpriv --reuid 65534 --clear-groups "$TERMINAL" "$TMP/user" 80 24 "$DETOURD" top --control "$TMP/client.sock" &
disown
wait_for 10 [ -p "$TMP/user/keys" ]
see user 'Permission denied; run as root'
press user q
wait_for 10 [ -s "$TMP/user/status" ]
