# shellcheck shell=bash source=../netns/lib.sh
# What two detours cost where they cannot help: goodput with N = 2 against N = 0, and how long small requests over one
# connection take, alternating, medians:
#
#     never-harmful.sh [ROUNDS] [SECONDS of each transfer] [CELL ...]
#
# shared: all paths go through one bottleneck; ten_to_one: each detour has a tenth of the direct path's rate; lossy: every
# hundredth packet of the detours is lost, both ways; slow: they have 100 ms more of round-trip time (by netem).
# RATE_MBIT is the direct path's rate (40; in a guest 20); CHOOSE is choose =, as by default; WAYS (up down).
. "$(dirname "$0")/../netns/lib.sh"
rounds=${1:-10} seconds=${2:-5}
shift $(($# > 2 ? 2 : $#))
cells=("$@")
rate=${RATE_MBIT:-40}
export CHOOSE=${CHOOSE:-default}
[ -n "${RATE_MBIT:-}" ] || [ -z "${SLOWNESS:-}" ] || rate=20
netem=
standard_network 2
! on r1 tc qdisc add dev relay1 root netem delay 1ms 2>/dev/null || netem=yes
[ ${#cells[@]} -gt 0 ] || cells=(shared ten_to_one lossy ${netem:+slow})
for n in 1 2; do relay_start $n; done
server_iperf
web_start
head -c 10000 /dev/urandom >"$TMP/www/small"
chmod a+r "$TMP/www/small"
detours() { # N
	client_conf "max-detours = $1"
	if [ -e "$TMP/client.pid" ]; then
		kill -HUP "$(cat "$TMP/client.pid")"
		sleep 0.5
	else
		client_start
		relays_up 2
	fi
}
detours 2
unshape() {
	local dev
	for dev in client narrow relay1 relay2; do on r1 tc qdisc del dev "$dev" root 2>/dev/null || true; done
	on r2 tc qdisc del dev narrow root 2>/dev/null || true
	on client tc qdisc del dev eth0 root 2>/dev/null || true
	for dev in relay1 relay2; do on $dev tc qdisc del dev eth0 root 2>/dev/null || true; done
	on r1 nft delete table inet lossy 2>/dev/null || true
}
shared() {
	narrow client eth0 "${rate}mbit"
	narrow r1 client "${rate}mbit"
}
ten_to_one() {
	narrow_paths $((rate * 100))kbit
	narrow_direct "${rate}mbit"
}
lossy() {
	narrow_paths "${rate}mbit"
	on r1 nft add table inet lossy
	on r1 nft add chain inet lossy forward '{ type filter hook forward priority 0; }'
	on r1 nft add rule inet lossy forward oifname '{ "relay1", "relay2" }' numgen random mod 100 '<' 1 drop
	on r1 nft add rule inet lossy forward iifname '{ "relay1", "relay2" }' numgen random mod 100 '<' 1 drop
}
slow() {
	local n
	[ -n "$netem" ] || fail "slow wants netem: KERNEL=6.12 bench/never-harmful"
	narrow_paths "${rate}mbit"
	# each way takes both ends of the relay's link
	for n in 1 2; do
		on r1 tc qdisc replace dev relay$n root netem rate "${rate}mbit" delay 25ms limit $((100 + rate * 25 / 12))
		on relay$n tc qdisc replace dev eth0 root netem rate "${rate}mbit" delay 25ms limit $((100 + rate * 25 / 12))
	done
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }
quantile() { sort -g "$1" | awk -v q="$2" '{ v[NR] = $1 } END { print v[int((NR - 1) * q) + 1] }'; }
"$DETOURD" monitor --json --control "$TMP/client.sock" >>"$TMP/events" &
disown
for cell in "${cells[@]}"; do
	unshape
	$cell
	for way in ${WAYS:-up down}; do
		rm -f "$TMP"/n0 "$TMP"/n2
		for ((round = 0; round < rounds; round++)); do
			for n in 0 2; do
				detours $n
				iperf -t "$seconds" $([ $way = up ] || echo -R) >>"$TMP/n$n"
			done
		done
		# what was decided, numbers aside
		jq -r 'select(.event == "decision") | .detail' "$TMP/events" | sed 's/[0-9.]\+/N/g' | sort | uniq -c | sort -rn | sed 's/^/# /'
		: >"$TMP/events"
		given_up
		: >"$TMP/client.log"
		echo "$(uname -r) $cell $way: N = 0 $(median <"$TMP/n0"), N = 2 $(median <"$TMP/n2") Mbit/s, ratio" \
			"$(ratio "$(median <"$TMP/n2")" "$(median <"$TMP/n0")") ($(paste -sd ' ' "$TMP/n2") / $(paste -sd ' ' "$TMP/n0"))"
	done
	rm -f "$TMP"/n0 "$TMP"/n2
	for ((round = 0; round < rounds; round++)); do
		for n in 0 2; do
			detours $n
			on client python3 "$(dirname "$0")/requests.py" $SERVER4 /small 150 10 >>"$TMP/n$n"
		done
	done
	for n in 0 2; do
		p50=$(quantile "$TMP/n$n" 0.5) p99=$(quantile "$TMP/n$n" 0.99)
		printf '%s\n' "$p50" "$p99" >"$TMP/quantiles$n"
	done
	paste "$TMP/quantiles2" "$TMP/quantiles0" | awk -v cell="$cell" -v kernel="$(uname -r)" '
		{ r[NR] = $1 / $2; a[NR] = $2; b[NR] = $1 }
		END { printf "%s %s small requests: N = 0 %.2f (p99 %.2f), N = 2 %.2f (p99 %.2f) ms, ratio %.3f (%.3f)\n", kernel, cell,
			a[1], a[2], b[1], b[2], r[1], r[2] }'
done
say "$(status client | jq -c '.counters | {joins_established, join_refused, subflows_given_up}')"
