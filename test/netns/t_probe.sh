# shellcheck shell=bash source=lib.sh
# detourd probe: servers with and without MPTCP, with the C flag, joins that are reset, middleboxes which strip or drop options,
# ports that are closed or silent; with and without root, with and without a client.
. "$(dirname "$0")/lib.sh"
standard_network 1
web_start
plain_serve 9000 OPEN:/dev/null -u
# r1 is one hop away, r2 the second, and it stands before the server
strip() { # RULE: what r1 strips
	on r1 nft -f - <<-NFT
		table inet strip {
			chain early { type filter hook prerouting priority -300; $1 reset tcp option mptcp; }
		}
	NFT
}
strip_end() { on r1 nft delete table inet strip; }
strip "" 2>"$TMP/nft" || skip "nft cannot strip options here: $(head -n 1 "$TMP/nft")"
strip_end

probe() { on client timeout $((60 * SLOWNESS)) "$DETOURD" probe --control "$TMP/client.sock" "$@"; }
probe_as_nobody() { on client timeout $((60 * SLOWNESS)) setpriv --reuid 65534 --regid 65534 --clear-groups "$DETOURD" probe --control "$TMP/client.sock" "$@"; }
# found ADDRESS FILTER EXPECTED WHAT: of the first address
found() {
	local said code=0
	said=$(probe --json "$1") || code=$?
	valid probe <<<"$said"
	equals "$(jq -rc ".addresses[0] | $2" <<<"$said") $code" "$3" "$4"
}
says() { grep -q "$1" <<<"$said" || fail "not said: $1: $said"; }
WORDS='"\(.tcp) \(.mptcp) \(.joins) \(.c_flag)"'

say "a server with MPTCP"
for server in "$SERVER4" "[$SERVER6]"; do
	found "$server:80" "$WORDS" "answers yes taken false 0" "$server"
	found "$server:80" ".acked" "true 0" "later segments, $server"
done
said=$(probe "$SERVER4:80")
says "^  MPTCP     yes"
says "^  joins     taken"
says "^  detourd   not asked: .*private and other special"
says "^the client was not asked: .*is detourd running"

say "none of MPTCP"
found "$SERVER4:9000" "$WORDS" "answers no unknown null 0" "plain TCP"
found "$SERVER4:9000" '"\(.hops) \(.stripped_hop)"' "2 0 0" "what routers quote"

say "without root"
said=$(probe_as_nobody --json "$SERVER4:80")
valid probe <<<"$said"
equals "$(jq -rc ".addresses[0] | $WORDS" <<<"$said")" "answers yes unknown null" "MPTCP"
said=$(probe_as_nobody "$SERVER4:80")
says "not known without root (CAP_NET_RAW): whether it takes joins, and its C flag"
said=$(probe_as_nobody "$SERVER4:9000")
says "^  MPTCP     no"
says "not known without root (CAP_NET_RAW): where on the way"

say "the C flag"
on server sysctl -qw net.mptcp.allow_join_initial_addr_port=0
found "$SERVER4:80" "\"\(.mptcp) \(.c_flag)\"" "yes true 0" "C flag"
found "[$SERVER6]:80" "\"\(.mptcp) \(.c_flag)\"" "yes true 0" "C flag"
on server sysctl -qw net.mptcp.allow_join_initial_addr_port=1

say "joins that are reset"
on server nft -f - <<-NFT
	table inet strip {
		chain early { type filter hook input priority 0; tcp flags syn tcp option mptcp subtype 1 reject with tcp reset; }
	}
NFT
found "$SERVER4:80" "$WORDS" "answers yes reset false 0" "as by another host behind a balancer"
on server nft delete table inet strip

say "a middlebox that strips everything"
strip "meta l4proto tcp"
found "$SERVER4:80" "$WORDS" "answers no unknown null 0" "stripped"
found "$SERVER4:80" '"\(.stripped_hop) \(.stripped_at)"' "1 192.0.2.1 0" "where"
found "[$SERVER6]:80" '"\(.stripped_hop) \(.stripped_at)"' "1 2001:db8:c::1 0" "where"
said=$(probe "$SERVER4:80")
says "^  way       192.0.2.1, hop 1, got the SYN without MP_CAPABLE"
strip_end

say "one that lets SYNs keep theirs"
strip "tcp flags & syn == 0"
found "$SERVER4:80" ".mptcp" "lost 0" "later segments"
said=$(probe_as_nobody "$SERVER4:80")
says "strips it from later segments"
strip_end

say "one that strips joins only"
on r1 nft -f - <<-NFT
	table inet strip {
		chain early { type filter hook prerouting priority -300; tcp option mptcp subtype 1 reset tcp option mptcp; }
	}
NFT
found "$SERVER4:80" "$WORDS" "answers yes stripped false 0" "joins"
strip_end

say "one that drops SYNs with MPTCP"
on r1 nft -f - <<-NFT
	table inet strip {
		chain early { type filter hook prerouting priority -300; tcp flags syn tcp option mptcp exists drop; }
	}
NFT
found "$SERVER4:80" "\"\(.tcp) \(.mptcp)\"" "answers dropped 0" "dropped"
strip_end
found "$SERVER4:80" ".mptcp" "yes 0" "and the kernel still asks for MPTCP afterwards"

say "no server"
found "$SERVER4:9" ".tcp" "refused 1" "a closed port"
on r2 nft -f - <<-NFT
	table inet strip {
		chain early { type filter hook prerouting priority -300; tcp dport 9009 drop; }
	}
NFT
found "$SERVER4:9009" ".tcp" "silent 1" "one that is silent"
on r2 nft delete table inet strip
on client ip route add blackhole 203.0.113.99
found "203.0.113.99" ".tcp" "unreachable 1" "no way there"
code=0
probe nowhere.invalid >"$TMP/said" 2>&1 || code=$?
equals "$code" 1 "a name that is none"
grep -q "^detourd: probe nowhere.invalid: " "$TMP/said" || fail "$(cat "$TMP/said")"

say "with a client"
relay_conf 1 "" "convert = yes"
relay_start 1
RELAYS=1 client_conf "convert = auto"
client_start
relays_up 1
said=$(probe "$SERVER4:80")
says "^  detourd   its connections get up to 2 detours, over relay1, by rule lab"
learn 9000
said=$(probe "$SERVER4:9000")
says "^  MPTCP     no"
says "^  detourd   new MPTCP connections are converted by relay1, and get detours to it"
equals "$(probe --json "$SERVER4:80" | jq .client)" true "asked"
said=$(probe_as_nobody "$SERVER4:80")
says "^the client was not asked: .*run as root"
"$DETOURD" why --json --control "$TMP/client.sock" "$SERVER4:80" | valid why
