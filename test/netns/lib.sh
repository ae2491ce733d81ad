# shellcheck shell=bash
# What every test in network namespaces shares. Source it first. It sets bash's options and the trap that cleans up, and
# reads the parts in lib/: start with networks.sh, which draws the standard network.
for part in harness checks spaces networks daemons traffic joins crowd many faults convert; do
	# shellcheck source=/dev/null
	. "$(dirname "${BASH_SOURCE[0]}")/lib/$part.sh"
done
unset part
