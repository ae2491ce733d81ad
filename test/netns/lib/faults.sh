# shellcheck shell=bash
# Paths that break, and how soon data moves again.

# Programs for TC that do not let MPTCP through, in several ways: see test/tools/middlebox.bpf.c.
MIDDLEBOX=${MIDDLEBOX:-$(dirname "$DETOURD")/middlebox.bpf.o}

# black_hole N...: nothing passes r1 to or from these relays, until black_hole_end
black_hole() {
	local n
	on r1 nft add table inet hole
	on r1 nft add chain inet hole forward '{ type filter hook forward priority 0; }'
	for n in "$@"; do
		on r1 nft add rule inet hole forward ip saddr "$(relay4 "$n")" drop
		on r1 nft add rule inet hole forward ip daddr "$(relay4 "$n")" drop
	done
}

black_hole_end() { on r1 nft delete table inet hole; }

# direct_hole [up|down]: nothing passes the direct path, or only that way, until direct_hole_end
direct_hole() {
	{
		echo 'add table inet gap'
		echo 'add chain inet gap forward { type filter hook forward priority 0; }'
		[ "${1:-both}" = down ] || echo 'add rule inet gap forward oifname narrow drop'
		[ "${1:-both}" = up ] || echo 'add rule inet gap forward iifname narrow drop'
	} | on r1 nft -f -
}
direct_hole_end() { on r1 nft flush chain inet gap forward; }

# via_bytes VIA: bytes both ways, of the subflows there are now; VIA is a pattern
via_bytes() {
	status client | jq "[.connections[].subflows[] | select(.via | test(\"^($1)\$\")) | .bytes_acked + .bytes_received] | add // 0"
}

# moved_after VIA: waits until data moves there, 30 s at most; prints how many milliseconds that took
moved_after() {
	local begin was now
	begin=$(now_ms)
	was=$(via_bytes "$1")
	while :; do
		now=$(via_bytes "$1")
		# the SYN's byte is no data
		[ "$now" -le $((was + 100)) ] || break
		[ "$now" -ge "$was" ] || was=$now
		[ $(($(now_ms) - begin)) -lt 30000 ] || fail "no data by $1 within 30 s"
		sleep 0.05
	done
	echo $(($(now_ms) - begin))
}
