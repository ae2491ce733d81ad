# shellcheck shell=bash source=../netns/lib.sh
# What two detours cost where they cannot help: goodput with max-detours = 2 against 0, and how long small requests over
# one connection take:
#
#     never-harmful.sh [ROUNDS] [SECONDS of each transfer] [CELL ...]
#
# Every round begins with a fresh daemon, whose first transfer knows nothing of the paths. LEARNED (2) more follow, to
# which it applies what it learned. Both are reported: "fresh" is what a first transfer costs, "learned" what later ones
# do. Before them a transfer without detours. Medians over the rounds.
#
# CELL is what the paths are like: shared: all go through one bottleneck; ten_to_one: each detour has a tenth of the
# direct path's rate; lossy: every hundredth packet of the detours is lost, both ways; slow: they have 100 ms more of
# round-trip time (by netem).
# RATE_MBIT is the direct path's rate (40; in a guest 20); CHOOSE is choose =, as by default; WAYS (up down).
. "$(dirname "$0")/../netns/lib.sh"
rounds=${1:-10} seconds=${2:-5}
shift $(($# > 2 ? 2 : $#))
cells=("$@")
learned=${LEARNED:-2}
rate=${RATE_MBIT:-${RATE:+20}} # RATE is set in guests
rate=${rate:-40}
export CHOOSE=${CHOOSE:-default}

standard_network 2
netem=
! on r1 tc qdisc add dev relay1 root netem delay 1ms 2>/dev/null || netem=yes
[ ${#cells[@]} -gt 0 ] || cells=(shared ten_to_one lossy ${netem:+slow})

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

# fresh_daemons MAX-DETOURS: relays too, because a relay takes eight sessions of a key
fresh_daemons() {
	local name n
	counters_keep
	for name in client relay1 relay2; do [ ! -e "$TMP/$name.pid" ] || stop $name; done
	: >"$TMP/client.log"
	for n in 1 2; do relay_start $n; done
	client_conf "max-detours = $1"
	client_start
	relays_up 2
	"$DETOURD" monitor --json --control "$TMP/client.sock" >>"$TMP/events" 2>/dev/null &
	disown
}
# The daemons' counters end with them.
counters_keep() {
	[ -e "$TMP/client.pid" ] || return 0
	status client | jq -r '.counters | "\(.joins_established // 0) \(.join_refused // 0) \(.subflows_given_up // 0)"' >>"$TMP/counters"
	given_up
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a / b }'; }
quantile() { sort -g "$1" | awk -v q="$2" '{ v[NR] = $1 } END { print v[int((NR - 1) * q) + 1] }'; }
numbers() { paste -sd ' ' "$1"; }

# goodput CELL up|down
goodput() {
	local cell=$1 way=$2 round i kind reverse=''
	[ "$way" = up ] || reverse=-R
	rm -f "$TMP"/{none,fresh,learned}
	for ((round = 0; round < rounds; round++)); do
		fresh_daemons 0
		# shellcheck disable=SC2086 # may be nothing
		iperf -t "$seconds" $reverse >>"$TMP/none"
		fresh_daemons 2
		# shellcheck disable=SC2086
		for ((i = 0; i <= learned; i++)); do
			iperf -t "$seconds" $reverse >>"$TMP/$([ $i = 0 ] && echo fresh || echo learned)"
		done
	done
	decisions
	for kind in fresh learned; do
		[ -s "$TMP/$kind" ] || continue
		echo "$(uname -r) $cell $way $kind: without detours $(median <"$TMP/none"), with two $(median <"$TMP/$kind") Mbit/s, ratio" \
			"$(ratio "$(median <"$TMP/$kind")" "$(median <"$TMP/none")") ($(numbers "$TMP/$kind") / $(numbers "$TMP/none"))"
	done
}
# What the clients decided, numbers aside, and how often.
decisions() {
	jq -r 'select(.event == "decision") | .detail' "$TMP/events" | sed 's/[0-9.]\+/N/g' | sort | uniq -c | sort -rn | sed 's/^/# /'
	: >"$TMP/events"
}
# small_requests CELL: all over connections of fresh daemons, each connection being a daemon's first
small_requests() {
	local cell=$1 round n
	rm -f "$TMP"/small{0,2}
	for ((round = 0; round < rounds; round++)); do
		for n in 0 2; do
			fresh_daemons $n
			on client python3 "$(dirname "$0")/requests.py" $SERVER4 /small 150 10 >>"$TMP/small$n"
		done
	done
	for n in 0 2; do
		{
			quantile "$TMP/small$n" 0.5
			quantile "$TMP/small$n" 0.99
		} >"$TMP/quantiles$n"
	done
	paste "$TMP/quantiles2" "$TMP/quantiles0" | awk -v cell="$cell" -v kernel="$(uname -r)" '
		{ r[NR] = $1 / $2; a[NR] = $2; b[NR] = $1 }
		END { printf "%s %s small requests: without detours %.2f (p99 %.2f), with two %.2f (p99 %.2f) ms, ratio %.3f (%.3f)\n",
			kernel, cell, a[1], a[2], b[1], b[2], r[1], r[2] }'
	decisions
}

server_iperf
web_start
head -c 10000 /dev/urandom >"$TMP/www/small"
chmod a+r "$TMP/www/small"
for cell in "${cells[@]}"; do
	unshape
	$cell
	for way in ${WAYS:-up down}; do goodput "$cell" "$way"; done
	small_requests "$cell"
done
counters_keep
say "$(awk '{ e += $1; r += $2; g += $3 } END { printf "joins established %d, refused %d; subflows given up %d", e, r, g }' "$TMP/counters")"
