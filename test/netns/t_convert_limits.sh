# shellcheck shell=bash source=lib.sh
# A client's limits for converted connections. Beyond max-new-flows connections wait, and none is reset. Beyond max-flows new
# ones are reset until the client has heard of it, a moment later; then they are direct for a while.
. "$(dirname "$0")/lib.sh"
convert_network
stop client
RELAYS=1 client_conf "convert = always
detour-after = 0"
client_start
relays_up 1
sed -i 's/^max-new-flows.*/max-new-flows = 20/' "$TMP/relay1.conf"
reload() { kill -HUP "$(cat "$TMP/relay1.pid")"; }
reload
cat >"$TMP/echo.py" <<'PY'
import socket, threading
s = socket.create_server(("0.0.0.0", 9000), backlog=512)
def echo(c):
    try:
        while data := c.recv(4096): c.sendall(data)
    except OSError: pass
    c.close()
while True: threading.Thread(target=echo, args=(s.accept()[0],), daemon=True).start()
PY
on server python3 "$TMP/echo.py" &
disown
wait_for 5 listens server 9000
learn 9000
# at_once.py COUNT SECONDS: so many connections, an echo each, held for so long; prints how many had it
cat >"$TMP/at_once.py" <<PY
import socket, sys, threading, time
sockets, echoed = [], []
for _ in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    s.setblocking(False)
    try: s.connect(("$SERVER4", 9000))
    except BlockingIOError: pass
    sockets.append(s)
def one(s):
    try:
        s.settimeout($((60 * SLOWNESS)))
        time.sleep(0.3)
        s.sendall(b"hello")
        echoed.append(s.recv(5) == b"hello")
    except OSError: pass
threads = [threading.Thread(target=one, args=(s,)) for s in sockets]
for t in threads: t.start()
for t in threads: t.join()
print(sum(echoed), flush=True)
time.sleep(int(sys.argv[2]))
PY
at_once() { on client timeout $((120 * SLOWNESS)) python3 "$TMP/at_once.py" "$@"; }
connections_are() { status_is relay1 ".clients[0].converted.connections == $1"; }
# ticks: of the processor, that the copying process has had
ticks() { awk '{ print $14 + $15 }' "/proc/$(copier)/stat"; }
wait_for 10 connections_are 0

say "more at once than max-new-flows: the others wait"
begin=$(now_ms) before=$(ticks)
equals "$(at_once 100 0)" 100 "connections that had their answer"
at_least $(($(now_ms) - begin)) 3500 "ms for 100 connections, 20 of them at once and 20 a second"
at_most $(($(ticks) - before)) $((100 * SLOWNESS)) "ticks of the process that waited"
equals "$(status relay1 | jq '.clients[0].converted.refused')" 0 "refused"
wait_for 10 connections_are 0

say "beyond max-flows"
sed -i 's/^max-new-flows.*/max-new-flows = 1000\nmax-flows = 5/' "$TMP/relay1.conf"
reload
nsenter --net="/run/netns/$PREFIX-relay1" -- "$DETOURD" monitor --relay --json --control "$TMP/relay1.sock" >"$TMP/monitor" 2>&1 &
disown
wait_for 10 converted_by 9000 relay1
sleep 1.1 # a second of the old max-new-flows
# the client hears of it only after all nine
kill -STOP "$(cat "$TMP/client.pid")"
at_once 9 60 >"$TMP/held" &
held=$!
wait_for 10 [ -s "$TMP/held" ]
kill -CONT "$(cat "$TMP/client.pid")"
equals "$(cat "$TMP/held")" 5 "of nine: the others were reset"
wait_for 10 connections_are 5
direct_why() { status_is client ".conversions[] | select(.remote == \"$SERVER4:9000\") | .why == \"$1\""; }
wait_for 5 direct_why "max-flows at the relay is reached"
equals "$(at_once 10 0)" 10 "new ones, direct"
connections_are 5 || fail "not direct"
status_is relay1 '.clients[0].limits_reached == ["max-flows"]' || fail "the status does not show it"
grep -q "converter: reset a connection: max-flows of the client is reached.* client=client server=$SERVER4:9000" "$TMP/relay1.log" ||
	fail "the log does not say whose"
wait_for 5 sh -c "jq -e 'select(.event == \"limit\" and .client == \"client\" and .detail == \"max-flows reached\")' $TMP/monitor | grep -q ."
kill_in client python3
wait $held || true
wait_for 60 converted_by 9000 relay1
equals "$(at_once 5 0)" 5 "converted again"
