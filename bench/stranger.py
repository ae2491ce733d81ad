"""stranger.py HOST PORT: what a UDP service answers to somebody without credentials: a line for each kind of question."""
import os
import socket
import struct
import sys

STUN = b"\x21\x12\xa4\x42"


def stun(kind, attributes=b""):
    return struct.pack("!HH", kind, len(attributes)) + STUN + os.urandom(12) + attributes


def asked(name, datagrams):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((sys.argv[1], int(sys.argv[2])))
    sent = size = answers = longest = 0
    s.settimeout(0.002)
    for datagram in datagrams:
        s.send(datagram)
        sent += len(datagram)
        while True:
            try:
                answer = len(s.recv(65535))
            except (socket.timeout, ConnectionRefusedError):
                break
            answers, size, longest = answers + 1, size + answer, max(longest, answer / max(len(datagram), 1))
    print("  %-44s %5d asked %8d bytes   %5d answers %8d bytes   longest %.2f x its question" % (name, len(datagrams), sent, answers, size, longest))


asked("random bytes of each length 0..1500", [os.urandom(n) for n in range(1501)])
asked("version 2 of detourd's, each length 0..1500", [(b"\x02\0\0\0" + os.urandom(n))[:n] for n in range(1501)])
asked("STUN Binding requests", [stun(0x0001) for _ in range(200)])
# REQUESTED-TRANSPORT UDP, RFC 8656, 7.1
asked("TURN Allocate requests without credentials", [stun(0x0003, struct.pack("!HHI", 0x0019, 4, 17 << 24)) for _ in range(200)])
