# SPDX-License-Identifier: GPL-2.0-or-later
"""end_group.py GROUP: when its standard input ends, ends all processes of that group: asked, given time to clean up, then killed."""
import os
import signal
import sys
import time

sys.stdin.read()
for sign, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
    deadline = time.monotonic() + patience
    try:
        os.killpg(int(sys.argv[1]), sign)
        while time.monotonic() < deadline:
            time.sleep(0.02)
            os.killpg(int(sys.argv[1]), 0)
    except ProcessLookupError:
        break
