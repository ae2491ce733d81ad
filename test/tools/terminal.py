#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a program in a terminal, and shows what is on its screen: test/tools/terminal.py DIR COLUMNS ROWS PROGRAM...

DIR holds the conversation, so that a shell script can have it:
  screen    what is on the screen now, rewritten at each change: a line each row; then "reversed N" where row N is reversed
  keys      a FIFO: bytes written to it are typed; a line "resize COLUMNS ROWS" that begins with a zero byte changes the size
  raw       all that the program wrote
  status    its exit code, when it has ended
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios

import pyte


def resize(terminal, columns, rows):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def show(screen, folder):
    lines = [line.rstrip() for line in screen.display]
    for number in range(screen.lines):
        row = screen.buffer[number]
        if row[0].reverse:
            lines.append("reversed %d" % number)
    fresh = os.path.join(folder, "screen.new")
    with open(fresh, "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")
    os.rename(fresh, os.path.join(folder, "screen"))


def typed(data, master, child, screen):
    """What came by the FIFO: keys, and orders to change the size."""
    while data:
        keys, zero, rest = data.partition(b"\0")
        if keys:
            os.write(master, keys)
        if not zero:
            return
        order, _, data = rest.partition(b"\n")
        word, columns, rows = order.split()
        assert word == b"resize"
        resize(master, int(columns), int(rows))
        screen.resize(int(rows), int(columns))
        os.kill(child, signal.SIGWINCH)


def converse(master, keys, child, screen, folder):
    stream = pyte.ByteStream(screen)
    with open(os.path.join(folder, "raw"), "wb") as raw:
        while True:
            ready, _, _ = select.select([master, keys], [], [])
            if keys in ready:
                typed(os.read(keys, 4096), master, child, screen)
            if master in ready:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    data = b""
                if not data:
                    return
                raw.write(data)
                raw.flush()
                stream.feed(data)
                show(screen, folder)


def main(folder, columns, rows, *program):
    os.mkfifo(os.path.join(folder, "keys"))
    screen = pyte.Screen(int(columns), int(rows))
    child, master = pty.fork()
    if child == 0:
        resize(0, int(columns), int(rows))  # before the program looks
        os.execvp(program[0], program)
    with open(os.path.join(folder, "pid"), "w") as out:
        out.write("%d\n" % child)
    # for reading and writing, so that it stays open when no writer is
    keys = os.open(os.path.join(folder, "keys"), os.O_RDWR)
    converse(master, keys, child, screen, folder)
    _, status = os.waitpid(child, 0)
    with open(os.path.join(folder, "status"), "w") as out:
        out.write("%d\n" % os.waitstatus_to_exitcode(status))


main(*sys.argv[1:])
