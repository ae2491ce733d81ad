# shellcheck shell=bash source=lib.sh
# Somebody who knows a flow's addresses and ports, but not its sequence numbers, can neither end it nor send through it.
. "$(dirname "$0")/lib.sh"
command -v bpftool >/dev/null || skip "no bpftool"
standard_network 1
narrow_paths "${RATE:-50}mbit"
relay_start 1
RELAYS=1 client_conf
client_start
relays_up 1
server_iperf
on client mptcpize run iperf3 -c $SERVER4 -t $((20 * SLOWNESS)) >/dev/null &
iperf=$!
# the data connection
carrying='.connections[].subflows[] | select(.via == "relay1" and .state == "established" and .bytes_acked > 2000000)'
wait_for 10 status_is client "$carrying"
subflow() { status client | jq -r "[$carrying | .local + \" \" + .remote] | first"; }
read -r local remote < <(subflow)
flows() { bpftool -j map dump pinned "/sys/fs/bpf/detourd-$PREFIX-relay1/flows" | jq '.[].formatted'; }
flow() { # DIR FIELD: of the flow that carries most
	flows | jq -s "[.[] | select(.value.dir == $1)] | sort_by(.value.bytes) | last | .value.$2"
}
# the busiest flow up is the one of the data connection
sport=$(flow 0 new_sport_be16)
sport=$(((sport & 255) << 8 | sport >> 8))
far=$((1 << 30))
forge() { on "$1" python3 "$(dirname "$0")/forge.py" "${@:2}"; }
before=$(counter relay1 dropped_window)
port=${local##*:} dpt=${remote##*:}
forge server $SERVER4 5201 "$(relay4 1)" "$sport" R $((($(flow 0 acked) + far) % (1 << 32))) 0 100 1000003
forge server $SERVER4 5201 "$(relay4 1)" "$sport" FA $((($(flow 0 acked) + far) % (1 << 32))) "$(flow 0 end)" 100 1000003
forge client $CLIENT4 "$port" "$(relay4 1)" "$dpt" R $((($(flow 0 end) + far) % (1 << 32))) 0 100 1000003
forge client $CLIENT4 "$port" "$(relay4 1)" "$dpt" FA $((($(flow 0 end) + far) % (1 << 32))) "$(flow 0 acked)" 100 1000003
forge client $CLIENT4 "$port" "$(relay4 1)" "$dpt" A $((($(flow 0 end) + far) % (1 << 32))) "$(flow 0 acked)" 100 1000003
# some may still wait in the narrow link's queue
dropped() { [ $(($(counter relay1 dropped_window) - before)) -ge 500 ]; }
wait_for 3 dropped
say "forged segments dropped"
# an RST in the window, but not the next byte: the server answers with a challenge, and the flow stays
at=$(flow 0 end)
forge client $CLIENT4 "$port" "$(relay4 1)" "$dpt" R $(((at + 600000) % (1 << 32))) 0
equals "$(flow 0 state) $(flow 1 state)" "1 1" "the flow is established"
equals "$(flow 0 flags) $(flow 1 flags)" "0 0" "and nothing was noted"
equals "$(subflow)" "$local $remote" "the detour"
acked=$(status client | jq "[$carrying | .bytes_acked] | max")
wait_for 5 status_is client "[$carrying | .bytes_acked] | max > $acked + 1000000"
say "and it carries data"
# SYNs with MP_JOIN on the flow, as anybody can send them: two a second are forwarded, and none counts for max-rate
before=$(counter relay1 dropped_window)
on client python3 "$(dirname "$0")/syn.py" $CLIENT4 "${remote%:*}" "$dpt" join "$port" "" 500
synned() { [ $(($(counter relay1 dropped_window) - before)) -ge 50 ]; } # the link is full
wait_for 3 synned
before=$(counter relay1 dropped_syn_data)
on client python3 "$(dirname "$0")/syn.py" $CLIENT4 "${remote%:*}" "$dpt" join "$port" "$(printf '%0*d' 200 0)" 500
fed() { [ $(($(counter relay1 dropped_syn_data) - before)) -ge 50 ]; } # the link is full
wait_for 3 fed
equals "$(flow 0 state)" 1 "the flow is established"
say "forged SYNs dropped"
# segments in fragments or with IP options: the host's RST would end the flow
for kind in fragment options; do
	before=$(counter relay1 dropped_$kind)
	forge_odd() { on "$1" python3 "$(dirname "$0")/odd.py" $kind "${@:2}"; }
	forge_odd client $CLIENT4 "$port" "$(relay4 1)" "$dpt" "$(flow 0 end)"
	forge_odd server $SERVER4 5201 "$(relay4 1)" "$sport" "$(flow 1 end)"
	odd() { [ $(($(counter relay1 dropped_$kind) - before)) -ge 2 ]; }
	wait_for 3 odd
done
equals "$(flow 0 state)" 1 "the flow is established"
equals "$(subflow)" "$local $remote" "the detour"
acked=$(status client | jq "[$carrying | .bytes_acked] | max")
wait_for 5 status_is client "[$carrying | .bytes_acked] | max > $acked + 1000000"
kill_in client iperf3
wait $iperf 2>/dev/null || true
# the relay notices the end
wait_for 5 sh -c "[ \$(bpftool -j map dump pinned /sys/fs/bpf/detourd-$PREFIX-relay1/flows | jq '[.[].formatted.value | select(.state == 1)] | length') = 0 ]"
say "both ends closed: the relay has the flow as closing"
