"""Sends forged SYNs: syn.py SOURCE DESTINATION PORT plain|join [SPORT [DATA [COUNT]]]. The kernel fills in the IP header."""
import random
import socket
import struct
import sys

source, destination, port, kind = sys.argv[1:5]
sport = int(sys.argv[5]) if len(sys.argv) > 5 else random.randrange(20000, 30000)
data = sys.argv[6].encode() if len(sys.argv) > 6 else b""
count = int(sys.argv[7]) if len(sys.argv) > 7 else 1
options = b"\x02\x04\x05\xb4"  # MSS 1460
if kind == "join":  # RFC 8684, 3.2: kind, length, subtype and flags, address id, token, nonce
    options += struct.pack("!BBBBII", 30, 12, 0x10, 7, random.getrandbits(32), random.getrandbits(32))
options += b"\x01" * (-len(options) % 4)
data += b"\0" * (len(data) % 2)


def header(checksum):
    return struct.pack("!HHIIBBHHH", sport, int(port), random_seq, 0, (5 + len(options) // 4) << 4, 2, 65535, checksum, 0) + options + data


random_seq = random.getrandbits(32)
pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, 6, len(header(0)))
total = sum(struct.unpack("!%dH" % ((len(pseudo) + len(header(0))) // 2), pseudo + header(0)))
total = (total & 0xFFFF) + (total >> 16)
total = (total & 0xFFFF) + (total >> 16)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.bind((source, 0))
for _ in range(count):
    raw.sendto(header(~total & 0xFFFF), (destination, 0))
