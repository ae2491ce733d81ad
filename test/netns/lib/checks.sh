# shellcheck shell=bash
# Waiting with a deadline, and comparing what was measured with what it has to be.

# in_time BEGIN SECONDS: true until SECONDS have passed since BEGIN (a value of $SECONDS), or longer where the machine is
# slow. Before it says no it measures again how slow, because other work may have begun since the test did.
in_time() {
	[ $((SECONDS - $1)) -ge $(($2 * SLOWNESS)) ] || return 0
	[ $((SECONDS - $1)) -lt $(($2 * $(slowness))) ]
}

# How long to pause between two looks: to look takes most of a slow machine's time.
printf -v LOOK_PAUSE '0.%02d' $((5 * SLOWNESS))

# wait_for SECONDS COMMAND...: until the command succeeds; the test fails if that takes longer
wait_for() {
	local seconds=$1 begin=$SECONDS
	shift
	until "$@" >/dev/null 2>&1; do
		in_time "$begin" "$seconds" || fail "not within $((SECONDS - begin)) s: $*"
		sleep "$LOOK_PAUSE"
	done
}

# now_ms: milliseconds since boot
now_ms() { awk '{ printf "%d\n", $1 * 1000 }' /proc/uptime; }
# median: of standard input, a number a line
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
# at_least VALUE LIMIT WHAT; a VALUE that is not a number fails
at_least() {
	awk -v v="$1" -v l="$2" 'BEGIN { exit !(v == v + 0 && v >= l) }' || fail "$3: $1 is less than $2"
	say "$3: $1 (at least $2)"
}

# measure_at_least LIMIT WHAT COMMAND...: what the command prints is at least LIMIT; leaves it in $MEASURED. A slow machine
# may have been busy with something else just then: there it is measured up to three times. The limit stays the same.
measure_at_least() {
	local tries # no other: the command would see it
	for tries in 1 2 3; do
		MEASURED=$("${@:3}")
		awk -v v="$MEASURED" -v l="$1" 'BEGIN { exit !(v < l) }' || break
		[ "$tries" -lt 3 ] && [ "$(slowness)" -gt 1 ] || break
		say "$2: $MEASURED is less than $1, but the machine is slow just now: again"
	done
	at_least "$MEASURED" "$1" "$2"
}

# at_most VALUE LIMIT WHAT
at_most() {
	awk -v v="$1" -v l="$2" 'BEGIN { exit !(v == v + 0 && v <= l) }' || fail "$3: $1 is more than $2"
	say "$3: $1 (at most $2)"
}

# equals VALUE EXPECTED WHAT
equals() {
	[ "$1" = "$2" ] || fail "$3: \"$1\" is not \"$2\""
	say "$3: $1"
}

# at_most_ms MILLISECONDS LIMIT WHAT: as at_most, with a limit that holds on a quiet machine and follows SLOWNESS. A value
# beyond it fails unless the machine has become slower since the test began.
at_most_ms() {
	local limit=$(($2 * SLOWNESS))
	[ "$1" -le "$limit" ] || limit=$(($2 * $(slowness)))
	at_most "$1" "$limit" "$3"
}

# valid SCHEMA [--lines]: standard input is as docs/schemas says. Without Python's jsonschema, or the schemas (in guests), it
# says so.
valid() {
	local code=0 top
	top=$(dirname "${BASH_SOURCE[0]}")/../../..
	cat >"$TMP/checked.json"
	if [ ! -e "$top/docs/schemas/$1.schema.json" ]; then
		say "no schemas here: $1 is not checked"
		return
	fi
	python3 "$top/test/tools/schema.py" "$top/docs/schemas/$1.schema.json" "${@:2}" <"$TMP/checked.json" >"$TMP/faults" || code=$?
	case $code in
	0) say "as docs/schemas/$1.schema.json says: $(wc -c <"$TMP/checked.json") bytes" ;;
	77) say "no python3-jsonschema: $1 is not checked" ;;
	*) fail "$1 is not as its schema says: $(head -n 10 "$TMP/faults")" ;;
	esac
}
