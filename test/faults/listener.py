# SPDX-License-Identifier: GPL-2.0-or-later
"""Listens to all groups of generic netlink, as mptcpd does to mptcp_pm's."""
import socket
import time

listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
listener.bind((0, 0xFFFFFFFF))
time.sleep(1000)
