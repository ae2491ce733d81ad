# shellcheck shell=bash source=lib.sh
# Other programs on an interface that see packets before the NAT are told of: in the log, by status and by doctor, once when
# they come and once when they go.
. "$(dirname "$0")/lib.sh"
TCX=${TCX:-$(dirname "$DETOURD")/tcx}
standard_network 1
tc -n "$PREFIX-relay1" qdisc add dev eth0 clsact
stranger() { tc -n "$PREFIX-relay1" filter "$1" dev eth0 ingress "${@:2}"; }
stranger add prio 5 protocol ip bpf da obj "$MIDDLEBOX" sec strip
relay_start 1
NAME='middlebox.bpf.o:[strip]'
before_nat() { status relay1 | jq -r '.before_nat | map(.interface + " " + .what) | join("; ")'; }
is_before_nat() { [ "$(before_nat)" = "$1" ]; }
doctor() { on relay1 "$DETOURD" doctor --relay --config "$TMP/relay1.conf" --json | jq -r '.checks[] | select(.name == "before-nat") | .state'; }
told() { grep -c "another program's $1 .*interface=eth0" "$TMP/relay1.log" || true; }

equals "$(before_nat)" "eth0 filter 5 ($NAME)" "at the start"
equals "$(doctor)" warning "doctor"
COLUMNS=200 on relay1 "$DETOURD" status --control "$TMP/relay1.sock" | grep -F >/dev/null "eth0: another program's filter 5 ($NAME) sees packets before the NAT" || fail "not in the text of status"
say "later in the chain, or for other protocols: nothing to tell"
stranger add prio 60000 protocol ip bpf da obj "$MIDDLEBOX" sec strip
stranger add prio 6 protocol arp bpf da obj "$MIDDLEBOX" sec strip
say "another one comes"
stranger add prio 7 protocol ipv6 bpf da obj "$MIDDLEBOX" sec strip
wait_for 9 is_before_nat "eth0 filter 5 ($NAME); eth0 filter 7 ($NAME)"
say "they go"
stranger del prio 5
stranger del prio 7
wait_for 9 is_before_nat ""
equals "$(doctor)" ok "doctor"
equals "$(told 'filter 5 .* sees') $(told 'filter 7 .* sees') $(told 'filter 5 .* is gone')" "1 1 1" "lines in the log"

say "tcx"
[ -x "$TCX" ] || skip "no $TCX: built without tests"
nsenter --net="/run/netns/$PREFIX-relay1" -- "$TCX" eth0 -1 >"$TMP/tcx" 2>"$TMP/tcx.log" &
pid=$!
sleep 0.2
if ! kill -0 $pid 2>/dev/null; then
	code=0
	wait $pid || code=$?
	[ $code = 77 ] || fail "tcx: $code"
	say "this kernel has none"
	exit 0
fi
wait_for 5 grep -q attached "$TMP/tcx"
wait_for 9 sh -c "$DETOURD status --json --control $TMP/relay1.sock | jq -e '.before_nat[0].what | test(\"^tcx program [0-9]+ .stranger.\$\")'"
equals "$(doctor)" warning "doctor"
kill $pid
wait $pid
wait_for 9 is_before_nat ""
