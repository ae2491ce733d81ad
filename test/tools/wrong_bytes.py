#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong_bytes.py SENT RECEIVED: how two files differ, a line for each run of wrong bytes, and where in SENT these are from."""
import sys

LOOK = 64  # bytes that tell a place in random data


def runs(sent, received):
    """(begin, end) of each stretch that differs; right bytes between two wrong ones for less than LOOK do not end it."""
    begin = last = None
    for at in range(0, min(len(sent), len(received)), LOOK):
        if sent[at:at + LOOK] == received[at:at + LOOK]:
            continue
        if last is not None and at - last > LOOK:
            yield begin, last + LOOK
            begin = None
        begin = at if begin is None else begin
        last = at
    if begin is not None:
        yield begin, last + LOOK


def main():
    sent, received = (open(path, "rb").read() for path in sys.argv[1:3])
    print(f"{len(sent)} bytes sent, {len(received)} received")
    for begin, end in runs(sent, received):
        middle = (begin + end) // 2
        place = sent.find(received[middle:middle + LOOK])
        whence = f"are those of {place - middle + begin}" if place >= 0 else "are nowhere in what was sent"
        print(f"wrong: {begin} to {end}, {end - begin} bytes; they {whence}")


if __name__ == "__main__":
    main()
