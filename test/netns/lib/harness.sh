# shellcheck shell=bash
# One test: its names and files, how it ends, what it leaves behind (nothing), and how slow the machine is.
set -euo pipefail

SKIP=77 # exit code of a test that cannot run here
DETOURD=${DETOURD:?set DETOURD to the binary under test}
PREFIX=dt$$ # of everything that is named machine-wide: tests may run side by side
TMP=$(mktemp -d "${TMPDIR:-/tmp}/detourd-test.XXXXXX")
SPACES=() # network namespaces that were made

say() { echo "# $*"; }
fail() {
	echo "FAILED: $*" >&2
	for log in "$TMP"/*.log; do
		[ -s "$log" ] || continue
		echo "--- ${log##*/}" >&2
		tail -n 40 "$log" >&2
	done
	for socket in "$TMP"/*.sock; do
		[ -S "$socket" ] || continue
		echo "--- ${socket##*/}" >&2
		timeout 2 "$DETOURD" status --control "$socket" | head -n 100 >&2 || true
	done
	exit 1
}
skip() {
	echo "SKIP: $*"
	exit $SKIP
}

cleanup() {
	local code=$? space pids
	trap - EXIT INT TERM
	set +e
	joins_report
	for space in ${SPACES[@]+"${SPACES[@]}"}; do
		for _ in 1 2 3; do # a daemon may start another process meanwhile
			pids=$(ip netns pids "$space" 2>/dev/null)
			[ -n "$pids" ] || break
			# shellcheck disable=SC2086 # a list of pids
			kill -CONT $pids 2>/dev/null
			# shellcheck disable=SC2086
			kill -KILL $pids 2>/dev/null
		done
		for dev in $(ip -n "$space" -o link 2>/dev/null | sed -n 's/^[0-9]*: \(w[a-z0-9]*-[0-9]*\):.*/\1/p'); do
			rm -f "/var/run/wireguard/$dev.sock"
		done
		ip netns del "$space" 2>/dev/null
	done
	for dir in /sys/fs/bpf/detourd-"$PREFIX"-*; do
		[ -d "$dir" ] || continue
		rm -f "$dir"/* && rmdir "$dir"
	done
	[ -n "${KEEP:-}" ] || rm -rf "$TMP"
	exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# How many times slower than a quiet machine this one is just now, 1 at least: see test/tools/slowness.
slowness() { "$(dirname "${BASH_SOURCE[0]}")/../../tools/slowness"; }
# SLOWNESS is what the test found at its start. Time-outs follow it, and how long transfers go on; therefore at most 10. A
# deadline is checked against a new measurement, which has no such bound.
SLOWNESS=${SLOWNESS:-$(slowness)}
[ "$SLOWNESS" -le 10 ] || SLOWNESS=10
export SLOWNESS
[ "$SLOWNESS" = 1 ] || say "the machine is slow now: SLOWNESS=$SLOWNESS"
