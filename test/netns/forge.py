"""Sends forged TCP segments: forge.py SOURCE SPORT DESTINATION DPORT FLAGS SEQ ACK [COUNT STRIDE]. IPv4; the kernel
fills in the IP header. FLAGS as letters: S, A, F, R. With COUNT, sequence numbers go up by STRIDE."""
import socket
import struct
import sys

source, sport, destination, dport, letters, seq, ack = sys.argv[1:8]
count, stride = (int(v) for v in (sys.argv[8:10] or (1, 0)))
flags = sum({"F": 1, "S": 2, "R": 4, "A": 16}[letter] for letter in letters)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.bind((source, 0))
for i in range(count):
    def header(checksum):
        return struct.pack("!HHIIBBHHH", int(sport), int(dport), (int(seq) + i * stride) % 2**32, int(ack), 5 << 4, flags, 1024, checksum, 0)

    words = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, 6, 20) + header(0)
    total = sum(struct.unpack("!%dH" % (len(words) // 2), words))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    raw.sendto(header(~total & 0xFFFF), (destination, 0))
