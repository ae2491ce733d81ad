#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong_bytes.py SENT RECEIVED: how two files differ, a line for each run of wrong bytes, and where in SENT these are from."""
import sys

LOOK = 64  # right bytes that end a run of wrong ones
PLACE = 12  # bytes that tell a place in random data


def runs(sent, received):
    """(begin, end) of each stretch that differs."""
    wrong = [at for block in range(0, min(len(sent), len(received)), LOOK)
             if sent[block:block + LOOK] != received[block:block + LOOK]
             for at in range(block, min(block + LOOK, len(sent), len(received))) if sent[at] != received[at]]
    begin = None
    for at, after in zip(wrong, wrong[1:] + [None]):
        begin = at if begin is None else begin
        if after is None or after - at > LOOK:
            yield begin, at + 1
            begin = None


def main():
    sent, received = (open(path, "rb").read() for path in sys.argv[1:3])
    print(f"{len(sent)} bytes sent, {len(received)} received")
    for begin, end in runs(sent, received):
        place = sent.find(received[begin:min(begin + PLACE, end)])
        whence = f"are those of {place}" if place >= 0 and end - begin >= PLACE else "are nowhere in what was sent"
        print(f"wrong: {begin} to {end}, {end - begin} bytes; they {whence}: {received[begin:min(begin + 16, end)].hex()}")


if __name__ == "__main__":
    main()
