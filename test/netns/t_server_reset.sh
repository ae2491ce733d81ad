# shellcheck shell=bash source=lib.sh
# A join that is refused by an RST: `why` says that it was the server only where the relay saw the server's RST, not where
# something between client and relay sent one.
. "$(dirname "$0")/lib.sh"
standard_network 1
relay_start 1
RELAYS=1 client_conf "detour-after = 0"
client_start
relays_up 1
receive_start 9001 /dev/null
receive_start 9002 /dev/null
held() { # PORT
	on client mptcpize run sh -c "(echo hello; sleep 1000) | socat -u - TCP4:$SERVER4:$1" >/dev/null 2>&1 &
	disown
}
why_says() { "$DETOURD" why --control "$TMP/client.sock" "$SERVER4:$1" | grep -q "$2"; }

say "a firewall between client and relay resets joins"
on r1 nft 'add table inet filter; add chain inet filter forward { type filter hook forward priority 0; }
	add rule inet filter forward ip daddr 198.51.100.18 tcp dport 50000-59999 reject with tcp reset'
held 9001
wait_for 10 why_says 9001 "relay1: the join was refused"
# long enough for the relay to look at its flows, and for the client to ask it
wait_for 20 status_is client '.counters.join_refused >= 3'
! why_says 9001 "the server refused" || fail "$("$DETOURD" why --control "$TMP/client.sock" $SERVER4)"
status_is relay1 '.counters.server_resets == 0' || fail "the relay counted resets"
on r1 nft delete table inet filter

say "the server resets joins"
on server nft 'add table inet filter; add chain inet filter input { type filter hook input priority 0; }
	add rule inet filter input ip saddr 198.51.100.18 tcp dport 9002 reject with tcp reset'
held 9002
wait_for 20 why_says 9002 "relay1: the server refused the join"
status_is relay1 '.counters.server_resets >= 1' || fail "the relay counted no resets"
