#!/usr/bin/env python3
"""Small requests, one after the other, over one MPTCP connection: requests.py ADDRESS PATH COUNT PAUSE_MS.
Prints how long each took, in ms: from the request's sending to its last byte."""
import socket
import sys
import time

address, path, count, pause = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]) / 1000
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
s.connect((address, 80))
request = f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
left = b""
for _ in range(count):
    begin = time.monotonic()
    s.sendall(request)
    while b"\r\n\r\n" not in left:
        got = s.recv(65536)
        if not got:
            sys.exit("the server closed the connection")
        left += got
    head, left = left.split(b"\r\n\r\n", 1)
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(left) < length:
        got = s.recv(65536)
        if not got:
            sys.exit("the server closed the connection")
        left += got
    left = left[length:]
    print(f"{(time.monotonic() - begin) * 1000:.3f}")
    time.sleep(pause)
