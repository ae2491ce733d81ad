# shellcheck shell=bash source=lib.sh
# No subflow is given up while nothing is wrong: on idle connections, with applications that send little or do not read,
# and with busy ones.
# alone: other tests would delay answers
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths "${RATE:-20}mbit"
relay_start 1
RELAYS=1 client_conf "max-detours = 1"
client_start
relays_up 1
gap_serve
gap idle,slow-up,slow-down,full-up,full-down,up,down $SERVER4 7000 $((8 * SLOWNESS)) >/dev/null &
pid=$!
wait_for 6 status_is client '[.connections[].subflows[] | select(.via == "relay1" and .state == "established")] | length == 7'
sleep 4
status client >"$TMP/client.json"
equals "$(jq '[.connections[].subflows[] | select(.state == "established")] | length' "$TMP/client.json")" 14 "subflows"
equals "$(jq .counters.subflows_given_up "$TMP/client.json")" 0 "subflows given up"
equals "$(jq .counters.subflows_faded "$TMP/client.json")" 0 "subflows made backup"
equals "$(jq .counters.joins "$TMP/client.json")" 7 "joins"
at_most "$(jq .counters.probes_sent "$TMP/client.json")" 560 "probes to seven connections in 4 s"
wait $pid
