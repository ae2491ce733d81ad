# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables that gather several records: the thesis' cells, and what a user would take instead. Cells are text, "**" around what
misses its goal."""
import fnmatch
import json
import os

from . import rows, run, stat

REASONS = os.path.join(os.path.dirname(__file__), "reasons.json")


def number(value):
    if 0 < value < 0.001:
        return "< 0.001"
    if 0 < abs(value) < 0.01:
        return "%.2g" % value
    return "%.0f" % value if abs(value) >= 100 or value == 0 else "%.2f" % value if abs(value) >= 2 else "%.3f" % value


def gather(records):
    """{name: (values of all rounds, the last one)}"""
    found = {}
    for record in records:
        for value in record["values"]:
            if "value" in value:
                values, _ = found.get(value["name"], ([], None))
                found[value["name"]] = values + [value["value"]], value
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


MISSES_HEAD = ["what", "mean", "95 % interval", "rounds", "goal", "why, as far as found"]


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
    """[(row and name, mean, its interval, rounds, what it should be, why)]"""
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
                          number(mean), "" if low is None else "%s to %s" % (number(low), number(high)), str(len(values)), aim, why))
    return lines


FEATURES_HEAD = ["instead of detourd", "files", "it can", "it cannot"]
FIGURES = (("two-paths-up", "two paths up, Mbit/s"), ("two-paths-down", "down"), ("one-path-up", "one path up, Mbit/s"), ("one-path-down", "down"),
           ("relay-cpu-up", "relay's CPU up, ms/Gbit"), ("relay-cpu-down", "down"), ("client-cpu-up", "client's CPU up, ms/Gbit"),
           ("client-cpu-down", "down"), ("packet", "relay's time a packet, ns"), ("set-up", "set-up, ms"), ("allocation", "lease or allocation, us"))
PEERS_HEAD = ["theirs (ours / theirs)"] + [title for _, title in FIGURES]
OURS = (("plain-tcp", "plain TCP, the direct path"), ("detourd-nat", "detourd, NAT"), ("detourd-wireguard", "detourd, WireGuard"),
        ("converter", "detourd, converter"))


def features(data):
    """[head, rows...]: what each can and cannot do; None: none was measured"""
    if not run.load(data, "peers"):
        return None
    return [FEATURES_HEAD] + [[peer["title"], " ".join("`%s`" % file for file in peer["files"].split()), peer["can"], peer["cannot"]]
                              for peer in rows.peers()]


def peers_figures(data):
    """{(figure, peer): (mean, low, high)} of bench/peers, and of bench/convert's two paths"""
    found = {tuple(name.split(": ", 1)): stat.interval(values) for name, (values, _) in gather(run.load(data, "peers")).items()
             if ": " in name and ": ours / " not in name}
    for name, (values, _) in gather(run.load(data, "convert")).items():
        for way in ("up", "down"):
            for who, peer in (("converted", "converter"), ("haproxy", "haproxy"), ("shadowsocks", "shadowsocks")):
                if name == "%s, %s" % (way, who):
                    found["two-paths-" + way, peer] = stat.interval(values)
    return found


def instead(data):
    """[head, rows...]: figures of ours, then of the others"""
    found = peers_figures(data)
    if not found:
        return None
    like = {peer["peer"]: peer["like"] for peer in rows.peers()}

    def cell(figure, peer):
        if (figure, peer) not in found:
            return ""
        theirs, low, high = found[figure, peer]
        ours = found.get((figure, like.get(peer)))
        text = number(theirs) if low is None else "%s ± %s" % (number(theirs), number((high - low) / 2))
        return text if ours is None or not theirs else "%s (%s)" % (text, number(ours[0] / theirs))

    names = OURS + tuple((peer["peer"], peer["title"]) for peer in rows.peers())
    table = [[title] + [cell(figure, peer) for figure, _ in FIGURES] for peer, title in names]
    forwarding = gather(run.load(data, "relay-goodput")).get("ours of plain forwarding")
    for line in table:
        if line[0] == "plain forwarding" and forwarding:
            line[3] = "(%s, bench/relay-goodput)" % number(stat.interval(forwarding[0])[0])
    return [PEERS_HEAD] + [line for line in table if any(line[1:])]


PAIRS_HEAD = ["pair", "way", "predicted", "modelled", "achieved", "achieved / predicted", "rounds"]


def pairs(data):
    """[head, rows...] of bench/pairs"""
    table = []
    for row in rows.table():
        found = gather(run.load(data, row.name)) if row.name.startswith("pair-") else {}
        for way in ("up", "down"):
            if any("%s, %s" % (way, word) not in found for word in ("achieved", "predicted", "modelled")):
                continue
            values = found[way + ", achieved"][0]
            mean, low, high = stat.interval(values)
            predicted, modelled = (stat.interval(found["%s, %s" % (way, word)][0])[0] for word in ("predicted", "modelled"))
            table.append([row.name[5:], way, number(predicted), number(modelled),
                          number(mean) if low is None else "%s (%s to %s)" % (number(mean), number(low), number(high)),
                          number(mean / predicted) if predicted else "", str(len(values))])
    return [PAIRS_HEAD] + table if table else None
