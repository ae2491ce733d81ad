# shellcheck shell=bash source=lib.sh
# What `detourd --check` lets pass starts: every configuration of test/config/ that it does not refuse here, in both modes.
#
#     one namespace with lo alone
. "$(dirname "$0")/lib.sh"
# shellcheck source=/dev/null
. "$(dirname "$0")/../config/fixtures.sh"
space_add host
mkdir "$TMP/files"
fixtures_make "$TMP/files"

# configuration FILE NAME: with sockets, pins and devices of this test alone
configuration() {
	fixtures_fill "$TMP/files" "$1" | sed "s|^control = .*||; s|^pins = .*||; s|no-such0\$|$(wg_name "$2")|
		s|^\[client\]|&\ncontrol = $TMP/$2.sock|; s|^\[relay\]|&\ncontrol = $TMP/$2.sock\npins = /sys/fs/bpf/detourd-$PREFIX-$2|"
}
for mode in client relay; do
	flag=
	[ $mode = client ] || flag=--relay
	passed=0 refused=0
	for file in "$(dirname "$0")/../config/$mode/"*.conf; do
		configuration "$file" $mode >"$TMP/$mode.conf"
		# shellcheck disable=SC2086 # nothing, or one word
		if on host "$DETOURD" $flag --check -c "$TMP/$mode.conf" 2>"$TMP/check.txt"; then
			say "$mode/${file##*/}"
			# shellcheck disable=SC2086
			daemon $mode host $flag -c "$TMP/$mode.conf"
			stop $mode
			passed=$((passed + 1))
		else
			refused=$((refused + 1))
		fi
	done
	say "$mode: $passed passed and started, $refused were refused"
	at_least $passed 15 "configurations of a $mode that pass"
	at_least $refused 20 "configurations of a $mode that are refused"
done
