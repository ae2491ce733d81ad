# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the rounds that are not there yet, one at a time, and writes each as a line of data/ROW.jsonl."""
import ctypes
import datetime
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import time

BUDGET = {"quick": 29 * 60}  # seconds that a run may take, building included; its page comes after that
SKIPPED = (77, 3)  # exit codes: it cannot run here; its data are not there


def load(folder, name):
    """The records of a row. A line that is not whole, since the run was ended or the disk was full, counts as not there."""
    records = []
    try:
        with open(os.path.join(folder, name + ".jsonl"), "rb") as stream:
            for line in stream:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if isinstance(record, dict) and isinstance(record.get("values"), list):
                    records.append(record)
    except FileNotFoundError:
        pass
    return records


def append(folder, name, record):
    """Whole or not at all, as far as a reader can see: a line without its end is followed by one."""
    path = os.path.join(folder, name + ".jsonl")
    line = json.dumps(record, sort_keys=True).encode() + b"\n"
    with open(path, "ab") as stream:
        if stream.tell() > 0:
            with open(path, "rb") as before:
                before.seek(-1, os.SEEK_END)
                if before.read(1) != b"\n":
                    line = b"\n" + line
        stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())


def missing(row):
    """Why the row cannot run here; None: nothing is known."""
    lacking = [tool for tool in row.needs if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
    if lacking:
        return "not installed: " + ", ".join(lacking)
    if row.root and os.geteuid() != 0:
        return "needs root"
    return None


class Ended(Exception):
    pass


def end_group(process):
    """The command and all that it started and that stayed in its group: asked, given time to clean up, then killed."""
    for sign, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            process.poll()
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)
    process.wait()


ENDS = {signal.SIGINT, signal.SIGTERM}


def in_child():
    """The scripts clean up on SIGTERM, also when the report was killed and cannot tell them. PR_SET_PDEATHSIG"""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)


def execute(command, environment, log, limit):
    """(exit code, output). Raises Ended where the limit passed."""
    with open(log, "w+", encoding="utf-8", errors="replace") as stream:
        # Ctrl-C before Popen() has returned would leave a command that nobody knows
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
        try:
            process = subprocess.Popen(command, shell=True, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                       start_new_session=True, env=environment, preexec_fn=in_child)
        except BaseException:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
            raise
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Ended("took longer than %d s" % limit) from None
        finally:
            end_group(process)
        stream.seek(0)
        return code, stream.read()


def version():
    try:
        return subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True,
                              check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def last_line(text):
    """The reason that a command gave: the one it called so, or else its last line"""
    lines = [line for line in text.splitlines() if line.strip()]
    named = [line for line in lines if line.startswith("FAILED")]
    if named:
        return named[0][:200]
    return lines[-1][:200] if lines else "no output"


class Run:
    def __init__(self, folder, rows, depth, most=None):
        self.folder, self.rows, self.depth, self.most = folder, rows, depth, most
        self.version = version()
        self.ends = time.monotonic() + BUDGET[depth] if depth in BUDGET else math.inf
        self.skipped = {}  # name -> reason
        os.makedirs(folder, exist_ok=True)

    def wanted(self, row):
        wanted = row.rounds[self.depth]
        return wanted if self.most is None else min(wanted, self.most)

    def left(self):
        """[(row, rounds there, rounds wanted)], without those that were skipped"""
        todo = []
        for row in self.rows:
            there = len(load(self.folder, row.name))
            if row.name not in self.skipped and there < self.wanted(row):
                todo.append((row, there, self.wanted(row)))
        return todo

    def seconds(self, row):
        took = [record["seconds"] for record in load(self.folder, row.name) if isinstance(record.get("seconds"), (int, float))]
        return sum(took) / len(took) if took else row.seconds

    def time_left(self):
        return min(sum(self.seconds(row) * (wanted - there) for row, there, wanted in self.left()), self.ends - time.monotonic())

    def one(self, row):
        begin, load = time.monotonic(), os.getloadavg()[0]
        log = os.path.join(self.folder, row.name + ".log")
        try:
            code, text = execute(row.command, os.environ, log, min(600 + 20 * row.seconds, self.ends - begin))
        except Ended as reason:
            return str(reason)
        values = row.read(text) if code == 0 else []
        if code in SKIPPED:
            return last_line(text)
        if not values:
            return "exit code %d: %s" % (code, last_line(text))
        append(self.folder, row.name,
               {"row": row.name, "command": row.command, "kernel": row.kernel or platform.release(), "version": self.version,
                "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "rounds": 1,
                "load": round(load, 1), "processors": os.cpu_count(),
                "seconds": round(time.monotonic() - begin, 1), "values": values})
        return None

    def all(self):
        """Rounds go round the rows, so that an early end leaves some of each."""
        for row in self.rows:
            reason = missing(row) if self.wanted(row) else "not part of --%s" % self.depth
            if reason:
                self.skipped[row.name] = reason
        while True:
            todo = self.left()
            if not todo:
                return
            fewest = min(there for _, there, _ in todo)
            for row, there, wanted in todo:
                if there > fewest:
                    continue
                print("%s: round %d of %d; about %d min left" % (row.name, there + 1, wanted, self.time_left() / 60 + 1),
                      file=sys.stderr, flush=True)
                if time.monotonic() + self.seconds(row) > self.ends:
                    reason = "the time of --%s is over: --resume goes on" % self.depth
                else:
                    reason = self.one(row)
                if reason:
                    self.skipped[row.name] = reason
                    print("%s: left out: %s" % (row.name, reason), file=sys.stderr, flush=True)
