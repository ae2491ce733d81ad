# shellcheck shell=bash source=lib.sh
# What a connection costs on which somebody types: how often the client wakes up, and how many probes it sends, although
# nothing is wrong.
# alone: counts what the machine does
. "$(dirname "$0")/lib.sh"
standard_network 1
relay_start 1
RELAYS=1 client_conf "max-detours = 1"
client_start
relays_up 1
gap_serve
sleep 1
was=$(switches client)
sleep 2
say "without connections: $((($(switches client) - was) / 2)) context switches a second"
gap chat $SERVER4 7000 $((16 + 2 * SLOWNESS)) &
wait_for 8 subflows_are 2
sleep 3
probes=$(counter client probes_sent)
was=$(switches client)
sleep 8
at_most $((($(switches client) - was) / 8)) "100" "context switches a second while somebody types"
probes=$(($(counter client probes_sent) - probes))
at_most $probes 16 "probes in 8 s"
equals "$(counter client subflows_given_up)" 0 "subflows given up"
kill %1 2>/dev/null || true
