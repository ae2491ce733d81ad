# shellcheck shell=bash source=lib.sh
# The client's page in headless Chromium: with no connection, one and 50, on a phone and in the dark, and with a program whose
# name is markup. Nothing is wider than the window, nothing of what is told becomes markup or is run, and the browser
# complains of nothing. PICTURES=DIR keeps the screenshots.
. "$(dirname "$0")/lib.sh"
BROWSER=$(command -v chromium-headless-shell || command -v chromium) || skip "no Chromium: sudo ./install-deps page"
export BROWSER
crowd_or_skip
standard_network 2
narrow_paths 40mbit
for n in 1 2; do relay_start $n; done
client_conf "detour-after = 0
metrics = 127.0.0.1:9745"
client_start
relays_up 2
crowd_serve $SERVER4
web_start
random_file "$TMP/www/file" 200
URL=http://127.0.0.1:9745
PICTURES=${PICTURES:-$TMP/pictures}
mkdir -p "$PICTURES"
get() { on client curl -sS --max-time $((10 * SLOWNESS)) "$@"; }

say "what is served"
get -D "$TMP/head" $URL/ >"$TMP/page.html"
for wanted in "Content-Security-Policy: default-src 'none'; script-src 'sha256-" "X-Content-Type-Options: nosniff" \
	"X-Frame-Options: DENY" "Referrer-Policy: no-referrer" "Cache-Control: no-store" "Content-Type: text/html; charset=utf-8"; do
	grep -q "^$wanted" "$TMP/head" || fail "no $wanted: $(cat "$TMP/head")"
done
# the SVG namespace is a name, not an address
! sed 's|http://www.w3.org/2000/svg||' "$TMP/page.html" | grep -qE '(src|href)="?https?:|https?://|@import|url\(|innerHTML|eval\(|style=' ||
	fail "the page names something from elsewhere, or makes markup of text"
get $URL/status.json | valid status-client
get $URL/curve.json | valid curve

# visit NAME: looks at the page in four ways; the facts are in $TMP/NAME.json
visit() {
	on client timeout $((120 * SLOWNESS)) python3 "$(dirname "${BASH_SOURCE[0]}")/browser.py" $URL/ $((90 * SLOWNESS)) "$PICTURES/$1:1000x800" \
		"$PICTURES/$1-dark:1000x800:dark" "$PICTURES/$1-phone:320x700" "$PICTURES/$1-tablet:700x900" >"$TMP/$1.json" ||
		fail "the browser: $(cat "$TMP/$1.json")"
	say "$1: $(jq -c '[.state, .relays, .fastest, .lines]' "$TMP/$1.json")"
	told "$1" '.complaints == []' "the browser complains"
	told "$1" '[.wider[][]] == []' "wider than the window"
	told "$1" '.unnamed == 0 and (.labels | all(length > 20)) and .headings == "H1 H2 H2 H2 H2"' "for screen readers"
	told "$1" '.scripts == 1 and .images == 0 and .title == "detourd"' "scripts"
	[ "$(find "$PICTURES" -name "$1*.png" -size +4k | wc -l)" = 4 ] || fail "pictures are missing"
}
told() { jq -e "$2" "$TMP/$1.json" >/dev/null || fail "$1: $3: $(jq -c . "$TMP/$1.json")"; }

say "no connection"
visit none
told none '.state == "2 relays up." and .relays == 2 and .fastest == 0 and .lines == 3' "what is shown"

say "one connection, of a program whose name is markup"
name='<b>x'
cp "$(command -v curl)" "$TMP/$name"
nsenter --net="/run/netns/$PREFIX-client" -- mptcpize run sh -c "while :; do '$TMP/$name' -sS -o /dev/null 'http://$SERVER4/file'; done" &
load=$!
disown
wait_for_join 10 vias_are "direct relay1 relay2"
wait_for 20 status_is client '.total.receive_bps > 1000000'
visit one
told one '.fastest >= 1 and .bold == 0 and (.text | contains("<b>x")) and .lines >= 5' "what is shown"

say "50 connections"
crowd main $SERVER4 49 200
wait_for 20 status_is client '.connections | length >= 50'
visit fifty
told fifty '.fastest == 10 and (.text | test("The first 10 of (49|50|51)")) and .bold == 0' "what is shown"
get $URL/status.json >"$TMP/fifty-status.json"
valid status-client <"$TMP/fifty-status.json"

say "the hour's curve grows"
samples() { get $URL/curve.json | jq '.paths[0].receive_bps | length'; }
samples_are_more() { [ "$(samples)" -gt "$1" ]; }
wait_for 25 samples_are_more 1
get $URL/curve.json | valid curve
get $URL/curve.json | jq -e '[.paths[].name] == ["direct", "relay1", "relay2"] and ([.paths[].receive_bps[]] | add > 100000)' >/dev/null ||
	fail "the curve: $(get $URL/curve.json | head -c 1000)"
kill $load 2>/dev/null || true
crowd_end main
