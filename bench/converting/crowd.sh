# shellcheck shell=bash
# Short connections a second, what one costs the relay's process, and what an idle one holds: see bench/convert.
. "$(dirname "$0")/lib.sh"
rounds=${1:-10} count=${2:-5000}
read -ra ways <<<"${WAYS:-converted haproxy}"
two_paths 0 0
for space in client relay3; do on $space sysctl -qw net.ipv4.ip_local_port_range="1024 65535" net.ipv4.tcp_tw_reuse=1; done
ways_start 0
place() { # WAY: address and port
	case $1 in
	converted) echo "$SERVER4 5555" ;;
	haproxy) echo "$(relay4 3) 6555" ;;
	shadowsocks) echo "127.0.0.1 6555" ;;
	esac
}
rss_kb() { awk '/VmRSS/ { print $2 }' "/proc/$1/status"; }
fds() { find "/proc/$1/fd" -mindepth 1 | wc -l; }
ready 5555
for ((round = 1; round <= rounds; round++)); do
	for way in "${ways[@]}"; do
		[ "$way" != converted ] || ready 5555
		pid=$(pid_of "$way")
		before=$(cpu_ns "$pid")
		# shellcheck disable=SC2046 # two words
		on client "$CROWD" short $(place "$way") "$count" "${AT_ONCE:-64}" >"$TMP/short"
		awk '{ print $2 / $6 }' "$TMP/short" >>"$TMP/second-$way"
		[ "$(awk '{ print $4 }' "$TMP/short")" = 0 ] || say "$way: $(cat "$TMP/short")"
		echo $((($(cpu_ns "$pid") - before) / count / 1000)) >>"$TMP/cost-$way"
	done
done
table "short connections, $count of them, ${AT_ONCE:-64} at once" "a second" second "${ways[@]}"
table "processor time of one" us cost "${ways[@]}"
for way in "${ways[@]}"; do
	pid=$(pid_of "$way")
	rss=$(rss_kb "$pid") open=$(fds "$pid")
	# shellcheck disable=SC2046
	nsenter --net="/run/netns/$PREFIX-client" -- "$CROWD" open $(place "$way") "$count" 1000 >"$TMP/crowd-$way" 2>&1 &
	echo $! >"$TMP/crowd-$way.pid"
	disown
	wait_for 60 grep -q "^open" "$TMP/crowd-$way"
	sleep 5
	echo "$way: $(head -1 "$TMP/crowd-$way"); an idle one: $((($(rss_kb "$pid") - rss) * 1024 / count)) bytes resident, $(awk -v n=$(($(fds "$pid") - open)) -v c="$count" 'BEGIN { printf "%.2f", n / c }') descriptors"
	crowd_end "$way"
	sleep 2
done
