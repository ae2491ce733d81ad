# shellcheck shell=bash source=lib.sh
# 200 MB through detours arrive byte for byte, downwards over IPv4 and upwards over IPv6.
. "$(dirname "$0")/lib.sh"
standard_network 2
narrow_paths "${RATE:-80}mbit"
relay_conf 1
relay_conf 2
relay_start 1
relay_start 2
client_conf
client_start
relays_up 2
web_start
random_file "$TMP/www/file" 200

on client mptcpize run curl -sS -o "$TMP/got" "http://$SERVER4/file" &
curl=$!
wait_for 20 status_is client '[.connections[0].subflows[] | select(.via != "direct" and .bytes_received > 20000000)] | length == 2'
# sockops does not report received data: samples must show the rate
wait_for 7 status_is client '[.connections[0].subflows[] | select(.receive_bps > 1000000)] | length >= 2'
status client >"$TMP/mid.json"
wait $curl || fail "curl failed"
same_bytes "$TMP/www/file" "$TMP/got"
say "down: relay1 $(bytes_of mid relay1 bytes_received) relay2 $(bytes_of mid relay2 bytes_received) direct $(bytes_of mid direct bytes_received)"

receive_start 9000 "$TMP/got6" 6
on client mptcpize run socat -u "OPEN:$TMP/www/file" "TCP6:[$SERVER6]:9000" &
socat=$!
wait_for 20 status_is client '[.connections[] | select(.remote | contains("2001:")) | .subflows[] | select(.via != "direct" and .bytes_acked > 20000000)] | length == 2'
wait $socat || fail "socat failed"
wait_for 10 cmp "$TMP/www/file" "$TMP/got6"
say "up over IPv6: every byte is right"
