# shellcheck shell=bash source=lib.sh
# Probes do no harm. Each travels as the connection's own segments do: with their flow label, by which routers choose a
# path. Its answer is counted by detourd, and TCP never sees it: neither does the peer's D-SACK count, nor does the
# subflow's window become news.
. "$(dirname "$0")/lib.sh"
command -v tcpdump >/dev/null || skip "no tcpdump"
standard_network 1
relay_start 1
RELAYS=1 client_conf "max-detours = 1"
client_start
relays_up 1
gap_serve $SERVER6
on client tcpdump -i eth0 -n -v -t --immediate-mode -U -w "$TMP/packets" 'ip6 and tcp port 7000 or ip6 and tcp portrange 50000-59999' 2>/dev/null &
dump=$!
wait_for 5 test -s "$TMP/packets"
gap slow-down $SERVER6 7000 $((4 * SLOWNESS)) >"$TMP/gap" &
gap=$!
wait_for 8 subflows_are 2
wait_for 8 status_is client '.counters.probes_sent > 3'
wait $gap || fail "the transfer failed"
sleep 0.3
kill $dump
wait $dump || true
tcpdump -n -v -t -r "$TMP/packets" 2>/dev/null >"$TMP/lines" || true
asked=$(counter client probes_sent)
say "$asked probes"
answered=$(grep -c '> 2001:db8:c::2\.[0-9]*: .*sack 1 {[0-9]*:[0-9]*}' "$TMP/lines" || true)
at_least "$answered" 1 "answers with a D-SACK on the wire"
equals "$(on client nstat -az TcpExtTCPDSACKRecv | awk '/DSACK/ { print $2 }')" 0 "D-SACKs that TCP saw"
say "flow labels of each subflow, as the client sends"
sed -n 's/^IP6 (flowlabel \(0x[0-9a-f]*\),.*) \(2001:db8:c::2\.[0-9]*\) > .*/\2 \1/p; s/^IP6 (hlim .*) \(2001:db8:c::2\.[0-9]*\) > .*/\1 none/p' "$TMP/lines" |
	sort -u | tee "$TMP/labels"
[ -s "$TMP/labels" ] || fail "nothing was captured"
equals "$(cut -d' ' -f1 "$TMP/labels" | sort | uniq -d | wc -l)" 0 "subflows with several labels"
