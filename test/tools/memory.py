#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How often the memory of a process has something: test/tools/memory.py PID < LINES, a line each "NAME HEX".

Prints "NAME COUNT" for each. Reads all that the process may read or write; needs CAP_SYS_PTRACE.
test/tools/memory.py keys SECRET PUBLIC: instead the session keys that the relay with the first key (base64) derives for the
client with the second one, as such lines.
"""
import base64
import ctypes
import ctypes.util
import sys

# What is larger is no memory of the program's own, but what a sanitizer reserves.
LARGEST = 1 << 30


def session_keys(secret, public):
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium"))
    own = ctypes.create_string_buffer(32)
    rx, tx = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    secret, public = base64.b64decode(secret), base64.b64decode(public)
    assert sodium.crypto_scalarmult_base(own, secret) == 0
    assert sodium.crypto_kx_server_session_keys(rx, tx, own, secret, public) == 0
    print("rx", rx.raw.hex())
    print("tx", tx.raw.hex())


def memory_of(pid):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, rights = line.split()[:2]
            first, last = (int(end, 16) for end in span.split("-"))
            if "r" not in rights or "[vvar" in line or "[vsyscall" in line or last - first > LARGEST:
                continue
            try:
                mem.seek(first)
                yield mem.read(last - first)
            except OSError:  # a mapped map of BPF, or a page that is gone
                continue


def main():
    if sys.argv[1] == "keys":
        session_keys(sys.argv[2], sys.argv[3])
        return
    wanted = {name: bytes.fromhex(text) for name, text in (line.split() for line in sys.stdin)}
    found = dict.fromkeys(wanted, 0)
    for chunk in memory_of(sys.argv[1]):
        for name, needle in wanted.items():
            found[name] += chunk.count(needle)
    for name, count in found.items():
        print(name, count)


main()
