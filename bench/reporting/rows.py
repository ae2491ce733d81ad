# SPDX-License-Identifier: GPL-2.0-or-later
"""What the report measures: one row of the table a command, and how its output is read.

A record is one round: its command is run with one round, so that a run that is ended loses one round at most, and
intervals come from the rounds. Where a command makes intervals of its own (the simulators), there is one round.
"""
import json
import os
import re

# The thesis' published goodputs, Mbit/s: 1 subflow, NAT, VPN, TCP, TCP via NAT, TCP via VPN
THESIS = {
    "core": (9.41, 18.81, 18.30, 9.55, 9.55, 9.11),
    "core-loss": (4.21, 13.76, 13.05, 6.16, 9.55, 9.11),
    "core-skew": (9.09, 17.73, 15.41, 9.22, 9.55, 9.11),
    "symmetric": (9.41, 9.41, 9.14, 9.54, 9.35, 8.91),
    "symmetric-loss": (4.36, 9.39, 8.93, 6.45, 9.35, 8.91),
    "symmetric-skew": (9.10, 9.37, 9.03, 9.22, 9.35, 8.90),
}
# His cells, and between them those of other losses and delays of link 2
CELLS = [base + change for base in ("core", "symmetric")
         for change in ("", "-loss", "-skew", "-loss=0.5", "-loss=2", "-loss=5", "-skew=20", "-skew=50")]
KERNELS = ("6.12", "6.18", "6.1", "7")
NUMBER = r"(-?\d+(?:\.\d+)?)"


def pattern(*rows):
    """A reader of lines: each row is an expression, whose named groups fill in the value's name, that name, its unit and, perhaps,
    its goal."""
    rows = [(re.compile(row[0]), row[1], row[2], row[3] if len(row) > 3 else None) for row in rows]

    def read(text):
        values = []
        for line in text.splitlines():
            for expression, name, unit, goal_of in rows:
                match = expression.search(line)
                if match:
                    groups = match.groupdict()
                    value = {"name": name.format(**groups), "value": float(groups["v"]), "unit": unit}
                    values.append(value if goal_of is None else dict(value, goal=goal_of))
        return values

    return read


def read_aggregation(text):
    values, way = [], "up"
    for line in text.splitlines():
        match = re.match(r"direction (\S+):", line)
        if match:
            way = "down" if match.group(1) == "-R" else "up"
        match = re.match(r"\s+N=(\d) / .*: " + NUMBER, line)
        if match:
            values.append({"name": "%s, %s detours, of the TCP sum" % (way, match.group(1)), "value": float(match.group(2)),
                           "unit": "ratio", "goal": 0.965})
    return values


def read_thesis(text):
    """TCP, TCP by the carrier, MPTCP, both, and both in each second: of each way and carrier; one cell a round."""
    values = []
    shape = re.compile(r"^(\S+) (\S+) (up|down) (nat|wireguard): TCP %s \+ %s, MPTCP %s(?: \+ \S+)?, both %s "
                       % (NUMBER, NUMBER, NUMBER, NUMBER))
    seconds = re.compile(r"^# (\S+ (?:up|down) (?:nat|wireguard)) each second: ([\d. ]+) Mbit/s")
    for line in text.splitlines():
        match = seconds.match(line)
        if match:
            values.append({"name": match.group(1), "unit": "Mbit/s", "seconds": [float(part) for part in match.group(2).split()]})
        match = shape.match(line)
        if not match:
            continue
        cell, way, carrier = match.groups()[1:4]
        tcp, tcp_c, alone, both = (float(group) for group in match.groups()[4:])
        if tcp + tcp_c <= 0:
            continue
        his = THESIS.get(cell)
        at = 1 if carrier == "nat" else 2
        name = "%s %s %s, " % (cell, way, carrier)
        values += [{"name": name + "goodput", "value": both, "unit": "Mbit/s", "thesis": his and his[at]},
                   {"name": name + "of the TCP sum", "value": both / (tcp + tcp_c), "unit": "ratio",
                    "thesis": his and his[at] / (his[3] + his[3 + at]), "goal": goal(cell, carrier)},
                   {"name": name + "TCP via it", "value": tcp_c, "unit": "Mbit/s", "thesis": his and his[3 + at]}]
        if carrier == "nat":  # measured once for both
            name = "%s %s, " % (cell, way)
            values += [{"name": name + "TCP direct", "value": tcp, "unit": "Mbit/s", "thesis": his and his[3]},
                       {"name": name + "1 subflow", "value": alone, "unit": "Mbit/s", "thesis": his and his[0]}]
    return values


def goal(cell, carrier):
    """Of the ratio to the TCP sum. Where both paths share all links there is nothing to gain."""
    if not cell.startswith("core"):
        return None
    if "loss" in cell:
        return 0.90
    return 0.96 if cell == "core-skew" else 0.975 if carrier == "nat" else 0.97


