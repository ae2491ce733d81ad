# shellcheck shell=bash source=lib.sh
# No copy of a key stays in memory: of the text in a key file none, in whatever spelling; of a private key as many as before,
# whatever was reloaded; of the keys shared with a client, or with a relay, none after a reload has taken it away.
. "$(dirname "$0")/lib.sh"
wireguard_or_skip
memory=$(dirname "$0")/../tools/memory.py
"$memory" keys "$("$DETOURD" genkey)" "$("$DETOURD" genkey)" >/dev/null 2>&1 || skip "no libsodium for Python"

hex_of() { od -An -tx1 | tr -d ' \n'; }
# spellings NAME: of a private key, for memory.py: its bytes, and as text
spellings() {
	local raw
	raw=$(base64 -d <"$TMP/$1.key" | hex_of)
	echo "$1.bytes $raw"
	echo "$1.base64 $(head -c 42 "$TMP/$1.key" | hex_of)"
	echo "$1.hex $(printf %s "$raw" | hex_of)"
}
# count NAME PROGRAM <LINES: how often the memory of relay1, or of the client, has it
count() { "$memory" "$(cat "$TMP/$2.pid")" | sed -n "s/^$1 //p"; }
# texts_gone NAME DAEMON
texts_gone() {
	local spelling
	for spelling in base64 hex; do
		equals "$(spellings "$1" | count "$1.$spelling" "$2")" 0 "$1's key as $spelling in the memory of $2"
	done
}
bytes() { spellings "$1" | count "$1.bytes" "$2"; }
# shared: the keys that relay1 and the client share
shared() { "$memory" keys "$(cat "$TMP/relay1.key")" "$(pub client)"; }
shared_gone() { [ "$(shared | count rx "$1") $(shared | count tx "$1")" = "0 0" ]; }
# tunnel_key SPACE DEVICE
tunnel_key() { on "$1" wg show "$2" private-key | base64 -d | hex_of; }
reload() {
	local before
	before=$(grep -c '^.*reloaded' "$TMP/$1.log") || :
	kill -HUP "$(cat "$TMP/$1.pid")"
	wait_for 10 reloads_are "$1" $((before + 1))
}
reloads_are() { [ "$(grep -c '^.*reloaded' "$TMP/$1.log")" -ge "$2" ]; }

standard_network 1
relay_conf 1 "$(wg_relay 1)" "[client other]
public-key = $(pub other)"
relay_start 1
RELAYS=1 client_conf
carrier_set 1 wireguard
client_start
relays_up 1
wait_for 10 status_is relay1 '.clients[] | select(.name == "client") | .tunnels == 1'
declare -A kept
for key in relay1 client; do
	kept[$key]=$(bytes $key $key)
	at_least "${kept[$key]}" 1 "$key's private key is in use, copies"
	at_most "${kept[$key]}" 2 "$key's private key, copies"
	texts_gone $key $key
	at_least "$(shared | count rx $key)" 1 "keys shared by relay1 and client, in the memory of $key"
done
say "tunnels"
if command -v wg >/dev/null; then
	tunnel=$(tunnel_key relay1 "$(wg_name r1)")
	at_most "$(echo "key $tunnel" | count key relay1)" 1 "private key of relay1's tunnels, copies"
	equals "$(echo "key $(printf %s "$tunnel" | hex_of)" | count key relay1)" 0 "the same as hex"
	tunnel=$(tunnel_key client "$(wg_name c1)")
	at_most "$(echo "key $tunnel" | count key client)" 1 "private key of the client's tunnel, copies"
	equals "$(echo "key $(printf %s "$tunnel" | hex_of)" | count key client)" 0 "the same as hex"
fi
say "reloads"
for key in relay1 client; do
	reload $key
	reload $key
	at_most "$(bytes $key $key)" "${kept[$key]}" "$key's private key, copies after two reloads"
	texts_gone $key $key
done
say "a client is taken away, and a relay"
sed -i '/^\[client client\]/,/^max-new-flows/d' "$TMP/relay1.conf"
reload relay1
shared_gone relay1 || fail "the relay still has the keys of a client that is gone"
sed -i '/^\[relay relay1\]/,/^wireguard-device/d' "$TMP/client.conf"
reload client
wait_for 10 shared_gone client
[ -z "${tunnel:-}" ] || equals "$(echo "key $tunnel" | count key client)" 0 "key of a tunnel that is gone"
