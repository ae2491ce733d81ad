"""Sends a forged TCP segment in two IP fragments, or with IP options: odd.py fragment|options SOURCE SPORT DESTINATION DPORT
SEQ. IPv4; the kernel fills in the IP header's checksum."""
import random
import socket
import struct
import sys

kind, source, sport, destination, dport, seq = sys.argv[1:7]
data = b"forged" * 40


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def segment(check):
    return struct.pack("!HHIIBBHHH", int(sport), int(dport), int(seq), 0, 5 << 4, 0x10, 1024, check, 0) + data


pseudo = socket.inet_aton(source) + socket.inet_aton(destination)
tcp = segment(checksum(pseudo + struct.pack("!BBH", 0, 6, len(segment(0))) + segment(0)))
number = random.getrandbits(16)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


def send(offset, more, options, payload):
    words = 5 + len(options) // 4
    header = struct.pack("!BBHHHBBH", 4 << 4 | words, 0, words * 4 + len(payload), number, more << 13 | offset // 8, 64, 6, 0)
    raw.sendto(header + pseudo + options + payload, (destination, 0))


if kind == "options":
    send(0, 0, b"\x01\x01\x01\x00", tcp)
else:
    send(0, 1, b"", tcp[:64])
    send(64, 0, b"", tcp[64:])