def read_convert(text):
    """Goodputs and times of direct, converted and haproxy: their headings end in a unit."""
    values, part, unit = [], "", ""
    for line in text.splitlines():
        heading = re.match(r"(\S[^:]*): medians of \d+[^,]*, (.+)$", line)
        if heading:
            part, unit = re.sub(", one connection( of .* s)?", "", heading.group(1)), heading.group(2)
            continue
        match = re.match(r"\s+(\S+(?: / \S+)?):? %s(?::.*)?$" % NUMBER, line)
        if match and part:
            values.append({"name": "%s, %s" % (part, match.group(1).rstrip(":")), "value": float(match.group(2)),
                           "unit": "ratio" if " / " in match.group(1) else unit})
    return values


def read_traces(text):
    values = []
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row.get("row") == "policy":
            who = "%s, %s, %s: " % (row["data"], row["part"], row["chooser"])
            name, of, unit = who + "goodput of the oracle's", row["of_oracle"], "ratio"
            for key, what in (("repaired", "repaired by four joins or fewer"), ("probe_share", "probes of the payload"),
                              ("joins", "joins a trace")):
                if key in row:
                    values.append({"name": who + what, "value": row[key][0], "low": row[key][1], "high": row[key][2],
                                   "unit": {"joins": "joins", "repaired": "share"}.get(key, "of the payload")})
        elif row.get("row") == "buyer":
            name = "%s, %d relays, %s: median gain" % (row["carrier"], row["relays"], row["choice"])
            of, unit = row["median"], "times"
        else:
            continue
        values.append({"name": name, "value": of[0], "low": of[1], "high": of[2], "unit": unit})
    return values


def peers():
    """bench/peers/features.json: what a user would take instead, and with which of ours it is compared"""
    with open(os.path.join(os.path.dirname(__file__), "../peers/features.json"), encoding="utf-8") as stream:
        return json.load(stream)


def read_peers(text):
    """Each median, and ours / theirs where both were measured."""
    found = {}
    for line in text.splitlines():
        try:
            row = json.loads(line)
            found[row["figure"], row["peer"]] = row["value"], row["unit"]
        except (ValueError, KeyError, TypeError):
            continue
    values = [{"name": "%s: %s" % key, "value": value, "unit": unit} for key, (value, unit) in found.items()]
    like = {peer["peer"]: peer["like"] for peer in peers()}
    for (figure, peer), (value, _) in found.items():
        ours = found.get((figure, like.get(peer)))
        if ours and value:
            values.append({"name": "%s: ours / %s" % (figure, peer), "value": ours[0] / value, "unit": "ours / theirs"})
    return values


class Row:
    """quick, full: rounds; seconds: what a round takes on a quiet machine with two processors; exit 3: data missing."""

    def __init__(self, name, question, command, quick, full, seconds, read, needs=(), kernel=None, root=True):
        self.name, self.question, self.command = name, question, command
        self.rounds = {"quick": quick, "full": full}
        self.seconds, self.read, self.needs, self.kernel, self.root = seconds, read, needs, kernel, root


