# shellcheck shell=bash source=lib.sh
# Uploads that just got their detours do not send more than the server's window, as probes on idle subflows once made them
# do. The server drops what is beyond its window, and MPTCP sends that again only after a time-out.
# alone: counts packets that a queue drops
. "$(dirname "$0")/lib.sh"
standard_network 2
narrow_paths "${RATE:-40}mbit"
relay_start 1
relay_start 2
server_iperf
client_conf "max-detours = 2"
client_start
relays_up 2

# How many packets the server has dropped so far. (nstat -s keeps no history.)
thrown_away() { on server nstat -saz MPTcpExtNoDSSInWindow | awk '/NoDSSInWindow/ { print $2 }'; }
uploads=24 was=$(thrown_away)
for ((i = 0; i < uploads; i++)); do
	TARGET=$SERVER6 iperf -n 3M >/dev/null
done
at_least "$(counter client joins_established)" $uploads "joins"
# When the machine pauses for 20 ms that looks like a silent path, and probes are sent. And Linux 7.3 sends a packet too
# much in every fourth of these uploads without any probe.
at_most $(($(thrown_away) - was)) $((2 * uploads)) "packets thrown away in $uploads uploads"
