# shellcheck shell=bash source=lib.sh
# Uploads that just got their detours are not asked, by probes on subflows which lie idle yet, into sending more than the
# server's window holds: what it throws away then, MPTCP sends again only after a time-out.
. "$(dirname "$0")/lib.sh"
standard_network 2
narrow_paths "${RATE:-40}mbit"
relay_start 1
relay_start 2
server_iperf
client_conf "max-detours = 2"
client_start
relays_up 2

# What the server threw away so far, in packets; nstat -s keeps no history.
thrown_away() { on server nstat -saz MPTcpExtNoDSSInWindow | awk '/NoDSSInWindow/ { print $2 }'; }
uploads=24 was=$(thrown_away)
for ((i = 0; i < uploads; i++)); do
	TARGET=$SERVER6 iperf -n 3M >/dev/null
done
at_least "$(counter client joins_established)" $uploads "joins"
# A machine that stands still for 20 ms looks like a silent path: then probes are due. And 7.3 sends a packet too much in
# every fourth of these uploads without any probe.
at_most $(($(thrown_away) - was)) $((2 * uploads)) "packets thrown away in $uploads uploads"
