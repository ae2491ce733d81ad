"""lengths.py HOST PORT: three datagrams of every length from 0 to 1500 that no key of the relay's made: random; with the
right version; with the right version and zeroes. Prints what came back."""
import os
import socket
import sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], int(sys.argv[2])))
s.settimeout(0)
answers = size = 0


def take():
    global answers, size
    while True:
        try:
            size += len(s.recv(65535))
        except (BlockingIOError, socket.timeout):
            return
        answers += 1


for length in range(1501):
    for datagram in (os.urandom(length), b"\x02\0\0\0" + os.urandom(length), b"\x02" + bytes(length)):
        s.send(datagram[:length])
    take()
s.settimeout(1)
take()
print("%d bytes in %d answers" % (size, answers))
