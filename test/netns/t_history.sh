# shellcheck shell=bash source=lib.sh
# detourd history: what is in the state file is shown, as a table, JSON and a picture; the gain in `status` outlives the daemon;
# a file that somebody else wrote is put aside; what was measured just now is in it.
. "$(dirname "$0")/lib.sh"
export CHOOSE=default
standard_network 1
narrow_paths 20mbit
relay_conf 1
relay_start 1
key=$("$DETOURD" pubkey <"$TMP/relay1.key")
none=$(head -c 32 /dev/zero | base64)
gone=$(head -c 32 /dev/zero | tr '\0' 'x' | base64)
hour=$(($(date +%s) / 3600 * 3600))
write_state() { # LINES...
	{
		echo "detourd-history 3"
		printf '%s\n' "$@"
		echo "end $#"
	} >"$TMP/state"
}
history() { "$DETOURD" history --control "$TMP/client.sock" "$@"; }
# begin span prefix key way count ratio scatter noise last, all of the gain in millionths
write_state \
	":: $none down 1000000 1000000 10 $hour 3 1500000 1000 6400 $hour" \
	"gain $((hour - 86400)) 3600 203.0.113.0 $none down 2 1500000 1000 6400 $((hour - 86400))" \
	"gain $((hour - 86400)) 3600 203.0.113.0 $key down 2 1400000 1000 6400 $((hour - 86400))" \
	"gain $((hour - 10 * 86400)) 86400 203.0.113.0 $gone up 1 900000 0 900 $((hour - 10 * 86400))" \
	"gain $((hour - 500 * 86400)) 86400 203.0.113.0 $gone up 1 900000 0 900 $((hour - 500 * 86400))"
RELAYS=1 client_conf "max-detours = 1
state = $TMP/state"
client_start
relays_up 1

say "what the file has"
history --json --since 30d | valid history
equals "$(history --json | jq -c '[.records[] | [.relay // "all", (.percent | round), .measured]]')" '[["all",50,2],["relay1",40,2]]' "the last 7 days"
equals "$(history --json --since 600d | jq '.records | length')" 3 "what is older than the ledger keeps is gone"
equals "$(history --json --via relay1 | jq '.records | length')" 1 "of one relay"
equals "$(history --json --destination 203.0.113.99 | jq '.records | length')" 2 "of one destination"
equals "$(history --json --destination 198.51.100.0/24 | jq '.records | length')" 0 "of another destination"
history | grep -qE '^203\.0\.113\.0/24 +all detours +down +\+50 % ± [0-9]+ +2 times' || fail "$(history)"
history --since 30d | grep -qE '^203\.0\.113\.0/24 +key eHh4eHh4 +up +-10 % ± 3 ' || fail "$(history --since 30d)"
equals "$(history --since 1m)" "nothing was measured in the last 60 s" "nothing"
history --since 30d --plot "$TMP/gain.svg" >/dev/null
python3 -c 'import sys, xml.dom.minidom; print(len(xml.dom.minidom.parse(sys.argv[1]).getElementsByTagName("circle")))' "$TMP/gain.svg" >"$TMP/circles"
equals "$(cat "$TMP/circles")" 3 "points in the picture"
for width in 20 40 80; do
	COLUMNS=$width history >"$TMP/screen"
	awk -v width=$width '{ gsub(/[^ -~]+/, "+") } length($0) > width' "$TMP/screen" >"$TMP/wide"
	[ ! -s "$TMP/wide" ] || fail "wider than $width columns: $(cat "$TMP/wide")"
done
status_is client '.total.gain | .known and (.percent | round) == 50 and .measured == 3' || fail "the gain is not known: $(status client | jq -c .total.gain)"

say "what is wrong"
is_refused() { # CODE WORDS OPTIONS...
	local code=0 wanted=$1 words=$2
	shift 2
	history "$@" >"$TMP/refused" 2>&1 || code=$?
	equals "$code" "$wanted" "exit code of $*"
	grep -q "$words" "$TMP/refused" || fail "$(cat "$TMP/refused")"
}
is_refused 2 'takes a time' --since week
is_refused 2 'in numbers' --destination server.example
is_refused 1 'cannot write' --plot "$TMP/none/gain.svg"
code=0
"$DETOURD" history --control "$TMP/nobody.sock" >"$TMP/refused" 2>&1 || code=$?
equals "$code" 1 "exit code without a daemon"
{ history --json --since 30d || [ $? = 141 ]; } | head -n 1 >/dev/null
"$DETOURD" history --control "$TMP/relay1.sock" >"$TMP/refused" 2>&1 && fail "a relay has no history"
grep -q 'unknown request' "$TMP/refused" || fail "$(cat "$TMP/refused")"

say "the next start has it, too; a file of others is put aside"
stop client
client_start
equals "$(history --json | jq '.records | length')" 2 "after a restart"
stop client
sed -i 's/^gain /gian /' "$TMP/state"
client_start
grep -q 'damaged at line 3' "$TMP/client.log" || fail "$(cat "$TMP/client.log")"
equals "$(history)" "nothing was measured in the last 7 d" "with a damaged file"
[ -s "$TMP/state.damaged" ] || fail "it is not kept"