def table():
    netns = ("iperf3", "jq", "mptcpize")
    convert = netns + ("haproxy", "ss-server", "nginx")
    rows = [
        Row("traces", "which relays, on measured data; what relays bring", "bench/traces --json 400 1", 1, 1, 60, read_traces,
            root=False),
        Row("aggregation", "how much of several paths one connection gets", "bench/aggregation 1 5", 2, 12, 70,
            read_aggregation, netns),
        Row("gap", "how long an application waits when its path dies", "bench/gap 1 both", 2, 30, 25,
            pattern((r"^(?P<way>up|down)\s+(?P<who>detourd|in-kernel)\s.*mean\s+(?P<v>[\d.]+)", "{way}, {who}", "ms")), netns),
        Row("join-delay", "how soon a detour begins", "bench/join-delay 20", 1, 10, 60,
            pattern((r"^(?P<who>\S.*?)\s+n\s+\d+\s.*p50\s+(?P<v>[\d.]+)", "{who}, median", "us")), netns + ("tcpdump",)),
        Row("relay-goodput", "what the relay's NAT costs", "bench/relay-goodput 1 3", 3, 20, 20,
            pattern((r"ours / (?P<who>nft.*): (?P<v>[\d.]+)", "ours of {who}", "ratio", 1.2),
                    (r"ours / (?P<who>plain.*): (?P<v>[\d.]+)", "ours of {who}", "ratio", 0.97)), netns + ("nft", "ethtool")),
        Row("never-harmful", "what detours cost where they cannot help", "bench/never-harmful 1 5", 1, 12, 120,
            pattern((r"^\S+ (?P<cell>\S+) (?P<way>\S+) (?P<kind>fresh|learned): .*ratio (?P<v>[\d.]+)",
                     "{cell} {way}, {kind}", "ratio", 0.98)), netns),
        Row("footprint", "memory and size", "bench/footprint", 1, 3, 30,
            pattern((r"^(?P<what>idle|100 connections).*client (?P<v>\d+) kB", "client, {what}", "kB"),
                    (r"^(?P<what>idle|100 connections).*relay (?P<v>\d+) kB", "relay, {what}", "kB"),
                    (r"stripped: (?P<v>\d+) kB", "binary", "kB")), netns + ("curl", "nginx")),
        Row("many-connections", "CPU and memory of thousands of connections", "bench/many-connections", 0, 3, 400,
            pattern((r"^(?P<n>\d+) connections: .* (?P<v>\d+) us a connection", "CPU, {n} connections", "us each"),
                    (r"^(?P<n>\d+) connections: .* (?P<v>\d+) bytes a connection", "memory, {n} connections", "bytes each")),
            netns),
        Row("short-flows", "how long short flows take", "bench/choice short 30", 0, 5, 500,
            pattern((r"^short (?P<what>(?:up|down) \S+ MB) (?P<who>with|none) (?P<n>p\d+): (?P<v>[\d.]+) ms",
                     "{what}, {n}, {who}", "ms")), netns),
        Row("first-transfers", "the first transfer of a fresh daemon, beside none", "bench/choice first 2", 0, 5, 400,
            pattern((r"^(?P<what>\S+ (?:up|down) \S+ MB): (?P<v>[\d.]+) ", "{what}", "ratio")), netns),
        Row("gap-shapes", "how long messages wait when a path dies, by shape of traffic", "bench/gap-shapes 2", 0, 10, 150,
            pattern((r"^hole (?P<what>\S+)\s+(?P<who>detourd|kernel)\s+mean\s+(?P<v>[\d.]+)", "{what}, {who}", "ms")), netns),
        Row("nat-time", "what the relay's program takes for a packet", "built=$(tools/build-optimized nat_ns) && $built/bench-nat_ns", 1, 5, 30,
            pattern((r"^(?P<what>\S.*?)\s+(?P<v>\d+) ns \(p10", "{what}", "ns"))),
        Row("flows", "memory of a flow at the relay", "built=$(tools/build-optimized flows) && $built/bench-flows 60000", 0, 3, 30,
            pattern((r"MB, (?P<v>\d+) bytes a flow", "memory", "bytes a flow"),
                    (r"included: (?P<v>\d+) ns among 1000 flows", "a packet, among 1000 flows", "ns"),
                    (r"1000 flows, (?P<v>\d+) ns among all", "a packet, among all flows", "ns"))),
        Row("convert", "what a converter brings, beside proxies", "bench/convert limits 1 6", 0, 10, 110, read_convert, convert),
        Row("convert-free", "a converter without limits", "bench/convert free 1 4", 0, 10, 80, read_convert, convert),
        Row("convert-first-byte", "how soon a converter answers", "bench/convert first-byte 5 20", 0, 5, 60, read_convert, convert),
        Row("convert-crowd", "short connections by a converter", "bench/convert crowd 1", 0, 5, 120, read_convert, convert),
        Row("leases", "leases a second of a relay's CPU", "bench/leases-rate 3000", 0, 3, 60,
            pattern((r"(?P<v>\d+) a second of the relay's CPU", "leases", "a second", 20000)), netns),
    ]
    rows.append(Row("peers", "beside what a user would take instead", "bench/peers/run 1 4", 1, 10, 300, read_peers,
                    netns + ("openvpn", "haproxy", "ss-server", "turnserver", "wg-quick", "wireguard-go")))
    for pair in range(1, 11):
        rows.append(Row("pair-%d" % pair, "measured places %d: predicted gain and achieved" % pair, "bench/pairs 6.12 1 %d" % pair, 0, 5,
                        240, pattern(*((r"^pair \d+ (?P<way>up|down): .*%s (?P<v>[\d.]+)" % word, "{way}, " + word, "times")
                                       for word in ("predicted", "modelled", "achieved"))),
                        ("qemu-system-x86_64", "cpio"), "6.12"))
    for kernel in KERNELS:
        for cell in CELLS:
            quick = 1 if kernel == "6.12" and cell in ("core", "core-loss") else 0
            rows.append(Row("thesis-%s-%s" % (kernel, cell), "the thesis' cell %s, Linux %s" % (cell, kernel),
                            "SIX=yes FLOOR=0 bench/guests %s %s 1" % (kernel, cell), quick, 10, 420, read_thesis,
                            ("qemu-system-x86_64", "cpio"), kernel))
    return rows
