# shellcheck shell=bash source=lib.sh
# The whole life of an invitation: a relay without a client invites; a host without a configuration joins by the line, and
# has a detour; both survive restarts; the line is good once, and says so; revoking ends the client at once; who holds no
# line gets no byte from the relay.
. "$(dirname "$0")/lib.sh"
standard_network 2
narrow_paths "${RATE:-20}mbit"
relay_conf 1 "state = $TMP/state/relay.state"
sed -i '/^\[client client\]/,$d' "$TMP/relay1.conf" # nobody may use it
relay_start 1

relay() { "$DETOURD" "$@" --control "$TMP/relay1.sock"; }
# invite NAME ARGUMENTS...: prints the line
invite() { relay invite "$@" --endpoint "$(relay4 1):45672" 2>>"$TMP/invite.log"; }
# join SPACE CONFIG LINE: its exit code is join's; all that it says is in $TMP/said
join() { on "$1" "$DETOURD" join -c "$2" --control "${2%.conf}.sock" "$3" >"$TMP/said" 2>&1; }
# refuses WORDS COMMAND...: it fails and says that
refuses() {
	local words=$1
	shift
	! "$@" >"$TMP/said" 2>&1 || fail "$* worked: $(cat "$TMP/said")"
	grep -q -- "$words" "$TMP/said" || fail "$* does not say \"$words\": $(cat "$TMP/said")"
}
# joins_not CODE WORDS SPACE CONFIG LINE
joins_not() {
	local code=0
	join "$3" "$4" "$5" || code=$?
	equals "$code" "$1" "exit code of join"
	grep -q "$2" "$TMP/said" || fail "join does not say \"$2\": $(cat "$TMP/said")"
	say "join: $(grep "$2" "$TMP/said")"
}

# where clients reach it is not guessed where that would be wrong
refuses '198\.51\.100\.18, which is not one of the Internet.*--endpoint HOST:PORT' relay invite nowhere
line=$(invite laptop --for 1h --max-rate 100mbit)
[[ $line =~ ^detourd:198\.51\.100\.18:45672/[A-Za-z0-9_-]{70}$ ]] || fail "the line is $line"
refuses 'laptop is invited already' relay invite laptop --endpoint relay.example.org:45672
grep -q '^laptop is invited until 2' <<<"$(relay clients)" || fail "clients does not show the invitation"

# a host that has nothing: join makes the key and the configuration
mkdir "$TMP/etc"
joins_not 2 'mistyped or cut' client "$TMP/etc/client.conf" "${line/45672/45673}"
joins_not 2 'mistyped or cut' client "$TMP/etc/client.conf" "${line%?}"
joins_not 2 'no invitation' client "$TMP/etc/client.conf" "${line#detourd:}"
[ ! -e "$TMP/etc/client.conf" ] || fail "a mistyped line made a configuration"
join client "$TMP/etc/client.conf" "$line" || fail "join: $(cat "$TMP/said")"
grep -Eq '^relay 198\.51\.100\.18: up, [0-9.]+ ms$' "$TMP/said" || fail "join says $(cat "$TMP/said")"
grep -q convert "$TMP/said" && fail "join speaks of converting where the relay does not"
equals "$(stat -c %a "$TMP/etc/client.key")" 600 "rights of the key"
equals "$(relay clients --json | jq -c '[.clients[] | [.name, .joined]] + [.invitations[].name]')" '[["laptop",true]]' "clients"
grep -q "$(cut -d/ -f2 <<<"$line" | cut -c46-66)" "$TMP/state/relay.state" && fail "the relay keeps the secret"

# the same host may ask again, as if the answer had been lost; another cannot
join client "$TMP/etc/client.conf" "$line" || fail "the same again: $(cat "$TMP/said")"
grep -q 'has this relay already' "$TMP/said" || fail "the second join says $(cat "$TMP/said")"
mkdir "$TMP/other"
joins_not 1 'was used' client "$TMP/other/client.conf" "$line"
[ ! -e "$TMP/other/client.d" ] || fail "a refused join wrote a relay's section"

# the detour works
cat >>"$TMP/etc/client.conf" <<-CONF
	control = $TMP/etc/client.sock
	log-level = debug
	[rule lab]
	destination = $LAB
