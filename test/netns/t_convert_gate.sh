# shellcheck shell=bash source=lib.sh
# A converter's doors: who may have a lease, which servers it leads to, who may connect to its port, and what becomes of
# resets, half-closed connections and leases that are taken away. Leases are asked for by a bare client.
. "$(dirname "$0")/lib.sh"
ask_or_skip
standard_network 1
relay_conf 1 "log-flows = $TMP/flows" "convert = yes"
key other
printf '%s\n' "[client other]" "public-key = $(pub other)" >>"$TMP/relay1.conf"
relay_start 1
RELAY=$(relay4 1)
random_file "$TMP/file" 3
# One bare client for all questions, or the relay would soon see too many of one key.
coproc ASKER { nsenter --net="/run/netns/$PREFIX-client" -- "$ASK" "$TMP/client.key" "$(pub relay1)" "$RELAY:45672"; }
exec {ask_in}>&"${ASKER[1]}" {ask_out}<&"${ASKER[0]}" # bash keeps the others from subshells
# say_to LINE: prints the answer
say_to() {
	local answer
	echo "$1" >&"$ask_in"
	read -r -t $((15 * SLOWNESS)) answer <&"$ask_out" || fail "no answer to $1"
	echo "$answer"
}
convert() { say_to "convert $1"; }
# port_of SERVER: the port of a lease that is granted
port_of() {
	local answer
	answer=$(convert "$1")
	[ "${answer%% *}" = 0 ] || fail "no lease for $1: $answer"
	echo "$answer" | cut -d' ' -f2
}
# fetch PORT FILE: by MPTCP
fetch() { on client timeout $((15 * SLOWNESS)) mptcpize run socat -u "TCP4:$RELAY:$1${CONNECT:-}" "OPEN:$2,creat,trunc" 2>>"$TMP/socat.log"; }

"$DETOURD" monitor --control "$TMP/relay1.sock" --json >"$TMP/events" 2>/dev/null &
disown
wait_for 5 test -e "$TMP/events"
sleep "$LOOK_PAUSE"
# event KIND DETAIL: monitor tells of it, by a regular expression, with client and server
event() { jq -es --arg kind "$1" --arg detail "$2" --arg server "$SERVER4" 'any(.[]; .event == $kind and .client == "client" and (.remote | startswith($server)) and (.detail | test($detail)))' "$TMP/events" >/dev/null; }

say "who may have a lease"
equals "$(say_to ping)" "0 0 0 0 converts" "a client with convert = yes is told"
equals "$(ask client other 1 ping)" "0 0 0 0" "one without is not"
equals "$(ask client other 1 "convert $SERVER4:8001" | cut -d' ' -f1)" 64 "one without gets the reason"
say "forbidden servers"
for to in "$RELAY:22" 127.0.0.1:22 10.255.0.1:80 169.254.169.254:80 "$SERVER4:25" "$SERVER4:465" "$SERVER4:587" 224.0.0.1:80; do
	equals "$(convert "$to" | cut -d' ' -f1)" 3 "a lease for $to"
done

say "byte for byte, and who may connect"
plain_serve 8001 "OPEN:$TMP/file,rdonly" -U
port=$(port_of $SERVER4:8001)
equals "$(port_of $SERVER4:8001)" "$port" "the same lease again"
fetch "$port" "$TMP/got"
same_bytes "$TMP/file" "$TMP/got"
on client timeout $((15 * SLOWNESS)) socat -u "TCP4:$RELAY:$port" "OPEN:$TMP/got,creat,trunc"
same_bytes "$TMP/file" "$TMP/got"
equals "$(convert $SERVER4:8001 | cut -d' ' -f5)" 1 "the outcome: reached"
before=$(counter relay1 denied_no_lease)
on server timeout 2 socat -u "TCP4:$RELAY:$port,connect-timeout=1" - >"$TMP/stranger" 2>/dev/null && fail "a stranger got in"
[ ! -s "$TMP/stranger" ] || fail "a stranger got data"
at_least $(($(counter relay1 denied_no_lease) - before)) 1 "SYNs of a stranger, dropped"
# not even past the NAT's program, which lo does not have
on relay1 timeout 5 socat -u "TCP4:$RELAY:$port" - >"$TMP/stranger" 2>/dev/null || true
[ ! -s "$TMP/stranger" ] || fail "the relay's own host got data"
grep -q "not the address of the lease" "$TMP/relay1.log" || fail "the process did not refuse it"

wait_for 5 event lease '^converter granted, port [0-9]+ for [0-9]+ s$'
wait_for 5 event lease '^converter renewed, '
wait_for 5 event flow '^converted, ended: closed$'

say "half-closed, both ways"
plain_serve 8002 "SYSTEM:sha1sum"
sum=$(on client timeout $((15 * SLOWNESS)) mptcpize run socat -t30 - "TCP4:$RELAY:$(port_of $SERVER4:8002)" <"$TMP/file" | cut -d' ' -f1)
equals "$sum" "$(sha1sum <"$TMP/file" | cut -d' ' -f1)" "the server's answer after the client's end"

say "a reset after data: all of it arrives, then the reset"
cat >"$TMP/resetter.py" <<'PY'
import fcntl, socket, struct, sys, time
data = open(sys.argv[1], "rb").read()
s = socket.create_server(("0.0.0.0", 8003))
while True:
    c, _ = s.accept()
    c.sendall(data)
    while struct.unpack("i", fcntl.ioctl(c, 0x5411, b"\0" * 4))[0]: time.sleep(0.01)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()
