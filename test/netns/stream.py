"""stream.py send SOURCE DESTINATION PORT STOP-FILE PPS | stream.py answer ADDRESS PORT: a numbered stream of TCP
segments without TCP's retransmissions. send opens with a SYN, waits for the SYN-ACK and sends numbered segments until
STOP-FILE is there; then it prints how many. answer answers SYNs, reads numbers for ever, and at SIGTERM prints how many
different ones came and the highest. Neither end's kernel may send its RST (drop them)."""
import os
import signal
import socket
import struct
import sys
import time

SYN, ACK, PSH = 2, 16, 8


def segment(source, destination, sport, dport, seq, ack, flags, options=b"", payload=b""):
    length = 20 + len(options) + len(payload)
    header = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, (20 + len(options)) << 2, flags, 65535, 0, 0)
    data = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, 6, length) + header + options + payload
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return header[:16] + struct.pack("!H", ~total & 0xFFFF) + header[18:] + options + payload


# MSS 1460, window scale 14: the whole stream fits into one window
OPTIONS = b"\x02\x04\x05\xb4\x03\x03\x0e\x01"


def opened(address):
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    raw.setsockopt(socket.SOL_SOCKET, 33, 256 << 20)  # SO_RCVBUFFORCE
    raw.bind((address, 0))
    return raw


def tcp_of(packet):
    tcp = packet[(packet[0] & 15) * 4 :]
    sport, dport, seq, ack, offset, flags = struct.unpack("!HHIIBB", tcp[:14])
    return sport, dport, seq, ack, flags, tcp[(offset >> 4) * 4 :]


def send(source, destination, port, stop, pps):
    raw, sport, seq = opened(source), 31000 + os.getpid() % 1000, 1000
    raw.settimeout(1)
    raw.sendto(segment(source, destination, sport, port, seq, 0, SYN, OPTIONS), (destination, 0))
    end = time.monotonic() + 5
    while True:
        packet, peer = raw.recvfrom(65535)
        psport, pdport, pseq, _, flags, _ = tcp_of(packet)
        if peer[0] == destination and psport == port and pdport == sport and flags == SYN | ACK:
            break
        if time.monotonic() > end:
            sys.exit("no SYN-ACK")
    ack, seq, sent, begin = pseq + 1, seq + 1, 0, time.monotonic()
    raw.sendto(segment(source, destination, sport, port, seq, ack, ACK), (destination, 0))
    while sent % 64 or not os.path.exists(stop):
        payload = struct.pack("!Q", sent)
        raw.sendto(segment(source, destination, sport, port, seq, ack, ACK | PSH, b"", payload), (destination, 0))
        seq += len(payload)
        sent += 1
        ahead = sent / pps - (time.monotonic() - begin)
        if ahead > 0:
            time.sleep(ahead)
    print(sent)


def answer(address, port):
    raw, seen, highest, stopping = opened(address), set(), -1, []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    raw.settimeout(0.5)
    while True:
        try:
            packet, peer = raw.recvfrom(65535)
        except socket.timeout:
            if stopping:
                break
            continue
        sport, dport, seq, _, flags, payload = tcp_of(packet)
        if dport != port:
            continue
        if flags == SYN:
            raw.sendto(segment(address, peer[0], port, sport, 5000, seq + 1, SYN | ACK, OPTIONS), (peer[0], 0))
        elif len(payload) >= 8:
            number = struct.unpack("!Q", payload[:8])[0]
            seen.add(number)
            highest = max(highest, number)
            if number % 1000 == 0:  # a SYN-ACK's window is not scaled, an acknowledgement's is
                raw.sendto(segment(address, peer[0], port, sport, 5001, seq + len(payload), ACK), (peer[0], 0))
    print(len(seen), highest)


if sys.argv[1] == "send":
    send(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5], float(sys.argv[6]))
else:
    answer(sys.argv[2], int(sys.argv[3]))
