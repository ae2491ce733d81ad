"""replay.py PCAP HOST PORT: sends what a capture's client sent there once more, from the same ports; counts answers."""
import socket
import struct
import sys

data = open(sys.argv[1], "rb").read()
host, port = sys.argv[2], int(sys.argv[3])
at, sent, answers, longer = 24, 0, 0, 0
sockets = {}
while at + 16 <= len(data):
    size = struct.unpack_from("<I", data, at + 8)[0]
    frame = data[at + 16 : at + 16 + size]
    at += 16 + size
    if frame[12:14] != b"\x08\0" or frame[23] != 17:
        continue
    ip = frame[14:]
    udp = ip[(ip[0] & 15) * 4 :]
    sport, dport = struct.unpack("!HH", udp[:4])
    if socket.inet_ntoa(ip[16:20]) != host or dport != port or len(udp) < 9 or udp[8] != 2:
        continue
    if sport not in sockets:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((socket.inet_ntoa(ip[12:16]), sport))
        s.settimeout(0.2)
        sockets[sport] = s
    sockets[sport].sendto(udp[8:], (host, port))
    sent += 1
    try:
        answer = sockets[sport].recv(65535)
        answers += 1
        longer += len(answer) > len(udp) - 8
    except socket.timeout:
        pass
print("sent", sent)
print("tokens", answers)
print("longer", longer)
