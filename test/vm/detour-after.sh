# shellcheck shell=bash source=../netns/lib.sh
# How long a transfer takes with detours at once, after some time or size, and without: for sizes, rates and round-trip
# times, alternating, medians. The direct path and the detour have the same rate and, by netem, the same round-trip time.
#
#     detour-after.sh [ROUNDS] [SIZES in kB] [RATE:RTT...]      Mbit/s and ms
. "$(dirname "$0")/../netns/lib.sh"
rounds=${1:-3} sizes=${2:-10 100 300 1000 3000} cells=${3:-20:20 20:100 40:20 10:50}
afters=${AFTERS:-none 0 64kB 256kB 1MB}
standard_network 1
relay_start 1
web_start
for size in $sizes; do head -c $((size * 1000)) /dev/urandom >"$TMP/www/$size"; done
chmod a+r "$TMP"/www/*
netem=yes
on r1 tc qdisc replace dev narrow root netem 2>/dev/null || netem=
# shape SPACE IF RATE MS
shape() {
	[ -n "$netem" ] || { narrow "$1" "$2" "$3mbit" && return; }
	on "$1" ethtool -K "$2" tso off gso off gro off >/dev/null
	on "$1" tc qdisc replace dev "$2" root netem rate "$3mbit" delay "$4ms" limit $((100 + $3 * $4 / 12 + 1))
}
conf() { # AFTER: the time is out of the way
	case $1 in
	none) RELAYS=1 client_conf "max-detours = 0" ;;
	*) RELAYS=1 client_conf "detour-after = $1" ;;
	esac
	if [ -e "$TMP/client.pid" ]; then
		kill -HUP "$(cat "$TMP/client.pid")"
		sleep 0.3
	else
		client_start
		relays_up 1
	fi
}
conf 0
on client mptcpize run curl -fsS -o /dev/null "http://$SERVER4/${sizes##* }"
for cell in $cells; do
	rate=${cell%:*} rtt=${cell#*:}
	shape r1 narrow "$rate" $((rtt / 2))
	shape r2 narrow "$rate" $((rtt / 2))
	# each way takes both ends of the relay's link
	shape r1 relay1 "$rate" $((rtt / 4))
	shape relay1 eth0 "$rate" $((rtt / 4))
	rm -f "$TMP"/took-* "$TMP"/joins-*
	for ((round = 1; round <= rounds; round++)); do
		for after in $afters; do
			conf "$after"
			for size in $sizes; do
				before=$(counter client joins)
				on client mptcpize run curl -fsS -o /dev/null -w '%{time_total}\n' "http://$SERVER4/$size" >>"$TMP/took-$after-$size"
				echo $(($(counter client joins) - before)) >>"$TMP/joins-$after-$size"
			done
		done
	done
	what="$rtt ms"
	[ -n "$netem" ] || what="no delay"
	echo "$(uname -r): 2 x $rate Mbit/s, $what: ms of a download (joins made), medians of $rounds"
	# shellcheck disable=SC2086,SC2046 # words
	{
		printf '%-10s' kB $afters
		echo
		for size in $sizes; do
			printf '%-10s' "$size" $(for after in $afters; do
				printf '%.0f(%s) ' "$(median <"$TMP/took-$after-$size" | awk '{ print $1 * 1000 }')" "$(median <"$TMP/joins-$after-$size")"
			done)
			echo
		done
	}
done
