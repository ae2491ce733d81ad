# shellcheck shell=bash source=lib.sh
# Wrong keys at the client or the relay: no answer, but the client says why and the relay counts it. Datagrams of
# strangers are never answered.
. "$(dirname "$0")/lib.sh"
standard_network 1
relay_conf 1
relay_start 1
capture() {
	nsenter --net="/run/netns/$PREFIX-client" -- tcpdump -U -ni eth0 -w "$TMP/$1.pcap" 'udp port 45672' 2>/dev/null &
	tcpdump=$!
	disown
	wait_for 5 test -s "$TMP/$1.pcap"
}
capture_end() {
	sleep 0.3
	kill $tcpdump
	wait_for 5 process_ended $tcpdump
}
capture strangers

# 1: the relay does not know this client
key stranger
RELAYS=1 client_conf "detour-after = 0" # asks for a lease at once
sed "s|$TMP/client.key|$TMP/stranger.key|" "$TMP/client.conf" >"$TMP/stranger.conf"
mv "$TMP/client.conf" "$TMP/right.conf"
mv "$TMP/stranger.conf" "$TMP/client.conf"
client_start
wait_for 10 status_is client '.relays[0].state == "down" and (.relays[0].reason | test("key|know"))'
stop client
at_least "$(counter relay1 dropped_auth)" 2 "dropped_auth"
# 2: the client has another relay's key
key other
sed "s|public-key = .*|public-key = $(pub other)|" "$TMP/right.conf" >"$TMP/client.conf"
client_start
wait_for 10 status_is client '.relays[0].state == "down"'
stop client
# 3: garbage, truncated, oversized, foreign
auth=$(counter relay1 dropped_auth) malformed=$(counter relay1 dropped_malformed)
on client python3 "$(dirname "$0")/garbage.py" "$(relay4 1)" 45672 || fail "garbage was answered"
at_least "$(($(counter relay1 dropped_malformed) - malformed))" 300 "dropped_malformed"
at_least "$(($(counter relay1 dropped_auth) - auth))" 50 "dropped_auth"
capture_end
equals "$(tcpdump -nr "$TMP/strangers.pcap" 'src port 45672' 2>/dev/null | wc -l)" 0 "datagrams the relay sent so far"

# 4: the right client, then a replay of what it sent: dropped while its token is valid
cp "$TMP/right.conf" "$TMP/client.conf"
capture right
client_start
relays_up 1
web_start
echo hello >"$TMP/www/file"
on client mptcpize run curl -sS "http://$SERVER4/file" >/dev/null
sleep 2.2
stop client
capture_end
at=$(counter relay1 dropped_replay)
leases=$(status relay1 | jq '.clients[0].leases')
on client python3 "$(dirname "$0")/replay.py" "$TMP/right.pcap" "$(relay4 1)" 45672 >"$TMP/replay.txt"
cat "$TMP/replay.txt"
equals "$(grep -c '^tokens 1$' "$TMP/replay.txt")" 1 "tokens given for replays (of the one without a token)"
at_least "$(($(counter relay1 dropped_replay) - at))" 2 "dropped_replay"
equals "$(status relay1 | jq '.clients[0].leases')" "$leases" "leases"
# 5: after a restart the relay has another secret: a replay gets a token at most, and makes no state
stop relay1 KILL
relay_start 1
on client python3 "$(dirname "$0")/replay.py" "$TMP/right.pcap" "$(relay4 1)" 45672 >"$TMP/replay.txt"
cat "$TMP/replay.txt"
equals "$(grep -c '^longer 0$' "$TMP/replay.txt")" 1 "answers longer than their question: none"
equals "$(counter relay1 requests)" 0 "requests accepted"
equals "$(status relay1 | jq '.clients[0].leases')" "$leases" "leases"
