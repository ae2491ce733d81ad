# shellcheck shell=bash source=lib.sh
# Many short connections with one server: they leave from `source-ports`, each from a port of its own, because those that
# ended wait for a minute (TIME_WAIT). Where these are used up the kernel chooses, and a flow of the NAT keeps its port.
. "$(dirname "$0")/lib.sh"
crowd_or_skip
convert_network
on server "$CROWD" serve-tcp $SERVER4 5555 2>"$TMP/serve.log" &
disown
wait_for 5 listens server 5555
# the kernel's own would do for some fifty
on relay1 sysctl -qw net.ipv4.ip_local_port_range="61000 61050" net.ipv4.tcp_tw_reuse=0
learn 5555
sed -i "s|^convert = auto|convert = always|" "$TMP/client.conf"
kill -HUP "$(cat "$TMP/client.pid")"
at_a_time() { on client timeout $((30 * SLOWNESS)) "$CROWD" short $SERVER4 5555 "$1" 4; }

say "more than the kernel has ports"
before=$(counter relay1 passed_converted)
at_a_time 300 >"$TMP/short" || fail "$(cat "$TMP/short")"
at_least $(($(counter relay1 passed_converted) - before)) 300 "converted"
# ports STATE: the source ports of the relay's connections with the server
ports() { on relay1 ss -Htn state "$1" dst "$SERVER4:5555" | awk '{ sub(/.*:/, "", $3); print $3 }' | sort -un; }
at_least "$(ports time-wait | awk '$1 >= 40000 && $1 < 50000' | wc -l)" 200 "source ports that wait"

say "a range that is too small"
sed -i 's/^\[relay\]$/&\nsource-ports = 40000-40019/' "$TMP/relay1.conf"
kill -HUP "$(cat "$TMP/relay1.pid")"
wait_for 10 grep -q "reloaded clients" "$TMP/relay1.log"
learn 5555
crowd held $SERVER4 40 200
on relay1 ss -Htn state established dst "$SERVER4:5555" >"$TMP/held"
equals "$(wc -l <"$TMP/held")" 40 "connections at once"
at_least "$(grep -c ':400[01][0-9] ' "$TMP/held")" 10 "from source-ports"
at_least "$(grep -c ':610[0-5][0-9] ' "$TMP/held")" 10 "from ports of the kernel's choice"
crowd_end held
