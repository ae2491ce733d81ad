"""join_delay.py PCAP CLIENT SERVER [WHO]: microseconds from full establishment to the MP_JOIN SYN, per connection."""
import socket
import struct
import sys

data = open(sys.argv[1], "rb").read()
client, server = sys.argv[2], sys.argv[3]
who = sys.argv[4] if len(sys.argv) > 4 else None
unit = 1e-3 if struct.unpack_from("<I", data)[0] == 0xA1B23C4D else 1.0
at = 24
initial = {}  # client port -> [state, server port]
waiting = []  # established, its join not yet seen
delays = {"cached": [], "cold": []}
while at + 16 <= len(data):
    sec, frac, size = struct.unpack_from("<III", data, at)
    frame = data[at + 16 : at + 16 + size]
    at += 16 + size
    now = sec * 1e6 + frac * unit
    if frame[12:14] != b"\x08\0" or frame[23] != 6:
        continue
    ip = frame[14:]
    source, destination = socket.inet_ntoa(ip[12:16]), socket.inet_ntoa(ip[16:20])
    tcp = ip[20:]
    sport, dport = struct.unpack("!HH", tcp[:4])
    flags, head = tcp[13], (tcp[12] >> 4) * 4
    length = struct.unpack("!H", ip[2:4])[0] - 20 - head
    join = False
    options = tcp[20:head]
    while len(options) > 2 and options[0]:
        if options[0] == 1:
            options = options[1:]
            continue
        if options[0] == 30 and options[2] >> 4 == 1:
            join = True
        options = options[max(2, options[1]) :]
    syn = flags & 0x12 == 0x02
    if syn and not join and destination == server:
        initial[sport] = dport
    elif syn and join and waiting:
        port, when = waiting.pop(0)
        delays["cached" if port == 80 else "cold"].append(now - when)
    elif source == server and dport in initial and flags & 0x12 == 0x10:
        waiting = [(initial.pop(dport), now)]
for kind, values in delays.items():
    if not values:
        continue
    values.sort()
    pick = lambda q: values[min(len(values) - 1, int(len(values) * q))]
    name = who or "detourd, lease " + kind
    print("%-24s n %4d  p10 %6.0f  p50 %6.0f  p90 %6.0f  p99 %6.0f us" % (name, len(values), pick(0.1), pick(0.5), pick(0.9), pick(0.99)))
