# shellcheck shell=bash source=lib.sh
# A numbered stream of segments goes through the relay while its daemon is killed 20 times, and replaced five times by
# another release: none is lost, and none passes the hook without its program. A release with another layout of maps
# says so and changes nothing.
. "$(dirname "$0")/lib.sh"
ask_or_skip
command -v bpftool >/dev/null || skip "no bpftool"
standard_network 1
relay_conf 1 "" "plain-tcp = yes"
relay_start 1
key client
port=$(ask client client 1 "lease $SERVER4:81" | awk '$1 == 0 { print $2 }')
[ -n "$port" ] || fail "no lease"
for space in client server; do
	on $space nft -f - <<-NFT
		table ip t {
			chain output { type filter hook output priority 0; tcp flags & rst == rst counter drop; }
			chain input { type filter hook prerouting priority -300; tcp dport 81 tcp flags & (syn | psh) == psh counter; }
		}
	NFT
done
# what nat.bpf took never gets here
on relay1 nft -f - <<-NFT
	table ip t { chain input { type filter hook prerouting priority -300; ip protocol tcp counter
	}
	}
NFT
counted() { on "$1" nft list chain ip t "$2" | sed -n 's/.*counter packets \([0-9]*\).*/\1/p'; }
on server python3 "$(dirname "$0")/stream.py" answer $SERVER4 81 >"$TMP/answered" 2>"$TMP/answer.log" &
sleep 0.5
on client python3 "$(dirname "$0")/stream.py" send $CLIENT4 "$(relay4 1)" "$port" "$TMP/stop" "${PPS:-4000}" >"$TMP/sent" 2>"$TMP/send.log" &
sender=$!
wait_for 5 status_is relay1 '.clients[0].flows == 1 and .clients[0].bytes_up > 10000'
# another release: the same program under another version
next=$TMP/detourd-next
this=$("$DETOURD" --version | sed -n '1s/^detourd //p')
other=$(echo "$this" | tr 0-9 1-90)
sed -z "s/^\(.*detourd \)\?${this//./\\.}\$/\1$other/" "$DETOURD" >"$next"
chmod +x "$next"
lost=$(not_forwarded relay1)
kills=0 upgrades=0
for round in $(seq "${ROUNDS:-25}"); do
	stop relay1 KILL
	if [ $((round % 5)) = 0 ]; then
		upgrades=$((upgrades + 1))
		if [ $((upgrades % 2)) = 1 ]; then release=$other run=$next; else release=$this run=$DETOURD; fi
		DETOURD=$run daemon relay1 relay1 --relay -c "$TMP/relay1.conf"
		status_is relay1 ".release == \"$release\"" || fail "not the other release: $(status relay1)"
	else
		kills=$((kills + 1))
		relay_start 1
	fi
	status_is relay1 '.clients[0].leases == 1 and .clients[0].flows == 1' || fail "round $round: $(status relay1)"
done
touch "$TMP/stop"
wait $sender || fail "the sender failed: $(cat "$TMP/send.log")"
sleep 0.2
sent=$(cat "$TMP/sent")
say "$kills kills and $upgrades upgrades under $sent segments"
at_least "$sent" 10000 "segments"
equals "$(counted relay1 input)" 0 "TCP packets that passed by the hook"
equals "$(not_forwarded relay1)" "$lost" "packets dropped or let by at the hook"
equals "$(counted server input)" "$sent" "segments at the server"
kill_in server python3
wait_for 5 test -s "$TMP/answered"
# the reader may be slow; but what it read is in order, without a hole
say "numbers read at the server: $(cat "$TMP/answered")"

say "other maps"
stop relay1
pin=/sys/fs/bpf/detourd-$PREFIX-relay1
layout=$(bpftool -j map dump pinned "$pin/config" | jq '.[0].formatted.value.layout')
read -ra bytes < <(bpftool -j map dump pinned "$pin/config" | jq -r '.[0].value | map(sub("0x"; "")) | join(" ")')
bytes[0]=$(printf %02x $((layout + 1)))
bpftool map update pinned "$pin/config" key hex 00 00 00 00 value hex "${bytes[@]}"
on relay1 "$DETOURD" --relay -c "$TMP/relay1.conf" 2>"$TMP/refused.log" && fail "it started on other maps"
grep -q "layout $((layout + 1)).*this detourd .*$layout.*detourd --relay --flush" "$TMP/refused.log" || fail "the reason is not told: $(cat "$TMP/refused.log")"
at_least "$(bpftool -j map dump pinned "$pin/leases" | jq length)" 1 "leases that are left alone"
at_least "$(bpftool -j map dump pinned "$pin/flows" | jq length)" 2 "entries of flows that are left alone"
on relay1 "$DETOURD" --relay --flush -c "$TMP/relay1.conf" || fail "flush"

say "maps of an older version: other sizes, with another layout number, or by mistake with the same"
# older LAYOUT: an empty table of shorter flows, and a shorter configuration
older() {
	local zeroes
	mkdir "$pin"
	bpftool map create "$pin/flows" type hash key 40 value 128 entries 1024 name flows flags 1
	bpftool map create "$pin/config" type array key 4 value "$1" entries 1 name config
	zeroes=$(printf '00 %.0s' $(seq 5 "$1"))
	# shellcheck disable=SC2086 # words
	bpftool map update pinned "$pin/config" key hex 00 00 00 00 value hex "$2" 00 00 00 $zeroes
}
size=${#bytes[@]}
older $((size - 8)) 01
on relay1 "$DETOURD" --relay -c "$TMP/relay1.conf" 2>"$TMP/refused.log" && fail "it started on older maps"
grep -q "layout 1, this detourd .*$layout.*detourd --relay --flush" "$TMP/refused.log" || fail "the reason is not told: $(cat "$TMP/refused.log")"
equals "$(bpftool -j map show pinned "$pin/flows" | jq .bytes_value)" 128 "the table of flows that is left alone"
on relay1 "$DETOURD" --relay --flush -c "$TMP/relay1.conf" || fail "flush of older maps"
[ ! -e "$pin" ] || fail "older maps were left behind"
older "$size" "$(printf %02x "$layout")"
on relay1 "$DETOURD" --relay -c "$TMP/relay1.conf" 2>"$TMP/refused.log" && fail "it started on a table of other flows"
grep -q "made by another version of detourd; run detourd --relay --flush" "$TMP/refused.log" || fail "the reason is not told: $(cat "$TMP/refused.log")"
on relay1 "$DETOURD" --relay --flush -c "$TMP/relay1.conf" || fail "flush of a table of other flows"
relay_start 1
