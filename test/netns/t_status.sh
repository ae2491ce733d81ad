# shellcheck shell=bash source=lib.sh
# detourd status: rates, shares, program, user and rule of connections, rates of relays and clients; filters, narrow screens,
# names that a terminal would obey, --watch over a daemon's restart, and what is no daemon.
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths 20mbit
relay_conf 1 "" "max-leases = 1"
relay_start 1
RELAYS=1 client_conf "detour-after = 0"
client_start
relays_up 1
web_start
random_file "$TMP/www/file" 200
view() { "$DETOURD" status --control "$TMP/${NAME:-client}.sock" "$@"; }
# shows WORDS...: what `status` prints with these options has the line $LINE
shows() { view "$@" | grep -E "$LINE" >/dev/null; }

say "nothing yet"
LINE='^no connections that this host opened with MPTCP$' shows || fail "$(view)"
LINE='^RELAY .* LAST SEEN$' shows || fail "$(view)"
LINE='^relay1 +up +[0-9.]+ ms +0 bit/s +0 bit/s +0 % +unknown +[0-9]+ s ago$' shows || fail "$(view)"

say "a download by a program whose name is an escape sequence"
name=$(printf 'e\033[31mvil')
cp "$(command -v curl)" "$TMP/$name"
on client mptcpize run "$TMP/$name" -sS -o /dev/null "http://$SERVER4/file" &
disown
wait_for_join 10 vias_are "direct relay1"
wait_for 20 status_is client '.connections[0] | .receive_bps > 5000000 and all(.subflows[]; .share > 0.1 and .receive_bps > 1000000)'
status client >"$TMP/moving.json"
jq -e '.connections[0] | (.program | test("^e.\\[31mvil$")) and .uid == 0 and .rule == "lab" and .age_s >= 0 and (.gain | has("known") and has("text"))' \
	"$TMP/moving.json" >/dev/null || fail "$(jq -c '.connections[0]' "$TMP/moving.json")"
jq -e '.connections[0] | ([.subflows[].share] | add) > 0.99 and ([.subflows[].share] | add) < 1.01' "$TMP/moving.json" >/dev/null ||
	fail "the shares are no whole: $(jq -c '[.connections[0].subflows[].share]' "$TMP/moving.json")"
jq -e '(.relays[0].receive_bps == (.connections[0].subflows[] | select(.via == "relay1") | .receive_bps)) and
	.total.receive_bps == .connections[0].receive_bps and .total.moving == 1' "$TMP/moving.json" >/dev/null ||
	fail "sums: $(jq -c '[.total, .relays[0].receive_bps, .connections[0].receive_bps]' "$TMP/moving.json")"
LINE="^ *1 +e\?\[31mvil +root +$SERVER4:80 +lab +[0-9]+ s +[0-9.]+ Mbit/s +[0-9.]+ k?bit/s\$" shows || fail "$(view)"
LINE='^  direct [0-9]+ %, relay1 [0-9]+ %; gain ' shows || fail "$(view)"
LINE='^detourd [0-9.]+, client, for [0-9]+ s: 1 connection, 1 moving; ' shows || fail "$(view)"

valid status-client <"$TMP/moving.json"

say "the same at the relay"
wait_for 20 status_is relay1 '.clients[0] | .receive_bps > 1000000 and (.address | test("^192.0.2.2:")) and .seen_s_ago <= 5 and .limits_reached == ["max-leases"]'
NAME=relay1 LINE='^client +192\.0\.2\.2:[0-9]+ +[0-9]+ s ago +[0-9.]+ Mbit/s' shows || fail "$(NAME=relay1 view)"
NAME=relay1 LINE='max-leases$' shows || fail "$(NAME=relay1 view)"
status relay1 | valid status-relay
! NAME=relay1 view --via relay1 2>/dev/null || fail "a relay has no connections to filter"

