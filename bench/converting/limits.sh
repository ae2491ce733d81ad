# shellcheck shell=bash
# Goodput over two paths of 20 Mbit/s, RTT 20 ms, or one with DETOURS=0: see bench/convert. ODD=RATE: more about those that
# are less.
. "$(dirname "$0")/lib.sh"
rounds=${1:-10} seconds=${2:-6}
read -ra ways <<<"${WAYS:-direct converted endtoend haproxy shadowsocks}"
two_paths "${MBIT:-20}" $((${RTT_MS:-20} * 1000))
ways_start "${DETOURS:-2}"
for ((round = 1; round <= rounds; round++)); do
	for way in "${ways[@]}"; do
		for direction in up down; do
			options=(-t "$seconds")
			[ $direction = up ] || options+=(-R)
			rate "$way" "${options[@]}" >"$TMP/figure" &
			sleep $((seconds - 2))
			# on which paths it was, for a figure that is odd
			status client >"$TMP/middle"
			at=$(jq -r '[.connections[] | "\(.why // "") " + ([.subflows[] | "\(.via) \(.state) \(.bytes_acked + .bytes_received)"] | join(", "))] | join("; ")' "$TMP/middle")
			wait $! || fail "$way"
			cat "$TMP/figure" >>"$TMP/$direction-$way"
			! awk -v rate="$(cat "$TMP/figure")" -v odd="${ODD:-0}" 'BEGIN { exit !(rate < odd) }' || { tail -n 40 "$TMP/client.log"; cat "$TMP/middle"; } >&2
			echo "# $round $direction $way $(cat "$TMP/figure"): $at" >&2
		done
	done
done
for direction in up down; do table "$direction, one connection of $seconds s" Mbit/s $direction "${ways[@]}"; done
