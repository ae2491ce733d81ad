. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths 400mbit
	on r1 tc qdisc replace dev relay1 root netem delay 5ms limit 10000
	on relay1 tc qdisc replace dev eth0 root netem delay 5ms limit 10000
rate() { relay_conf 1 "max-rate = ${2:-40gbit}" "plain-tcp = yes
max-rate = $1"; }
rate 1gbit 10mbit
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
server_iperf
subflow='.connections[].subflows[] | select(.via == "relay1" and .state == "established")'
iperf -t 2 >/dev/null &
wait_for 5 status_is client "$subflow"
at=$(status client | jq -r "[$subflow | .remote] | first")
wait $!
gets() { sleep 0.5; iperf3_run on client iperf3 -c "${at%:*}" -p "${at##*:}" -J "$@" >"$TMP/gets"; say "$1 $(cat $TMP/gets) : $(jq -r '[.intervals[].sum | .bits_per_second / 1e5 | round / 10] | join(" ")' "$TMP/iperf3.json") retr $(jq .end.sum_sent.retransmits $TMP/iperf3.json)"; }
for l in 10 20; do
rate 1gbit ${l}mbit
kill -HUP "$(cat "$TMP/relay1.pid")"
say $l
sleep 0.5
for i in 1 2 3; do
gets -t3 -R
gets -t3
gets -t10 -R
done; done
