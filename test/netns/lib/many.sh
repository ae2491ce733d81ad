# shellcheck shell=bash
# A relay with thousands of clients, and for how long it answers nothing.
DEAF=${DEAF:-$(dirname "$DETOURD")/deaf} FILL=${FILL:-$(dirname "$DETOURD")/fill}
many_or_skip() { [ -x "$DEAF" ] && [ -x "$FILL" ] || skip "no $DEAF or $FILL: built without tests"; }

# relay_used_ms: the processor time that relay1's loop has had so far
relay_used_ms() { awk '{ printf "%d\n", $1 / 1e6 }' "/proc/$(cat "$TMP/relay1.pid")/schedstat"; }

# clients_print NAME COUNT PREFIXES: sections of so many clients, NAME0 and so on. Their public keys are 32 random bytes: nobody
# has the secret ones. 0 prefixes: no list.
clients_print() {
	python3 - "$@" <<-'PYTHON'
		import base64, os, sys
		for c in range(int(sys.argv[2])):
		    nets = ['9.10.0.0/16'] + [f'203.0.{c % 100}.{p * 8 % 256}/29' for p in range(1, int(sys.argv[3]))]
		    print(f'[client {sys.argv[1]}{c}]\npublic-key = {base64.b64encode(os.urandom(32)).decode()}')
		    if sys.argv[3] != '0':
		        print('allow =', ', '.join(nets))
	PYTHON
}

# many_start CLIENTS PREFIXES FLOWS LEASES: relay1 with so many clients, prefixes of each, open flows and leases.
# START_MS is what its start took of a processor: reading the file, loading programs, filling the maps, all at once.
# It is the measure of this machine, as busy as it is, for what the relay does later.
many_start() {
	relay_conf 1 "max-flows = 131072" "max-leases = 65536"
	clients_print c $(($1 - 1)) "$2" >>"$TMP/relay1.conf"
	sed -i 's/^log-level.*/log-level = info/' "$TMP/relay1.conf"
	relay_start 1
	stop relay1
	"$FILL" "/sys/fs/bpf/detourd-$PREFIX-relay1" "$3" "$4"
	relay_start 1
	START_MS=$(relay_used_ms)
	wait_for 10 status_is relay1 '.open_flows > 0'
	say "$1 clients with $2 prefixes each, $(status relay1 | jq .open_flows) open flows, $(status relay1 | jq '[.clients[].leases] | add') leases"
	nsenter --net="/run/netns/$PREFIX-client" -- "$DEAF" "$TMP/client.key" "$(pub relay1)" "$(relay4 1):45672" "$(cat "$TMP/relay1.pid")" >"$TMP/deaf" &
	echo $! >"$TMP/deaf.pid"
	disown
	wait_for 10 grep -q ready "$TMP/deaf"
	# what is measured is the relay, not how busy the machine is
	renice -n -15 -p "$(cat "$TMP/relay1.pid")" "$(cat "$TMP/deaf.pid")" >/dev/null
}

# deaf_lines: how many figures there are
deaf_lines() { wc -l <"$TMP/deaf"; }
deaf_more() { [ "$(deaf_lines)" -gt "$1" ]; }
deaf_ask() {
	local lines
	lines=$(deaf_lines)
	kill -USR1 "$(cat "$TMP/deaf.pid")"
	wait_for 120 deaf_more "$lines"
}

# deaf_during SECONDS-AFTER COMMAND...: for how many ms nothing was answered while the command ran, and after it
deaf_during() {
	deaf_ask
	"${@:2}" >/dev/null
	sleep "$1"
	deaf_ask
	tail -n 1 "$TMP/deaf" | cut -d' ' -f1
}
# deaf_used: the most processor time, in ms, that the relay took for anything between a question and its answer, in the
# last deaf_during
deaf_used() { tail -n 1 "$TMP/deaf" | cut -d' ' -f3; }

# stretch_within PERCENT WHAT COMMAND...: while the command runs and for 1 s after it, the relay's loop works at most so much
# at a stretch, in percent of its start, or four steps of 5 ms. A stretch gets longer by whatever
# shares processors and caches, never shorter. So the command is measured up to TRIES times (3), and the shortest counts.
stretch_within() {
	local what=$2 limit=$((START_MS * $1 / 100)) try used least=
	[ "$limit" -ge 20 ] || limit=20
	shift 2
	for ((try = 0; try < ${TRIES:-3}; try++)); do
		deaf_during 1 "$@" >/dev/null
		used=$(deaf_used | cut -d. -f1)
		[ "${least:-$used}" -lt "$used" ] || least=$used
		[ "$least" -gt "$limit" ] || break
		say "$what: $used ms at a stretch"
	done
	at_most "$least" "$limit" "ms of $START_MS at a stretch, $what"
}

# churn COUNT NET: interfaces of relay1 come, with an address NET.N, and go
churn() {
	local i
	for i in $(seq "$1"); do
		ip_batch relay1 <<-IP
			link add c$i type veth peer name d$i
			addr add $2.$i/32 dev c$i
			link set c$i up
			link set d$i up
		IP
		sleep 0.2
		ip -n "$PREFIX-relay1" link del "c$i"
		sleep 0.1
	done
}