CONF
ln -s etc/client.sock "$TMP/client.sock"
daemon client client -c "$TMP/etc/client.conf"
joins_watch
relays_up 1
web_start
chmod 600 "$TMP"/*/*.key # which web_start opened, with all files here
random_file "$TMP/www/file" 300
on client mptcpize run curl -sS -o /dev/null "http://$SERVER4/file" 2>/dev/null &
disown
carries() { status_is client "[.connections[0].subflows[] | select(.via == \"198.51.100.18\" and .state == \"established\" and .bytes_received > $1)] | length == 1"; }
wait_for 15 carries 500000
[[ $(COLUMNS=120 relay clients) =~ laptop\ +invitation\ +no\ +[0-9]+\ s\ ago\ +192\.0\.2\.2:[0-9]+\ +1\ +1\  ]] || fail "clients: $(relay clients)"

# the running client takes a second relay without a restart
relay_conf 2 "state = $TMP/state/relay2.state"
relay_start 2
line2=$("$DETOURD" invite laptop --endpoint "$(relay4 2):45672" --control "$TMP/relay2.sock" 2>/dev/null)
join client "$TMP/etc/client.conf" "$line2" || fail "join: $(cat "$TMP/said")"
relays_up 2
equals "$(cd "$TMP/etc/client.d" && echo *)" "198.51.100.18.conf 198.51.100.34.conf" "files of the relays"

# a restart of the relay, and a reload, lose neither the client nor its flow
stop relay1 KILL
relay_start 1
equals "$(status relay1 | jq -c '[.clients[] | [.name, .joined, .leases, .flows]]')" '[["laptop",true,1,1]]' "after a restart"
kill -HUP "$(cat "$TMP/relay1.pid")"
wait_for 5 grep -q 'reloaded clients=1' "$TMP/relay1.log"
relays_up 2
had=$(status client | jq '[.connections[0].subflows[] | select(.via == "198.51.100.18") | .bytes_received] | add')
wait_for 10 carries $((had + 500000))
joins_not 1 'was used' client "$TMP/other/client.conf" "$line"

# an invitation for a second, and one that is withdrawn
late=$(invite late --for 1s) gone=$(invite gone)
relay revoke gone | grep -q '^withdrew the invitation of gone$' || fail "revoke of an invitation"
sleep 1.1
joins_not 1 'has expired' client "$TMP/other/client.conf" "$late"
joins_not 1 'has withdrawn' client "$TMP/other/client.conf" "$gone"
# its name is free again; a second client leaves the first one alone
second=$(invite late --convert)
relay clients | grep -q "^late is invited until 2.*, with --convert$" || fail "clients does not show --convert: $(relay clients)"
join client "$TMP/other/client.conf" "$second" || fail "join: $(cat "$TMP/said")"
grep -q "^it converts for this client; .* set convert = auto in the \[client\] of $TMP/other/client.conf$" "$TMP/said" || fail "join says $(cat "$TMP/said")"
[[ $(relay clients) =~ late\ +invitation\ +yes\  && $(relay clients) =~ laptop\ +invitation\ +no\  ]] || fail "clients: $(relay clients)"
equals "$(relay clients --json | jq -c '[.clients[].name] | sort')" '["laptop","late"]' "clients"
converts() { equals "$(status relay1 | jq -c '[.clients[] | select(.converted) | .name]')" '["late"]' "for whom the relay converts, $1"; }
converts "as invited"

# a [client] of the configuration wins
invited=$(invite desk)
printf '[client desk]\npublic-key = %s\n' "$(pub desk)" >>"$TMP/relay1.conf"
kill -HUP "$(cat "$TMP/relay1.pid")"
wait_for 5 grep -q 'reloaded clients=3' "$TMP/relay1.log"
mkdir "$TMP/third"
joins_not 1 'has withdrawn' client "$TMP/third/client.conf" "$invited"
relay revoke desk 2>&1 | grep -q 'withdrew' || fail "the invitation of a configured client"
refuses 'is a \[client\] of the configuration' relay revoke desk

# revoked: at once, and for good; the other client stays
equals "$(status relay1 | jq '.open_flows')" 1 "flows before the end"
relay revoke laptop | grep -q '^revoked laptop$' || fail "revoke"
wait_for 2 status_is relay1 '.open_flows == 0'
equals "$(relay clients --json | jq -c '[.clients[] | [.name, .leases]] | sort')" '[["desk",0],["late",0]]' "clients"
grep -q 'ended what is no longer permitted.*flows=1' "$TMP/relay1.log" || fail "no flow was ended"
wait_for 15 status_is client '.relays[0].state == "down" and .relays[1].state == "up"'
stop relay1 KILL
relay_start 1
equals "$(status relay1 | jq -c '[.clients[].name] | sort')" '["desk","late"]' "after a restart"
converts "after a restart"
joins_not 1 'has withdrawn' client "$TMP/etc/client.conf" "$line"

# who holds no line hears nothing: not even by one that has the right form, host and key, and another secret
stop relay2
sed -i "s|$TMP/relay2.key|$TMP/relay1.key|" "$TMP/relay2.conf"
relay_start 2
forged=$("$DETOURD" invite forged --endpoint "$(relay4 1):45672" --control "$TMP/relay2.sock" 2>/dev/null)
stop client
sent() { on relay1 cat /proc/net/snmp | awk '$1 == "Udp:" && $2 ~ /^[0-9]/ { print $5 }'; }
refused=$(counter relay1 dropped_auth) was=$(sent)
joins_not 1 'no answer from 198.51.100.18:45672' client "$TMP/third/client.conf" "$forged"
equals "$(sent)" "$was" "datagrams that the relay sent"
at_least "$(counter relay1 dropped_auth)" $((refused + 3)) "datagrams of a stranger"
# a port where nothing listens is told apart from silence
closed=$("$DETOURD" invite closed --endpoint "$(relay4 1):45673" --control "$TMP/relay2.sock" 2>/dev/null)
joins_not 1 'nothing listens there' client "$TMP/third/client.conf" "$closed"
unknown=$("$DETOURD" invite unknown --endpoint nowhere.invalid:45672 --control "$TMP/relay2.sock" 2>/dev/null)
joins_not 1 'cannot look up nowhere.invalid' client "$TMP/third/client.conf" "$unknown"
