# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the rounds that are not there yet, one at a time, and writes each as a line of data/ROW.jsonl."""
import datetime
import fcntl
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import time

WATCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "end_group.py")
BUDGET = {"quick": 29 * 60}  # seconds that a run may take, building included; its page comes after that
SKIPPED = (77, 3)  # exit codes: it cannot run here; its data are not there


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_value(value):
    """What the page can show: a name, and a figure or one a second; what else it has is of the right type."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not isinstance(value.get("unit", ""), str):
        return False
    if "seconds" in value:
        return isinstance(value["seconds"], list) and all(is_number(one) for one in value["seconds"])
    both = (value.get("low") is None) == (value.get("high") is None)
    return is_number(value.get("value")) and both and all(value.get(key) is None or is_number(value[key])
                                                          for key in ("low", "high", "thesis", "goal"))


def record_of(line):
    """None: it is not whole, or not a record. Values that cannot be shown are left out of it."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("values"), list):
        return None
    record["values"] = [value for value in record["values"] if is_value(value)]
    for key in ("seconds", "load", "processors"):
        if key in record and not (is_number(record[key]) and 0 <= record[key] < 1e9):
            del record[key]
    return record


def load(folder, name):
    """The records of a row. A line that is not whole, since the run was ended or the disk was full, counts as not there."""
    try:
        with open(os.path.join(folder, name + ".jsonl"), "rb") as stream:
            return [record for record in map(record_of, stream) if record]
    except FileNotFoundError:
        return []


def skips(folder):
    """{row: why it was left out}, as the last runs found it; what has records since is not in it"""
    try:
        with open(os.path.join(folder, "skipped.json"), encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError, RecursionError):
        return {}
    return {name: reason for name, reason in found.items() if isinstance(reason, str) and not load(folder, name)} if isinstance(found, dict) else {}


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


ENDS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def in_child():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)


def execute(command, environment, log, limit):
    """
    (exit code, output). Raises Ended where the limit passed. Whatever the command started and that stayed in its group ends with
    it: a process of its own does that, which hears by a pipe that this one is done, or was killed.
    """
    with open(log, "w+", encoding="utf-8", errors="replace") as stream:
        # Ctrl-C before Popen() has returned would leave a command that nobody knows
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
        try:
            process = subprocess.Popen(command, shell=True, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                       start_new_session=True, env=environment, preexec_fn=in_child)
            watch = subprocess.Popen([sys.executable, "-B", WATCH, str(process.pid)], stdin=subprocess.PIPE, start_new_session=True)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Ended("took longer than %d s" % limit) from None
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
            watch.stdin.close()
            while watch.poll() is None:
                process.poll()
                time.sleep(0.02)
            process.wait()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
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
        self.failed = False  # a command ended with an error, or its output could not be read
        os.makedirs(folder, exist_ok=True)

    def locked(self):
        """A lock on the folder, held until the file is closed. BlockingIOError: another run has it."""
        stream = open(os.path.join(self.folder, ".lock"), "w", encoding="utf-8")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            stream.close()
            raise
        return stream

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
        log, limit = os.path.join(self.folder, row.name + ".log"), 600 + 20 * row.seconds
        try:
            code, text = execute(row.command, os.environ, log, min(limit, self.ends - begin))
        except Ended as reason:
            if limit > self.ends - begin:
                return self.time_is_over()
            self.failed = True
            return str(reason)
        values = row.read(text) if code == 0 else []
        if code in SKIPPED:
            return last_line(text)
        if not values:
            self.failed = True
            return "exit code %d: %s" % (code, last_line(text))
        append(self.folder, row.name,
               {"row": row.name, "command": row.command, "kernel": row.kernel or platform.release(), "version": self.version,
                "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "rounds": 1,
                "load": round(load, 1), "processors": os.cpu_count(),
                "seconds": round(time.monotonic() - begin, 1), "values": values})
        return None

    def skips_note(self):
        """Keeps the reasons for the next page. Only those of rows that were to run."""
        kept = {**skips(self.folder), **{row.name: self.skipped[row.name] for row in self.rows
                                         if row.name in self.skipped and self.wanted(row)}}
        path = os.path.join(self.folder, "skipped.json")
        with open(path + ".new", "w", encoding="utf-8") as stream:
            json.dump(kept, stream, indent=1, sort_keys=True)
        os.replace(path + ".new", path)

    def time_is_over(self):
        return "the time of --%s is over: --resume goes on" % self.depth

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
                    reason = self.time_is_over()
                else:
                    reason = self.one(row)
                if reason:
                    self.skipped[row.name] = reason
                    print("%s: left out: %s" % (row.name, reason), file=sys.stderr, flush=True)