say "filters"
LINE=':80 ' shows --via relay1 --user root --server $SERVER4:80 --sort age || fail "$(view --via relay1)"
LINE='^no connection matches$' shows --via nyc || fail "$(view --via nyc)"
LINE='^no connection matches$' shows --server "$SERVER4:81" || fail "$(view --server "$SERVER4:81")"
LINE='^no connection matches$' shows --program curl || fail "$(view --program curl)"
equals "$(view --json --program "$name" | jq '.connections | length')" 1 "connections of that program, as JSON"
equals "$(view --json --user daemon | jq '.connections | length')" 0 "connections of another user, as JSON"

say "screens of any width, without control characters"
for width in 20 40 80 200; do
	COLUMNS=$width view >"$TMP/screen"
	awk -v width=$width '{ gsub(/±|…/, "+") } length($0) > width' "$TMP/screen" >"$TMP/wide"
	[ ! -s "$TMP/wide" ] || fail "wider than $width columns: $(cat "$TMP/wide")"
	! LC_ALL=C grep -q '[[:cntrl:]]' "$TMP/screen" || fail "control characters: $(cat -v "$TMP/screen")"
done

say "--watch over a restart of the daemon, until nobody reads it"
# a function would be a shell, and $! its id
nsenter --net="/run/netns/$PREFIX-client" -- "$DETOURD" status --watch=0.2 --control "$TMP/client.sock" >"$TMP/watched" 2>"$TMP/watched.err" &
watcher=$!
disown
wait_for 5 sh -c "[ \$(grep -c '^relay1 ' '$TMP/watched') -ge 2 ]"
stop client
wait_for 5 grep -q 'cannot connect to' "$TMP/watched.err"
client_start
screens=$(grep -c '^relay1 ' "$TMP/watched")
wait_for 10 sh -c "[ \$(grep -c '^relay1 ' '$TMP/watched') -gt $screens ]"
kill -0 $watcher || fail "it has ended"
kill $watcher
for option in "" --json; do
	# shellcheck disable=SC2086 # none or one
	{ "$DETOURD" status --watch=0.2 $option --control "$TMP/client.sock" 2>"$TMP/closed.err" || [ $? = 141 ]; } | head -n 1 >/dev/null
	[ ! -s "$TMP/closed.err" ] || fail "a closed pipe: $(cat "$TMP/closed.err")"
done
equals "$({ view --watch=0.1 --json || [ $? = 141 ]; } | head -n 2 | jq -s length)" 2 "objects of --watch --json, a line each"

say "what is no daemon"
is_refused() { # SOCKET WORDS
	local code=0
	"$DETOURD" status --control "$TMP/$1.sock" >"$TMP/refused" 2>&1 || code=$?
	equals "$code $(wc -l <"$TMP/refused")" "1 1" "exit code and lines ($1)"
	grep -q "$2" "$TMP/refused" || fail "$1: $(cat "$TMP/refused")"
	! LC_ALL=C grep -q '[[:cntrl:]]' "$TMP/refused" || fail "control characters: $(cat -v "$TMP/refused")"
}
is_refused nobody 'is detourd running'
answers() { # NAME TEXT
	printf '%s' "$2" >"$TMP/$1.answer"
	on client socat "UNIX-LISTEN:$TMP/$1.sock,fork" "SYSTEM:head -n 1 >/dev/null; cat $TMP/$1.answer" &
	disown
	wait_for 5 [ -S "$TMP/$1.sock" ]
}
answers garbage "$(printf '{\033[2J')"
is_refused garbage 'invalid reply of the daemon'
answers array '[1]'
is_refused array 'invalid reply of the daemon'
answers silent ''
is_refused silent 'invalid reply of the daemon'
answers refusing '{"error":"no\u001b[2J"}'
is_refused refusing 'no?\[2J'
answers older '{"version":1,"mode":"client","relays":[{"name":"x","state":"up"}],"connections":[],"counters":{}}'
NAME=older LINE='^x +up +\?' shows || fail "$(NAME=older view)"
