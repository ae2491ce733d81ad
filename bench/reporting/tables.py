# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables that gather several records: the thesis' cells, and what a user would take instead. Cells are text, "**" around what
misses its goal."""
import fnmatch
import json
import os

from . import rows, run, stat

REASONS = os.path.join(os.path.dirname(__file__), "reasons.json")


def number(value):
    return "%.0f" % value if abs(value) >= 100 else "%.2f" % value if abs(value) >= 2 else "%.3f" % value


def gather(records):
    """{name: (values of all rounds, the last one)}"""
    found = {}
    for record in records:
        for value in record["values"]:
            if isinstance(value, dict) and isinstance(value.get("value"), (int, float)):
                values, _ = found.get(value.get("name"), ([], None))
                found[value.get("name")] = values + [value["value"]], value
    return found


MODES = ("1 subflow", "nat, goodput", "wireguard, goodput", "TCP direct", "nat, TCP via it", "wireguard, TCP via it",
         "nat, of the TCP sum", "wireguard, of the TCP sum")
THESIS_HEAD = ["kernel", "cell", "way", "1 subflow", "NAT", "WireGuard", "TCP", "TCP via NAT", "TCP via WireGuard", "NAT / sum",
               "WireGuard / sum", "rounds"]


def is_miss(value, mean):
    """Below its goal, or over both paths below parity with the thesis: his DSS option took 4 bytes a segment less."""
    if value.get("goal") is not None:
        return round(mean, 3) < value["goal"]
    return value.get("thesis") is not None and value["name"].endswith(", goodput") and round(mean, 2) < 0.997 * value["thesis"]


def mode_name(cell, way, mode):
    """The name that a value has in records of that cell."""
    return "%s %s%s %s" % (cell, way, "," if mode in ("1 subflow", "TCP direct") else "", mode)


def thesis_row(found, kernel, cell, way):
    texts, count = [], 0
    for mode in MODES:
        values, last = found.get(mode_name(cell, way, mode), (None, None))
        if values is None:
            texts.append("")
            continue
        mean, low, high = stat.interval(values)
        text = number(mean) if low is None else "%s (%s to %s)" % (number(mean), number(low), number(high))
        texts.append("**%s**" % text if is_miss(last, mean) else text)
        count = max(count, len(values))
    return [kernel, cell, way] + texts + [str(count)]


def his_row(cell):
    one, nat, vpn, tcp, tcp_nat, tcp_vpn = rows.THESIS[cell]
    return (["thesis", cell, ""] + [number(value) for value in rows.THESIS[cell]] +
            [number(nat / (tcp + tcp_nat)), number(vpn / (tcp + tcp_vpn)), "60"])


def thesis(data):
    """[head, rows...]: each cell with the thesis' row first; None: nothing was measured."""
    table = []
    for cell in rows.CELLS:
        lines = []
        for kernel in rows.KERNELS:
            found = gather(run.load(data, "thesis-%s-%s" % (kernel, cell)))
            lines += [thesis_row(found, kernel, cell, way) for way in ("up", "down") if mode_name(cell, way, "TCP direct") in found]
        if lines:
            table += ([his_row(cell)] if cell in rows.THESIS else []) + lines
    return [THESIS_HEAD] + table if table else None


def reasons():
    """[(pattern of "KERNEL NAME", reason)]"""
    with open(REASONS, encoding="utf-8") as stream:
        return json.load(stream)


def misses(data, table):
    """[(row, name, mean and its interval, what it should be, why)]"""
    known, lines = reasons(), []
    for row in table:
        for name, (values, last) in gather(run.load(data, row.name)).items():
            mean, low, high = stat.interval(values)
            if not is_miss(last, mean):
                continue
            aim = "the goal is %s" % number(last["goal"]) if last.get("goal") is not None else "the thesis has %s" % number(last["thesis"])
            if low is not None and high >= (last["goal"] if last.get("goal") is not None else 0.997 * last["thesis"]):
                aim += ", within the interval"
            why = next((reason for pattern, reason in known if fnmatch.fnmatchcase("%s %s" % (row.kernel or "-", name), pattern)), "not known")
            lines.append(("%s %s" % (row.kernel, name) if row.kernel else "%s, %s" % (row.name, name),
                          number(mean), "one round" if low is None else "%s to %s" % (number(low), number(high)), aim, why))
    return lines


PEERS_HEAD = ["instead of detourd", "files", "it can", "it cannot", "figure", "theirs", "ours", "ours / theirs"]


def instead(data):
    """[head, rows...] of bench/peers, with HAProxy's figures from bench/convert and forwarding's from bench/relay-goodput"""
    found = gather(run.load(data, "peers"))
    converted, goodput = gather(run.load(data, "convert")), gather(run.load(data, "relay-goodput"))
    if not found and not converted and not goodput:
        return None
    table = []
    for peer in rows.peers():
        lines = []
        for name, (values, last) in found.items():
            figure, _, who = name.partition(": ")
            if who != peer["peer"]:
                continue
            ours = found.get("%s: %s" % (figure, peer["like"]))
            theirs = stat.interval(values)[0]
            mine = stat.interval(ours[0])[0] if ours else None
            lines.append(["%s, %s" % (figure, last["unit"]), number(theirs), "" if mine is None else number(mine),
                          "" if mine is None or not theirs else number(mine / theirs)])
        if peer["peer"] == "haproxy":
            lines += [["%s, two paths, Mbit/s" % way, number(stat.interval(converted[way + ", haproxy"][0])[0]),
                       number(stat.interval(converted[way + ", converted"][0])[0]),
                       number(stat.interval(converted[way + ", converted"][0])[0] / stat.interval(converted[way + ", haproxy"][0])[0])]
                      for way in ("up", "down") if way + ", haproxy" in converted and way + ", converted" in converted]
        if peer["peer"] == "forwarding" and "ours of plain forwarding" in goodput:
            lines.append(["one-path, without offloads", "1", "", number(stat.interval(goodput["ours of plain forwarding"][0])[0])])
        for at, line in enumerate(lines or [["not measured", "", "", ""]]):
            about = [peer["title"], " ".join("`%s`" % file for file in peer["files"].split()), peer["can"], peer["cannot"]]
            table.append((about if at == 0 else [""] * 4) + line)
    return [PEERS_HEAD] + table


PAIRS_HEAD = ["pair", "way", "predicted", "modelled", "achieved", "achieved / predicted", "rounds"]


def pairs(data):
    """[head, rows...] of bench/pairs"""
    table = []
    for row in rows.table():
        found = gather(run.load(data, row.name)) if row.name.startswith("pair-") else {}
        for way in ("up", "down"):
            if way + ", achieved" not in found:
                continue
            values = found[way + ", achieved"][0]
            mean, low, high = stat.interval(values)
            predicted, modelled = (stat.interval(found["%s, %s" % (way, word)][0])[0] for word in ("predicted", "modelled"))
            table.append([row.name[5:], way, number(predicted), number(modelled),
                          number(mean) if low is None else "%s (%s to %s)" % (number(mean), number(low), number(high)),
                          number(mean / predicted), str(len(values))])
    return [PAIRS_HEAD] + table if table else None
