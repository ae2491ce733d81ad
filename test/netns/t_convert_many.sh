# shellcheck shell=bash source=lib.sh
# Thousands of converted connections at once, and those that hold others up elsewhere: a server that never reads, a client
# that never reads, slow ones at either end, a copying process without descriptors. The others go on, and memory is bounded.
# alone: on a busy machine a SYN waits for so long that the client takes the converter for dead, and goes on directly
. "$(dirname "$0")/lib.sh"
crowd_or_skip
convert_network "max-flows = 6000"
stop client
RELAYS=1 client_conf "convert = always
detour-after = 0"
client_start
relays_up 1
on server sysctl -qw net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535
nsenter --net="/run/netns/$PREFIX-server" -- "$CROWD" serve-tcp $SERVER4 5555 2>"$TMP/serve.log" &
disown
wait_for 5 listens server 5555
learn 5555
resident_kb() { awk '/VmRSS/ { print $2 }' "/proc/$(copier)/status"; }
connections_are() { status_is relay1 ".clients[0].converted.connections == $1"; }
# echoed: a new connection is served at once
echoed() { on client timeout $((15 * SLOWNESS)) "$CROWD" short $SERVER4 5555 20 2 >"$TMP/short" || fail "others: $(cat "$TMP/short")"; }
# echoed_converted: the same, and the relay's process takes part
echoed_converted() {
	local before
	before=$(counter client converted)
	on client timeout 10 "$CROWD" short $SERVER4 5555 2 1 >/dev/null && [ "$(counter client converted)" -gt "$before" ]
}

count=${CONNECTIONS:-5000}
say "$count at once"
before=$(resident_kb)
# below max-new-flows, which is 1000 a second here
crowd all $SERVER4 "$count" $((800 / SLOWNESS))
wait_for 10 status_is relay1 ".clients[0].converted.connections >= $((count * 8 / 10))"
at_most $((($(resident_kb) - before) * 1024 / count)) 4096 "bytes of the process for each"
echoed
crowd_end all
wait_for 20 connections_are 0
! grep -q "new connections are direct: $" "$TMP/client.log" || fail "the client forgot a server in use"

say "servers and clients that never read, and slow ones"
cat >"$TMP/slow.py" <<'PY'
import socket, sys, threading, time
HELD = []
def never_reads(c): time.sleep(3600)
def pours(c):
    try:
        while True: c.sendall(b"x" * 65536)
    except OSError: pass
def drips(c):
    try:
        while True:
            c.sendall(b"x")
            c.recv(1)
            time.sleep(0.5)
    except OSError: pass
WAYS = {7001: never_reads, 7002: pours, 7003: drips}
def listen(port):
    s = socket.create_server(("0.0.0.0", port), backlog=64)
    while True:
        c = s.accept()[0]
        HELD.append(c)
        threading.Thread(target=WAYS[port], args=(c,), daemon=True).start()
if sys.argv[1] == "serve":
    for port in WAYS: threading.Thread(target=listen, args=(port,), daemon=True).start()
    time.sleep(3600)
def connect(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    s.connect((sys.argv[1], port))
    HELD.append(s)
    return s
def fill(s): # to one that never reads, until nothing goes for a second
    s.settimeout(1)
    sent = 0
    try:
        while True: sent += s.send(b"y" * 65536)
    except OSError: pass
    return sent
sent = [fill(connect(7001)) for _ in range(4)]
for _ in range(4): connect(7002) # and reads nothing
for _ in range(4): threading.Thread(target=drips, args=(connect(7003),), daemon=True).start()
for _ in range(4): connect(5555).sendall(b"") # and says nothing
print("held", max(sent), flush=True)
time.sleep(3600)
PY
nsenter --net="/run/netns/$PREFIX-server" -- python3 "$TMP/slow.py" serve &
served=$!
disown
for port in 7001 7002 7003; do
	wait_for 5 listens server $port
	learn $port
done
wait_for 10 connections_are 0
before=$(resident_kb)
nsenter --net="/run/netns/$PREFIX-client" -- python3 "$TMP/slow.py" $SERVER4 >"$TMP/held" 2>&1 &
slow=$!
disown
wait_for 30 grep -q ^held "$TMP/held"
wait_for 5 connections_are 16
echoed
# what one that does not read leaves in the process is one read at most
at_most $(($(resident_kb) - before)) $((8 * 256 + 2048)) "kB of the process"
at_most "$(cut -d' ' -f2 "$TMP/held")" 40000000 "bytes on the way to a server that never reads"
kill $slow $served
wait_for 20 connections_are 0

say "a copying process that may have few descriptors: those beyond are reset, and it goes on"
stop relay1
on relay1 "$DETOURD" --relay --flush -c "$TMP/relay1.conf" 2>"$TMP/flush.log"
nsenter --net="/run/netns/$PREFIX-relay1" -- prlimit --nofile=150:150 "$DETOURD" --relay -c "$TMP/relay1.conf" >>"$TMP/relay1.log" 2>&1 &
echo $! >"$TMP/relay1.pid"
disown
wait_for 20 grep -q "the relay was restarted" "$TMP/client.log"
wait_for 10 status_is relay1 '.clients[0].converted.leases >= 1'
wait_for 20 echoed_converted
nsenter --net="/run/netns/$PREFIX-client" -- "$CROWD" open $SERVER4 5555 80 200 >"$TMP/crowd-beyond" 2>&1 &
echo $! >"$TMP/crowd-beyond.pid"
disown
wait_for 30 grep -q "reset a connection: max-flows" "$TMP/relay1.log"
wait_for 10 status_is relay1 '.clients[0].converted.connections >= 20'
at_most "$(status relay1 | jq '.clients[0].converted.connections')" 50 "connections"
crowd_end beyond
wait_for 20 connections_are 0
echoed
equals "$(counter relay1 converter_crashes)" 0 "crashes"
