# shellcheck shell=bash source=lib.sh
# SIGUSR1 drains a relay: it grants no new leases, but renews old ones, and says so. Its client moves to the other relay,
# and once no flow is open the relay stops. A detour that is the only subflow of its connection stays until that ends.
. "$(dirname "$0")/lib.sh"
ask_or_skip
standard_network 2
narrow_paths "${RATE:-40}mbit"
key asker
relay_conf 1 "" "$(printf '[client asker]\npublic-key = %s\nplain-tcp = yes' "$(pub asker)")"
relay_start 1
relay_start 2
client_conf "max-detours = 1"
client_start
relays_up 2
web_start
random_file "$TMP/www/file" 100
on client mptcpize run curl -sS -o "$TMP/got" "http://$SERVER4/file" &
curl=$!
via() { echo ".connections[0].subflows[] | select(.via == \"$1\" and .state == \"established\" and .bytes_received > ${2:-0})"; }
wait_for 10 status_is client "$(via relay1 1000000)"
port=$(ask client asker 1 "lease $SERVER4:81" | awk '$1 == 0 { print $2 }')
[ -n "$port" ] || fail "no lease before"
# an open flow, so that the relay does not stop before it was asked
on server socat TCP-LISTEN:81,reuseaddr,fork EXEC:cat &
disown
wait_for 5 on server sh -c 'ss -ltn | grep -q :81'
on client socat "TCP:$(relay4 1):$port" EXEC:'sleep 1000' &
disown
wait_for 5 on server sh -c 'ss -Htn state established "sport = :81" | grep -q .'
pid=$(cat "$TMP/relay1.pid")
kill -USR1 "$pid"
wait_for 5 status_is relay1 .draining
"$DETOURD" status --control "$TMP/relay1.sock" | grep -q '^draining: no new leases' || fail "status does not say that it is draining"
equals "$(ask client asker 1 "lease $SERVER4:82" "renew $port $SERVER4:81" "release $port $SERVER4:81" | awk '{ print $1 $4 }' | tr '\n' ' ')" \
	"91 01 01 " "a new lease is refused, the old one renewed and released, and each answer tells (reason, draining)"
wait_for 10 status_is client "$(via relay2 500000)"
wait_for 5 status_is client "[$(via relay1)] | length == 0"
status_is client '.relays[0] | .state == "up" and (.reason | test("takes no new leases"))' || fail "$(status client)"
on client mptcpize run curl -sS --limit-rate 12M -o "$TMP/second" "http://$SERVER4/file" &
second=$!
wait_for 10 status_is client '.connections[] | select(.id == 2) | .subflows[] | select(.via == "relay2" and .state == "established")'
equals "$(counter client join_refused)" 0 "joins refused"
kill -0 "$pid" || fail "it did not wait for the open flow of ask"
kill_in client socat
wait_for 10 process_ended "$pid"
grep -q 'drained: no flow is open' "$TMP/relay1.log" || fail "it stopped for another reason"
wait $curl $second || fail "curl failed"
same_bytes "$TMP/www/file" "$TMP/got"
same_bytes "$TMP/www/file" "$TMP/second"

say "started again, it serves again"
relay_start 1
wait_for 10 status_is client '.relays[0] | .state == "up" and .reason == ""'
say "a detour that is the only subflow of its connection"
stop relay2
on client mptcpize run curl -sS --limit-rate 2M -o "$TMP/got" "http://$SERVER4/file" &
curl=$!
wait_for 10 status_is client "$(via relay1 1000000)"
# the direct path is cut, and its subflow closed
on r1 nft add table inet cut
on r1 nft add chain inet cut forward '{ type filter hook forward priority 0; }'
on r1 nft add rule inet cut forward ip saddr 192.0.2.0/28 ip daddr $SERVER4 reject with tcp reset
on client ss -K dst $SERVER4 dport 80 >/dev/null
wait_for 10 status_is client '.connections[0].subflows[] | select(.via == "direct" and .state == "closed")'
pid=$(cat "$TMP/relay1.pid")
kill -USR1 "$pid"
wait_for 5 status_is relay1 .draining
sleep 3
kill -0 "$pid" || fail "it did not wait for the open flow"
status_is client "$(via relay1)" || fail "the last subflow was closed"
kill_in client curl
wait_for 20 process_ended "$pid"

say "a flow that does not end: the relay stops at drain-timeout, and the flow goes on"
sed -i 's|^\[relay\]|&\ndrain-timeout = 3|' "$TMP/relay1.conf"
relay_start 1
port=$(ask client asker 1 "lease $SERVER4:81" | awk '$1 == 0 { print $2 }')
nsenter --net="/run/netns/$PREFIX-client" -- sh -c "(echo before; sleep 12; echo after; sleep 100) | exec socat - TCP:$(relay4 1):$port" >"$TMP/echo" &
disown
wait_for 5 grep -q before "$TMP/echo"
pid=$(cat "$TMP/relay1.pid")
kill -USR1 "$pid"
sleep 1.5
kill -0 "$pid" || fail "it did not wait for the open flow"
wait_for 8 process_ended "$pid"
grep -q 'drain-timeout = 3 s has passed, stopping; .*flows=1' "$TMP/relay1.log" || fail "the reason is not told"
wait_for 15 grep -q after "$TMP/echo"
