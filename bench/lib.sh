# shellcheck shell=bash
# What the benchmarks share. They build without sanitizers, and use the networks of the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ "$(id -u)" = 0 ] || { echo "run me as root" >&2; exit 1; }
# DETOURD=PATH measures another binary, with the tools of this tree.
BUILD=${BUILD:-$(tools/build-optimized detourd nat_ns leases crowd flood deaf fill slowlink)}
export DETOURD=${DETOURD:-$BUILD/detourd}
# shellcheck source=../test/netns/lib.sh
. test/netns/lib.sh
export CHOOSE=${CHOOSE:-default}
# ratio A B
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f\n", a / b }'; }
# plain ADDRESS PORT [OPTIONS]: over plain TCP
plain() {
	local address=$1 port=$2
	shift 2
	iperf3_run on client iperf3 -c "$address" -p "$port" -J "$@"
}
