# shellcheck shell=bash source=lib.sh
# A client that opens connections to a server that pours, and reads none of them: what the kernel keeps for them at the relay
# grows with the first ones only.
. "$(dirname "$0")/lib.sh"
convert_network
stop client
RELAYS=1 client_conf "convert = always"
client_start
relays_up 1
cat >"$TMP/pour.py" <<'PY'
import socket, sys, threading, time
def pour(c):
    try:
        while True: c.sendall(b"x" * 65536)
    except OSError: pass
if sys.argv[1] == "serve":
    s = socket.create_server(("0.0.0.0", 7002), backlog=64)
    while True: threading.Thread(target=pour, args=(s.accept()[0],), daemon=True).start()
held = []
for _ in range(int(sys.argv[2])):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    s.connect((sys.argv[1], 7002))
    held.append(s)
    time.sleep(0.05) # below max-new-flows
print("held", flush=True)
time.sleep(3600)
PY
nsenter --net="/run/netns/$PREFIX-server" -- python3 "$TMP/pour.py" serve &
disown
wait_for 5 listens server 7002
learn 7002
# kernel_kb: what the kernel holds in the relay's TCP sockets, received and to be sent
kernel_kb() { on relay1 ss -Htnm state established | grep -o 'skmem:(r[0-9]*,rb[0-9]*,t[0-9]*,tb[0-9]*,f[0-9]*,w[0-9]*' | tr -c '0-9\n' ' ' | awk '{ sum += $1 + $6 } END { printf "%d\n", sum / 1024 }'; }
# hold COUNT: makes so many, and says what the kernel holds once that grows no more
hold() {
	local now before=-1
	nsenter --net="/run/netns/$PREFIX-client" -- python3 "$TMP/pour.py" $SERVER4 "$1" >"$TMP/held" &
	pourers=$!
	disown
	wait_for 30 grep -q ^held "$TMP/held"
	wait_for 5 status_is relay1 ".clients[0].converted.connections == $1"
	while now=$(kernel_kb) && [ "$now" -gt $((before + before / 50)) ]; do
		before=$now
		sleep 1
	done
	echo "$now"
	kill $pourers
}
few=$(hold 16)
wait_for 20 status_is relay1 '.clients[0].converted.connections == 0'
many=$(hold 80)
say "$few kB with 16 connections, $many kB with 80"
at_least "$few" 1000 "kB with 16 connections: nothing was poured"
at_most "$many" $((2 * few + 32 * 1024)) "kB with 80 connections"
