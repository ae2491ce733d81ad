#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Does this kernel's MPTCP deliver bytes at the wrong place of the stream?

A subflow joins, and sends data, while the receiver's application is inside recv(). Needs nothing but root, iproute2,
nftables and the in-kernel path manager; docs/upstream/join-while-reading.md explains what happens.

The receiver stays inside recv() because its buffer is a page that userfaultfd holds back. Slow storage behind a mapped
file, swapped memory or a preempted process do the same, only less reliably.

Exit code: 0 all bytes are right, 1 some are at the wrong place, 2 the test could not be made.
"""
import ctypes
import fcntl
import mmap
import os
import socket
import struct
import subprocess
import sys
import threading
import time

IPPROTO_MPTCP = 262
PORT = 7000
SENDER, SECOND, RECEIVER = "10.9.1.1", "10.9.2.1", "10.9.1.2"
NETNS = {"sender": f"wrong-place-s-{os.getpid()}", "receiver": f"wrong-place-r-{os.getpid()}"}
PAGE = mmap.PAGESIZE
SYS_USERFAULTFD = {"x86_64": 323, "aarch64": 282}
UFFD_API, UFFDIO_API, UFFDIO_REGISTER, UFFDIO_ZEROPAGE = 0xAA, 0xC018AA3F, 0xC020AA00, 0xC020AA04
REGISTER_MODE_MISSING = 1
libc = ctypes.CDLL(None, use_errno=True)


def run(command, netns=None):
    where = ["ip", "netns", "exec", NETNS[netns]] if netns else []
    return subprocess.run(where + ["sh", "-c", command], check=True, text=True, stdout=subprocess.PIPE).stdout


def enter(netns):
    with open(f"/run/netns/{NETNS[netns]}", "rb") as file:
        if libc.setns(file.fileno(), 0) != 0:
            sys.exit(f"setns: {os.strerror(ctypes.get_errno())}")


def network_make():
    for name in NETNS.values():
        run(f"ip netns add {name}")
    for i in 1, 2:
        run(f"ip link add p{i} netns {NETNS['sender']} type veth peer name p{i} netns {NETNS['receiver']}")
        for netns, host in ("sender", 1), ("receiver", 2):
            run(f"ip addr add 10.9.{i}.{host}/24 dev p{i}; ip link set p{i} up", netns)
    run(f"ip route add {SECOND} via 10.9.2.1 dev p2", "receiver")
    # the second subflow goes to the same address of the receiver, by the second link
    run("ip rule add from 10.9.2.1 table 2; ip route add default via 10.9.2.2 table 2", "sender")
    for netns in NETNS:
        run("ip mptcp limits set subflows 2", netns)
        run("sysctl -qw net.mptcp.blackhole_timeout=0 2>/dev/null || true", netns)


class HeldPage:
    """Memory of which the first touch waits until release()."""

    def __init__(self):
        self.memory = mmap.mmap(-1, PAGE)
        self.at = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        self.fd = libc.syscall(SYS_USERFAULTFD[os.uname().machine], os.O_CLOEXEC)
        if self.fd < 0:
            sys.exit(f"userfaultfd: {os.strerror(ctypes.get_errno())}")
        fcntl.ioctl(self.fd, UFFDIO_API, struct.pack("QQQ", UFFD_API, 0, 0))
        fcntl.ioctl(self.fd, UFFDIO_REGISTER, struct.pack("QQQQ", self.at, PAGE, REGISTER_MODE_MISSING, 0))

    def release(self):
        fcntl.ioctl(self.fd, UFFDIO_ZEROPAGE, struct.pack("QQQq", self.at, PAGE, 0, 0))


def content(at, length):
    """Each eight bytes say where in the stream they belong."""
    return struct.pack(f"<{length // 8}Q", *range(at, at + length, 8))


class Receiver(threading.Thread):
    def __init__(self, page):
        super().__init__(daemon=True)
        self.page, self.reading, self.data = page, threading.Event(), b""
        enter("receiver")
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
        self.listener.bind((RECEIVER, PORT))
        self.listener.listen()

    def run(self):
        connection, _ = self.listener.accept()
        connection.recv(1, socket.MSG_PEEK)
        self.reading.set()
        count = connection.recv_into(self.page.memory, PAGE)
        self.data = self.page.memory[:count]
        while True:
            more = connection.recv(1 << 20)
            if not more:
                return
            self.data += more


def counter(netns, name):
    for line in run("nstat -asz", netns).splitlines():
        if line.startswith(name + " "):
            return int(line.split()[1])
    return 0


def wait_for(what, condition):
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            print(f"not within 30 s: {what}")
            sys.exit(2)
        time.sleep(0.05)


def wrong_places(data):
    """Where bytes begin that belong elsewhere, and where to."""
    found, shift = [], 0
    for (belongs,), at in zip(struct.iter_unpack("<Q", data[: len(data) // 8 * 8]), range(0, len(data), 8)):
        if belongs - at != shift:
            shift = belongs - at
            found.append((at, belongs))
    return found


def transfer():
    page = HeldPage()
    receiver = Receiver(page)
    receiver.start()
    enter("sender")
    sender = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    sender.bind((SENDER, 0))
    sender.connect((RECEIVER, PORT))
    sent = sender.send(content(0, PAGE))
    receiver.reading.wait()
    time.sleep(0.3)  # it is inside recv() now
    sent += sender.send(content(sent, 4 * PAGE))
    run(f"ip mptcp endpoint add {SECOND} dev p2 subflow", "sender")
    wait_for("the join", lambda: counter("receiver", "MPTcpExtMPJoinAckRx") > 0)
    time.sleep(0.3)
    # what is sent now takes the second subflow, as the first one has something under way
    run("nft 'add table ip t; add chain ip t o { type filter hook output priority 0; }; "
        f"add rule ip t o ip saddr {SENDER} drop'", "sender")
    sender.setblocking(False)
    try:
        while sent < 50 * PAGE:
            sent += sender.send(content(sent, PAGE))
    except BlockingIOError:
        pass
    time.sleep(0.3)
    run("nft delete table ip t", "sender")
    page.release()
    sender.setblocking(True)
    for _ in range(50):
        sent += sender.send(content(sent, PAGE))
    sender.close()
    receiver.join(60)
    return sent, receiver.data


def main():
    network_make()
    try:
        sent, data = transfer()
        found = wrong_places(data)
        print(f"Linux {os.uname().release}: {len(data)} of {sent} bytes came")
        for at, belongs in found:
            print(f"at {at}: bytes of {belongs}")
        for name in "MPTcpExtDSSNotMatching", "MPTcpExtMPJoinAckRx":
            print(f"{name} {counter('receiver', name)}")
        print("WRONG" if found or len(data) != sent else "every byte is right")
        return 1 if found or len(data) != sent else 0
    finally:
        for name in NETNS.values():
            subprocess.run(["ip", "netns", "del", name], check=False)


if __name__ == "__main__":
    sys.exit(main())
