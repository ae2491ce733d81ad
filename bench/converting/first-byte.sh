# shellcheck shell=bash
# From connect() to the first byte of a small file, in a new connection: see bench/convert.
. "$(dirname "$0")/lib.sh"
rounds=${1:-15} rtt_ms=${2:-20}
read -ra ways <<<"${WAYS:-direct converted haproxy shadowsocks}"
# as far from the server as half of that
two_paths 100 $((rtt_ms * 1000))
[ "$rtt_ms" = 0 ] || far_converter $((rtt_ms * 500))
ways_start 0
# ms until the first byte
first_byte() {
	local run=(curl -fsS -o /dev/null -w '%{time_starttransfer}')
	case $1 in
	direct) on client "${run[@]}" "http://$SERVER4:8080/small" ;;
	converted) ready 8080; on client mptcpize run "${run[@]}" "http://$SERVER4:8080/small" ;;
	haproxy) on client mptcpize run "${run[@]}" "http://$(relay4 3):6080/small" ;;
	shadowsocks) on client "${run[@]}" "http://127.0.0.1:6080/small" ;;
	esac | awk '{ print $1 * 1000 }'
}
for ((round = 1; round <= rounds; round++)); do
	for way in "${ways[@]}"; do first_byte "$way" >>"$TMP/first-$way"; done
done
table "first byte, RTT $rtt_ms ms" ms first "${ways[@]}"
