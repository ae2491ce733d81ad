# SPDX-License-Identifier: GPL-2.0-or-later
"""turn.py HOST PORT NUMBER: allocations of a TURN server (RFC 8656), one after the other, each as a client that starts:
without credentials, then with those that the 401 asks for. Prints the median, in microseconds."""
import hashlib
import hmac
import os
import socket
import statistics
import struct
import sys
import time

USER, REALM, PASSWORD = b"a", b"example.org", b"b"
KEY = hashlib.md5(b":".join((USER, REALM, PASSWORD))).digest()
UDP = struct.pack("!HHI", 0x0019, 4, 17 << 24)


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def message(body, signed):
    header = struct.pack("!HH", 0x0003, len(body) + (24 if signed else 0)) + b"\x21\x12\xa4\x42" + os.urandom(12)
    if signed:
        body += attribute(0x0008, hmac.new(KEY, header + body, hashlib.sha1).digest())
    return header + body


def nonce_of(answer):
    at = 20
    while at + 4 <= len(answer):
        kind, size = struct.unpack_from("!HH", answer, at)
        if kind == 0x0015:
            return answer[at + 4:at + 4 + size]
        at += 4 + size + -size % 4
    sys.exit("turn.py: no nonce")


def allocate():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.connect((sys.argv[1], int(sys.argv[2])))
        begin = time.monotonic()
        sock.send(message(UDP, False))
        nonce = nonce_of(sock.recv(2048))
        sock.send(message(UDP + attribute(0x0006, USER) + attribute(0x0014, REALM) + attribute(0x0015, nonce), True))
        kind = struct.unpack_from("!H", sock.recv(2048))[0]
        took = time.monotonic() - begin
    if kind != 0x0103:
        sys.exit("turn.py: refused, type %#06x" % kind)
    return took * 1e6


print("%.0f" % statistics.median(allocate() for _ in range(int(sys.argv[3]))))
