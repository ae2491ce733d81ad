# shellcheck shell=bash source=lib.sh
# How many instructions the verifier processes for each program, compared with test/vm/verified: the test fails beyond 10 %
# more, because a kernel gives no warning before its limit. Prints lines for a kernel that has none yet.
. "$(dirname "$0")/lib.sh"
command -v bpftool >/dev/null || skip "no bpftool"
table=$(dirname "$0")/../vm/verified
standard_network 1
relay_start 1
RELAYS=1 client_conf
client_start
counts() {
	local name info id count
	for name in relay1 client; do
		for info in /proc/"$(cat "$TMP/$name.pid")"/fdinfo/*; do
			# links name their program, too
			id=$(sed -nE 's/^prog_id:\s*([0-9]+)$/\1/p' "$info" 2>/dev/null || true)
			count=$(sed -nE 's/^verified_insns:\s*([0-9]+)$/\1/p' "$info" 2>/dev/null || true)
			[ -z "$count" ] || echo "$(bpftool -j prog show id "$id" | jq -r .name) $count"
		done
	done | sort -u
}
kernel=$(uname -r | cut -d. -f1,2)
counts >"$TMP/counts"
grep -q '^nat_l2 [0-9]' "$TMP/counts" || fail "no count for nat_l2: $(cat "$TMP/counts")"
grep -q "^$kernel " "$table" || skip "no lines for $kernel: $(sed "s/^/$kernel /" "$TMP/counts" | tr '\n' ';')"
for program in $(sed -nE "s/^$kernel (\S+) [0-9]+$/\1/p" "$table"); do
	grep -q "^$program [0-9]" "$TMP/counts" || fail "$program is not loaded: $(cat "$TMP/counts")"
done
while read -r program count; do
	known=$(sed -nE "s/^$kernel $program ([0-9]+)$/\1/p" "$table")
	[ -n "$known" ] || fail "no line for $program on $kernel in $table: $kernel $program $count"
	at_most "$count" $((known * 11 / 10)) "$program"
done <"$TMP/counts"
