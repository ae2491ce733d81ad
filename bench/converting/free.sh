# shellcheck shell=bash
# Goodput without limits, over one path, and what a gigabyte costs the relay's process: see bench/convert.
. "$(dirname "$0")/lib.sh"
rounds=${1:-10} seconds=${2:-4}
read -ra ways <<<"${WAYS:-direct converted endtoend haproxy shadowsocks}"
two_paths 0 0
ways_start 0
for ((round = 1; round <= rounds; round++)); do
	for way in "${ways[@]}"; do
		for direction in up down; do
			options=(-t "$seconds")
			[ $direction = up ] || options+=(-R)
			pid=$(pid_of "$way")
			before=$([ -z "$pid" ] || cpu_ns "$pid")
			rate "$way" "${options[@]}" >>"$TMP/$direction-$way"
			[ -z "$pid" ] || awk -v ns=$(($(cpu_ns "$pid") - before)) -v bytes="$(jq .end.sum_received.bytes "$TMP/iperf3.json")" 'BEGIN { printf "%.3f\n", ns / bytes }' >>"$TMP/cost-$direction-$way"
		done
	done
done
for direction in up down; do table "$direction, one connection of $seconds s" Mbit/s $direction "${ways[@]}"; done
through=()
for way in "${ways[@]}"; do [ ! -f "$TMP/cost-up-$way" ] || through+=("$way"); done
for direction in up down; do table "processor time, $direction" s/GB cost-$direction "${through[@]}"; done
