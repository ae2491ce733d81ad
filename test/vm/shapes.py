"""Traffic of applications that do not send all the time, and how long its messages take.

shapes.py serve ADDRESS PORT
shapes.py SHAPE ADDRESS PORT SECONDS: prints how long, in ms, the slowest message took that began a second ($SETTLED) after
the start or later. A message that has not arrived 15 s after the end counts until then.

    thin-up, thin-down      1 kB each 10 ms
    ask                     200 bytes, answered by 2 kB; the next 30 to 70 ms after the answer
    keys                    40 bytes each 80 to 250 ms, and their echo
    burst-up, burst-down    500 kB each 2 s
    video-down              500 kB each 0.5 s
    bulk-up, bulk-down      as much as goes, in messages of 64 kB; what counts is the time between two
"""
import os
import random
import socket
import struct
import sys
import threading
import time

IPPROTO_MPTCP = 262
HEAD = struct.Struct("!IId")  # bytes that follow, bytes of the answer, when it was due
SHAPES = {  # bytes, seconds between two
    "thin-up": (1000, 0.01), "thin-down": (1000, 0.01), "burst-up": (500000, 2), "burst-down": (500000, 2),
    "video-down": (500000, 0.5), "bulk-up": (65536, 0), "bulk-down": (65536, 0),
}
SETTLED = float(os.environ.get("SETTLED") or 1)
PATIENCE = 15


def read_exactly(sock, count):
    parts = []
    while count:
        part = sock.recv(min(count, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def send_messages(sock, shape, seconds):
    """One after the other; a message that waits for the one before it is as late as that."""
    size, every = SHAPES[shape]
    due = begin = time.monotonic()
    if size > 100000:
        due += random.uniform(0, every)
    while due - begin < seconds:
        time.sleep(max(0, due - time.monotonic()))
        sock.sendall(HEAD.pack(size, 0, due) + bytes(size))
        due = due + every if every else time.monotonic()
    sock.sendall(HEAD.pack(0, 0, 0))


def slowest_received(sock, shape):
    """Until the last one, or the end of the stream."""
    begin = last = time.monotonic()
    worst = 0.0
    try:
        while True:
            size, _, due = HEAD.unpack(read_exactly(sock, HEAD.size))
            if not size:
                return worst
            read_exactly(sock, size)
            now = time.monotonic()
            if now - begin > SETTLED:
                worst = max(worst, now - (due if SHAPES[shape][1] else last))
            last = now
    except (EOFError, OSError):
        return max(worst, time.monotonic() - last)


def slowest_asked(sock, shape, seconds):
    begin = time.monotonic()
    worst = 0.0
    while time.monotonic() - begin < seconds:
        asked = time.monotonic()
        size = 2000 if shape == "ask" else 40
        sock.sendall(HEAD.pack(200 if shape == "ask" else 40, size, 0) + bytes(200 if shape == "ask" else 40))
        try:
            read_exactly(sock, size)
        except (EOFError, OSError):
            return max(worst, time.monotonic() - asked)
        took = time.monotonic() - asked
        if asked - begin > SETTLED:
            worst = max(worst, took)
        time.sleep(random.uniform(0.03, 0.07) if shape == "ask" else max(0, random.uniform(0.08, 0.25) - took))
    return worst


def serve_one(sock):
    with sock:
        shape, seconds = read_exactly(sock, 32).decode().split()
        try:
            if shape in SHAPES and shape.endswith("down"):
                send_messages(sock, shape, float(seconds))
                sock.recv(1)
            elif shape in SHAPES:
                sock.sendall(b"%12.1f" % (1000 * slowest_received(sock, shape)))
                sock.recv(1)
            else:
                while True:
                    size, answer, _ = HEAD.unpack(read_exactly(sock, HEAD.size))
                    read_exactly(sock, size)
                    sock.sendall(bytes(answer))
        except (EOFError, OSError):
            pass


def serve(address, port):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(64)
    while True:
        threading.Thread(target=serve_one, args=(listener.accept()[0],), daemon=True).start()


def run(shape, address, port, seconds):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    sock.settimeout(PATIENCE)
    sock.connect((address, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(("%s %g" % (shape, seconds)).ljust(32).encode())
    if shape not in SHAPES:
        print("%.0f" % (1000 * slowest_asked(sock, shape, seconds)))
    elif shape.endswith("down"):
        print("%.0f" % (1000 * slowest_received(sock, shape)))
    else:
        try:
            send_messages(sock, shape, seconds)
            print("%.0f" % float(read_exactly(sock, 12)))
        except OSError:
            print("%.0f" % (1000 * PATIENCE))


if sys.argv[1] == "serve":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    run(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    sys.stdout.flush()
    os._exit(0)
