"""garbage.py HOST PORT: datagrams of every kind that is not protocol v2; exit 1 if any is answered."""
import os
import socket
import sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], int(sys.argv[2])))
for length in list(range(0, 300)) + [508, 1200, 1472, 9000, 65507]:
    s.send(os.urandom(length))
for i in range(100):  # right length and version, foreign content
    s.send(b"\x02\0\0\0" + os.urandom(256))
for text in (b"GET / HTTP/1.0\r\n\r\n", b"\x01\x00\x00\x00" + b"\0" * 256, b"\x00\x01\x00\x00\x21\x12\xa4\x42" + os.urandom(12)):
    s.send(text)
s.settimeout(1)
try:
    answer = s.recv(65535)
except socket.timeout:
    sys.exit(0)
print("answered:", len(answer), "bytes")
sys.exit(1)
