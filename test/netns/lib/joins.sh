# shellcheck shell=bash
# Servers that refuse joins. As servers, stable kernels of 6.1 and 6.12 refuse a join while data of its connection lies
# out of order with them: docs/kernels.md. A test that needs the join then measures again, or ends as skipped. Only what
# such a kernel does by itself is excused, so that a client which makes servers refuse does not go unnoticed:
#
#  - a connection's first additional subflow is never refused: by then nothing can be out of order;
#  - of all joins of a test at most REFUSED_SHARE percent are refused, and two beyond that for tests with few joins;
#  - test/netns/run bounds the share, and the number of skipped tests, over all tests.
REFUSED_SHARE=${REFUSED_SHARE:-50}

# REFUSING_SERVER=yes or no: as if this kernel were one, or were none.
refusing_server() {
	case ${REFUSING_SERVER:-$(uname -r)} in yes | 5.15.* | 6.1.* | 6.6.* | 6.12.*) ;; *) return 1 ;; esac
}

# joins_watch: writes down what becomes of the client's joins, where servers refuse some; client_start calls it
joins_watch() {
	refusing_server || return 0
	echo '{"event": "start"}' >>"$TMP/joins"
	"$DETOURD" monitor --json --control "$TMP/client.sock" >>"$TMP/joins" 2>/dev/null &
	disown
}

# joins_count: prints how many joins there were, how many of them were refused, and how many of these came before any
# other additional subflow of their connection had been established. A refused one is established for a moment, too.
# Connections from before the daemon's start do not count as the last kind.
joins_count() {
	jq -r '[.event, .id // 0, "\(.relay // .via // "")/\(.interface // "")", .detail] | @tsv' "$TMP/joins" | awk -F '\t' '
		$1 == "start" { run++ }
		{ connection = run "/" $2; subflow = connection "/" $3 }
		$1 == "connection" { seen[connection] = 1 }
		$1 != "subflow" { next }
		$4 == "pending" { joins++; asked[subflow] = 1; next }
		$4 == "established" && subflow in asked { live[subflow] = 1; established[connection]++; next }
		$4 == "the join was refused" {
			refused++
			if (subflow in live)
				established[connection]--
			if (seen[connection] && established[connection] == 0)
				first++
		}
		{ delete live[subflow]; delete asked[subflow] }
		END { print joins + 0, refused + 0, first + 0 }'
}

# refusals_are_excused: true if a join was refused as such kernels do; the test fails if the refusals are more than that
refusals_are_excused() {
	local joins refused first
	refusing_server && [ -e "$TMP/joins" ] || return 1
	read -r joins refused first < <(joins_count)
	[ "$first" = 0 ] || fail "$first joins refused that were their connection's first: $(uname -r) does not do that by itself"
	[ "$refused" -le $((joins * REFUSED_SHARE / 100 + 2)) ] ||
		fail "$refused of $joins joins refused: more than $(uname -r) does by itself"
	[ "$refused" -gt 0 ]
}

# joins_report: a line for test/netns/run; cleanup calls it
joins_report() {
	local joins refused first
	[ -e "$TMP/joins" ] || return 0
	read -r joins refused first < <(joins_count)
	say "$joins joins, $refused refused, of these $first a connection's first"
	echo "$(basename "$0") $joins $refused $first" >>"${JOINS_REPORT:-/dev/null}"
}

# retry_if_refused COMMAND...: prints what it prints; again if the server refused a join meanwhile, up to twelve times. If
# the client would not ask this server again for a minute, it is started anew, or waited for: a relay takes eight
# sessions of a key.
retry_if_refused() {
	local tries was output restarts=0
	for ((tries = 1; ; tries++)); do
		was=$(counter client join_refused)
		output=$("$@")
		if [ $tries -ge 12 ] || [ "$(counter client join_refused)" = "$was" ] || ! refusals_are_excused; then
			break
		fi
		say "the server refused a join, as $(uname -r) does: again" >&2
		status_is client '.server_limits == []' && continue
		# in a file, because this runs in a subshell
		echo >>"$TMP/restarts"
		restarts=$(wc -l <"$TMP/restarts")
		if [ "$restarts" -gt 5 ]; then
			wait_for 70 status_is client '.server_limits == []'
			continue
		fi
		stop client
		client_start
		wait_for 10 status_is client '[.relays[] | .state == "up" and .reason == ""] | all'
	done
	echo "$output"
}

# wait_for_join SECONDS COMMAND...: as wait_for, but the test ends as skipped if that was in vain and the server refused a
# join
wait_for_join() {
	local seconds=$1 begin=$SECONDS
	shift
	until "$@" >/dev/null 2>&1; do
		if ! in_time "$begin" "$seconds"; then
			! refusals_are_excused || skip "the server refused a join, as $(uname -r) does: docs/kernels.md"
			fail "not within $((SECONDS - begin)) s: $*"
		fi
		sleep "$LOOK_PAUSE"
	done
}