PY
cat >"$TMP/reader.py" <<'PY'
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
s.connect((sys.argv[1], int(sys.argv[2])))
got, end = 0, "closed"
time.sleep(1)
try:
    while True:
        piece = s.recv(65536)
        if not piece: break
        got += len(piece)
        time.sleep(0.005)
except ConnectionResetError:
    end = "reset"
print(got, end)
PY
head -c 1000000 "$TMP/file" >"$TMP/million"
on server python3 "$TMP/resetter.py" "$TMP/million" &
disown
wait_for 5 listens server 8003
equals "$(on client timeout $((30 * SLOWNESS)) python3 "$TMP/reader.py" "$RELAY" "$(port_of $SERVER4:8003)")" "1000000 reset" "what a slow reader got"

say "a server that refuses"
equals "$(on client timeout $((30 * SLOWNESS)) python3 "$TMP/reader.py" "$RELAY" "$(port_of $SERVER4:8009)")" "0 reset" "what the client sees"
equals "$(convert $SERVER4:8009 | cut -d' ' -f5)" 2 "the outcome: refused"

say "a server that is denied after its lease: the log of flows has no source, as none was chosen"
port=$(port_of 203.0.113.9:8001)
on relay1 ip address add 203.0.113.9/32 dev lo
fetch "$port" "$TMP/got" || :
wait_for 5 grep -q "carrier=convert .*source=- server=203.0.113.9:8001 .*reason=denied" "$TMP/flows"
on relay1 ip address delete 203.0.113.9/32 dev lo

say "a lease that is given back, and one that is taken away"
plain_serve 8004 "SYSTEM:cat; cat >/dev/null"
port=$(port_of $SERVER4:8004)
hold() { # PORT: a connection that stays
	on client timeout $((60 * SLOWNESS)) mptcpize run socat -u "SYSTEM:echo hello; sleep 60" "TCP4:$RELAY:$1" 2>>"$TMP/held.log" &
	disown
}
connections_are() { status_is relay1 ".clients[0].converted.connections == $1"; }
hold "$port"
wait_for 5 connections_are 1
equals "$(say_to "unconvert $SERVER4:8004" | cut -d' ' -f1)" 0 "given back"
wait_for 5 event lease '^converter given back$'
CONNECT=,connect-timeout=1 fetch "$port" "$TMP/got" && fail "a lease that was given back takes connections"
connections_are 1 || fail "a connection ended with its lease"
port=$(port_of $SERVER4:8004)
hold "$port"
wait_for 5 connections_are 2
sed -i '/^convert = yes/d' "$TMP/relay1.conf"
kill -HUP "$(cat "$TMP/relay1.pid")"
wait_for 5 sh -c "! nsenter --net=/run/netns/$PREFIX-relay1 ss -Htn state established dst $SERVER4 | grep -q ."
equals "$(convert $SERVER4:8004 | cut -d' ' -f1)" 64 "after the reload"
wait_for 5 grep -q "carrier=convert .*server=$SERVER4:8004 .*reason=revoked" "$TMP/flows"
equals "$(on relay1 ss -Htln 'sport >= 50000' | wc -l)" 0 "listening sockets that are left"

say "a connection to the port of a lease that has just ended"
# connects_to PORT FROM [PROTOCOL]: what connect() says
connects_to() {
	on "$2" python3 -c "if 1:
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, ${3:-262})
		s.settimeout($((2 * SLOWNESS)))
		try: print(s.connect(('$RELAY', $1)))
		except OSError as e: print(type(e).__name__)"
}
equals "$(connects_to "$port" client)" ConnectionRefusedError "from the lease's address"
equals "$(connects_to "$port" client 6)" ConnectionRefusedError "by TCP"
equals "$(connects_to "$port" server)" TimeoutError "from a stranger"
cat >"$TMP/listen.py" <<PY
import socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    s.bind(("0.0.0.0", $port))
    s.listen()
    print("listens")
except OSError: print("in use")
PY
equals "$(on relay1 python3 "$TMP/listen.py")" "in use" "another program at this port"

say "and permitted again by the next reload: the new process has the sockets"
copiers_are() { [ "$(copier | wc -w)" = "$1" ]; }
may_convert() { # yes|no: by a reload, and the process has come or gone
	local count=1
	[ "$1" = yes ] || count=0
	sed -i '/^convert = /d' "$TMP/relay1.conf"
	sed -i "/^\[client client\]/a convert = $1" "$TMP/relay1.conf"
	kill -HUP "$(cat "$TMP/relay1.pid")"
	wait_for 10 copiers_are $count
}
granted() { [ "$(convert "$1" | cut -d' ' -f1)" = 0 ]; }
fetches() { # a connection under a new lease works
	wait_for 10 granted $SERVER4:8001
	fetch "$(port_of $SERVER4:8001)" "$TMP/got" || fail "no connection under a lease that was granted"
	same_bytes "$TMP/file" "$TMP/got"
}
may_convert no
may_convert yes
fetches
before=$(copier)
kill -9 "$before"
wait_for 10 process_ended "$before"
may_convert no
may_convert yes
fetches

say "a process that has ended has no connections: a drain waits for none"
wait_for 10 granted $SERVER4:8004
hold "$(port_of $SERVER4:8004)"
wait_for 5 connections_are 1
may_convert no
status_is relay1 '(.clients[0].converted.connections // 0) == 0' || fail "open: $(status relay1 | jq -c '.clients[0].converted')"
may_convert yes
connections_are 0 || fail "open: $(status relay1 | jq -c '.clients[0].converted')"
stop relay1 USR1
grep -q "drained: no flow is open" "$TMP/relay1.log" || fail "the drain waited: $(tail -n 3 "$TMP/relay1.log")"
