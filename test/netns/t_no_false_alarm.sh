# shellcheck shell=bash source=lib.sh
# Idle connections, applications that send little or do not read, and busy ones, each for seconds: no subflow is given up.
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths "${RATE:-20}mbit"
relay_start 1
RELAYS=1 client_conf "max-detours = 1"
client_start
relays_up 1
on server python3 "$(dirname "$0")/gap.py" serve $SERVER4 7000 &
disown
wait_for 5 on server sh -c 'ss -Htln | grep -q :7000'
on client python3 "$(dirname "$0")/gap.py" idle,slow-up,slow-down,full-up,full-down,up,down $SERVER4 7000 $((8 * ${SLOWNESS:-1})) >/dev/null &
pid=$!
wait_for 6 status_is client '[.connections[].subflows[] | select(.via == "relay1" and .state == "established")] | length == 7'
sleep 4
status client >"$TMP/client.json"
equals "$(jq '[.connections[].subflows[] | select(.state == "established")] | length' "$TMP/client.json")" 14 "subflows"
equals "$(jq .counters.subflows_given_up "$TMP/client.json")" 0 "subflows given up"
equals "$(jq .counters.joins "$TMP/client.json")" 7 "joins"
at_most "$(jq .counters.probes_sent "$TMP/client.json")" 560 "probes to seven connections in 4 s"
wait $pid
