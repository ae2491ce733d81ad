# shellcheck shell=bash source=lib.sh
# A host with default settings as relay (no forwarding, strict rp_filter): only the reserved ports change, and --flush
# restores them. No netfilter rule, no conntrack entry.
. "$(dirname "$0")/lib.sh"
standard_network 1
narrow_paths 200mbit
relay_conf 1 "" "plain-tcp = yes"
on relay1 sysctl -qw net.ipv4.ip_local_reserved_ports=8080
sysctls() { on relay1 sysctl -a 2>/dev/null | grep -E '^net\.(ipv4|ipv6|core|mptcp)\.' | grep -vE 'tcp_fastopen_key|tcp_mem|stable_secret|ndisc_evict|route.flush|somaxconn_dummy' | sort; }
sysctls >"$TMP/before"
equals "$(on relay1 sysctl -n net.ipv4.ip_forward)" 0 ip_forward
equals "$(on relay1 sysctl -n net.ipv4.conf.all.rp_filter)" 1 rp_filter
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
server_iperf
iperf -n 30M >/dev/null
status_is relay1 '.clients[0].bytes_up > 5000000' || fail "the relay carried nothing: $(status relay1)"
sysctls >"$TMP/during"
diff <(grep -v reserved_ports "$TMP/before") <(grep -v reserved_ports "$TMP/during") || fail "the relay changed sysctls"
equals "$(on relay1 sysctl -n net.ipv4.ip_local_reserved_ports)" 8080,40000-59999 "reserved ports"
on relay1 sysctl -qw net.ipv4.ip_local_reserved_ports=9000,50000-50009
reserved() { [ "$(on relay1 sysctl -n net.ipv4.ip_local_reserved_ports)" = 9000,40000-59999 ]; }
wait_for 8 reserved
grep -q "took the relay's ports out of" "$TMP/relay1.log" || fail "that is not told"
on relay1 sysctl -qw net.ipv4.ip_local_reserved_ports=8080
reserved() { [ "$(on relay1 sysctl -n net.ipv4.ip_local_reserved_ports)" = 8080,40000-59999 ]; }
wait_for 8 reserved
say "the ports are reserved again"
equals "$(on relay1 nft list ruleset | wc -l)" 0 "netfilter rules"

# refused while it runs
if on relay1 "$DETOURD" --relay -c "$TMP/relay1.conf" 2>"$TMP/second.log"; then fail "a second relay started"; fi
grep -q "only one" "$TMP/second.log" || fail "the reason is not told: $(cat "$TMP/second.log")"
if on relay1 "$DETOURD" --relay --flush -c "$TMP/relay1.conf" 2>"$TMP/flush.log"; then fail "flush of a running relay"; fi
grep -q "a relay is running" "$TMP/flush.log" || fail "the reason is not told: $(cat "$TMP/flush.log")"
status_is relay1 '.clients[0].leases == 1' || fail "the refused ones harmed the running relay"

stop client
stop relay1
# pins and filters stay by design
on relay1 tc filter show dev eth0 ingress | grep -q nat_l2 || fail "the filter ended with the daemon"
on relay1 "$DETOURD" --relay --flush -c "$TMP/relay1.conf"
[ -z "$(on relay1 tc filter show dev eth0 ingress)" ] || fail "a filter is left after --flush"
[ ! -e "/sys/fs/bpf/detourd-$PREFIX-relay1" ] || fail "pins are left after --flush"
sysctls >"$TMP/after"
diff "$TMP/before" "$TMP/after" || fail "--flush left sysctls changed"
on relay1 "$DETOURD" --relay --flush -c "$TMP/relay1.conf" || fail "--flush of nothing failed"
