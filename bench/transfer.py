#!/usr/bin/env python3
"""Transfers over MPTCP whose time counts from connect() to the last byte.

transfer.py serve PORT
transfer.py ADDRESS PORT up|down AMOUNT [RATE]

AMOUNT is a number of bytes, or of seconds ("10s"). RATE is in Mbit/s: then whoever sends writes small pieces at that
rate, as a program does that has no more to send. Prints the goodput in Mbit/s; with AMOUNT in seconds and a download,
first that of each second."""
import socket
import sys
import threading
import time

MPTCP = 262
PIECE = bytes(65536)


def send(s, amount, rate):
    """Sends that much; rate 0: as fast as it goes."""
    begin = time.monotonic()
    sent = 0
    limit = int(amount) if not amount.endswith("s") else None
    until = begin + float(amount[:-1]) if limit is None else None
    while (sent < limit) if limit is not None else (time.monotonic() < until):
        piece = PIECE if limit is None else PIECE[: min(len(PIECE), limit - sent)]
        if rate:
            piece = piece[:4096]
            late = begin + sent * 8 / (rate * 1e6) - time.monotonic()
            if late > 0:
                time.sleep(late)
        s.sendall(piece)
        sent += len(piece)
    s.shutdown(socket.SHUT_WR)


def receive(s, begin, by_second):
    """Receives until the end; returns how many bytes and when the last one came."""
    total, last, second, shown = 0, begin, 0, 0
    while got := s.recv(262144):
        last = time.monotonic()
        total += len(got)
        while by_second and last - begin >= second + 1:
            print(f"{(total - shown) * 8 / 1e6:.1f}", end=" ", flush=True)
            shown = total
            second += 1
    return total, last


def answer(s):
    try:
        words = b""
        while not words.endswith(b"\n"):
            got = s.recv(1)
            if not got:
                return
            words += got
        way, amount, rate = words.decode().split()
        if way == "down":
            send(s, amount, float(rate))
            s.recv(1)
        else:
            total, _ = receive(s, 0, False)
            s.sendall(f"{total}\n".encode())
    except OSError:
        pass
    finally:
        s.close()


def serve(port):
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("", port))
    listening.listen(64)
    while True:
        s, _ = listening.accept()
        threading.Thread(target=answer, args=(s,), daemon=True).start()


def transfer(address, port, way, amount, rate):
    begin = time.monotonic()
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, MPTCP)
    s.connect((address, port))
    s.sendall(f"{way} {amount} {rate}\n".encode())
    if way == "down":
        total, last = receive(s, begin, amount.endswith("s"))
    else:
        send(s, amount, float(rate))
        total = int(s.makefile().readline())
        last = time.monotonic()
    s.close()
    print(f"{total * 8 / 1e6 / (last - begin):.2f}")


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    transfer(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5] if len(sys.argv) > 5 else "0")
