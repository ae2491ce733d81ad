"""How long an application waits for bytes when a path dies.

gap.py serve ADDRESS PORT
gap.py up|down ADDRESS PORT SECONDS [COMMAND]: moves data as fast as it goes, has COMMAND run (by a shell) a second (or
$AFTER) after the start, and prints the longest time, in ms, in which the receiving application got nothing from then on.
gap.py slow-up|slow-down ADDRESS PORT SECONDS: sends a little every 0.4 seconds
gap.py full-up|full-down ADDRESS PORT SECONDS: sends as much as goes, and nobody reads
gap.py idle ADDRESS PORT SECONDS: moves nothing after the first word
gap.py chat ADDRESS PORT SECONDS: keystrokes, five a second; the server sends each back
Several, with commas between: at the same time, each over a connection of its own. These are bound to $DEVICE, if set.
"""
import os
import select
import socket
import subprocess
import sys
import threading
import time

IPPROTO_MPTCP = 262
AFTER = float(os.environ.get("AFTER") or 1)
SETTLE = AFTER - 0.1  # seconds: what came before does not count
CHUNK = bytes(65536)


def longest_gap(sock, seconds):
    """Of reads from SETTLE after the start to `seconds`, or to the end of the stream."""
    begin = last = time.monotonic()
    longest = 0.0
    while True:
        left = begin + seconds - time.monotonic()
        data = b""
        ready = left > 0 and select.select([sock], [], [], left)[0]
        if ready:
            data = sock.recv(1 << 20)
        now = time.monotonic()
        if now - begin > SETTLE:
            longest = max(longest, now - max(last, begin + SETTLE))
        last = now
        if not data:
            return longest


def send_for(sock, seconds):
    end = time.monotonic() + seconds
    sock.setblocking(False)
    while time.monotonic() < end:
        try:
            sock.send(CHUNK)
        except BlockingIOError:
            select.select([], [sock], [], max(0, end - time.monotonic()))
        except ConnectionError:
            return
    sock.setblocking(True)


def send_slowly(sock, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sock.sendall(CHUNK)
        time.sleep(0.4)


def read_all(sock):
    while sock.recv(1 << 20):
        pass


def chat(sock, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sock.sendall(b"k" * 64)
        sock.recv(1024)
        time.sleep(0.2)


def echo(sock):
    while True:
        data = sock.recv(1024)
        if not data:
            return
        sock.sendall(data)


def serve_one(sock):
    with sock:
        kind, seconds = sock.recv(16).decode().split()
        seconds = float(seconds)
        if kind == "slow-down":
            send_slowly(sock, seconds)
        elif kind == "slow-up":
            sock.sendall(b"!")
            read_all(sock)
        elif kind == "chat":
            sock.sendall(b"!")
            echo(sock)
        elif kind in ("full-down", "down"):
            send_for(sock, seconds)
        elif kind in ("full-up", "idle"):
            sock.sendall(b"!")
            time.sleep(seconds)
        else:
            sock.sendall(b"!")
            sock.sendall(b"%.1f" % (1000 * longest_gap(sock, seconds + 20)))


def serve(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, IPPROTO_MPTCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(16)
    while True:
        threading.Thread(target=serve_one, args=(listener.accept()[0],), daemon=True).start()


def run(direction, address, port, seconds, command):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, IPPROTO_MPTCP)
    if "DEVICE" in os.environ:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, os.environ["DEVICE"].encode())
    sock.connect((address, port))
    sock.sendall(("%s %g" % (direction, seconds)).ljust(16).encode())
    if command:
        timer = threading.Timer(AFTER, lambda: subprocess.run(command, shell=True, check=True))
        timer.start()
    if direction == "slow-down":
        read_all(sock)
        return
    if direction == "full-down":
        time.sleep(seconds)
        return
    if direction == "down":
        print("%.1f" % (1000 * longest_gap(sock, seconds)))
        return
    sock.recv(1)
    if direction == "idle":
        time.sleep(seconds)
        return
    if direction == "chat":
        chat(sock, seconds)
        return
    if direction == "slow-up":
        send_slowly(sock, seconds)
        return
    send_for(sock, seconds)
    if direction == "full-up":
        return
    sock.shutdown(socket.SHUT_WR)
    answer = b""
    while True:
        data = sock.recv(64)
        if not data:
            break
        answer += data
    print(answer.decode())


if sys.argv[1] == "serve":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    command = sys.argv[5] if len(sys.argv) > 5 else ""
    for kind in sys.argv[1].split(","):
        threading.Thread(target=run, args=(kind, sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), command)).start()
