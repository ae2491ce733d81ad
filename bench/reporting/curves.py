# SPDX-License-Identifier: GPL-2.0-or-later
"""The plots of the thesis' slides: aggregation by loss and by delay of link 2, and the rate of one transfer over time."""
import re

from . import plot, run, stat

COLOURS = ("#3b6ea5", "#88b0d8", "#b5651d", "#e0a96d", "#a40000", "#555555")
WAYS = [(way, carrier) for carrier in ("nat", "wireguard") for way in ("up", "down")]
LABEL = {"nat": "NAT", "wireguard": "WireGuard"}


def draw(folder, name, title, xlabel, ylabel, lines, low=None):
    """NAME.svg of LINES, [(label, [(x, y, low, high)], points only)]; its text. None: no gnuplot, or nothing to plot."""
    lines = [line for line in lines if line[1]]
    if not lines:
        return None
    script = ["set title " + plot.quoted(title), "set xlabel " + plot.quoted(xlabel), "set ylabel " + plot.quoted(ylabel), "set grid",
              "set key outside right", "set offsets graph 0.03, graph 0.03, 0, 0", "set yrange [%s:*]" % ("*" if low is None else low)]
    parts = []
    for at, (label, points, only) in enumerate(lines):
        script += ["$data%d << EOD" % at] + ["%g %g %g %g" % point for point in points] + ["EOD"]
        look = "lc rgb '%s'" % ("#a40000" if only else COLOURS[at % len(COLOURS)])
        parts.append("$data%d using 1:2 with %s %s title %s" % (at, "points pt 5 ps 1.2" if only else "linespoints pt 7 lw 2",
                                                                look, plot.quoted(label)))
        if any(point[2] != point[3] for point in points):
            parts.append("$data%d using 1:2:3:4 with yerrorbars pt 0 %s notitle" % (at, look))
    return plot.draw(folder, name, 420, script + ["plot " + ", ".join(parts)])


def cell_of(name, kind):
    """What link 2 of a core cell has: kind "loss" in percent, "skew" in ms. None: another cell."""
    if name == "core":
        return 0.0 if kind == "loss" else 5.0
    match = re.match(r"core-%s(?:=([\d.]+))?$" % kind, name)
    return match and float(match.group(1) or {"loss": 1, "skew": 100}[kind])


def point(x, values):
    mean, low, high = stat.interval(values)
    return (x, mean, mean, mean) if low is None else (x, mean, low, high)


def by_link(data, kernel, kind, cells, thesis):
    """Lines of the ratio to the TCP sum; the last ones are the thesis'."""
    found, his = {}, {}
    for cell in cells:
        x = cell_of(cell, kind)
        if x is None:
            continue
        for record in run.load(data, "thesis-%s-%s" % (kernel, cell)):
            for value in record["values"]:
                for way, carrier in WAYS:
                    if value["name"] == "%s %s %s, of the TCP sum" % (cell, way, carrier):
                        found.setdefault((way, carrier), {}).setdefault(x, []).append(value["value"])
        if cell in thesis:
            row = thesis[cell]
            for at, carrier in ((1, "nat"), (2, "wireguard")):
                his.setdefault(carrier, []).append((x, row[at] / (row[3] + row[3 + at]), 0, 0))
    lines = [("%s %s" % (LABEL[carrier], way), [point(x, found[way, carrier][x]) for x in sorted(found[way, carrier])], False)
             for way, carrier in WAYS if (way, carrier) in found]
    if not lines:
        return []
    return lines + [("thesis, " + ("NAT" if carrier == "nat" else "OpenVPN"), sorted(points), True) for carrier, points in his.items()]


def by_second(data, kernel, cells):
    """Lines of one transfer's rate in each second, means over the rounds: of these cells, by NAT, up and down"""
    lines = []
    for cell in cells:
        for way in ("up", "down"):
            rounds = [value["seconds"] for record in run.load(data, "thesis-%s-%s" % (kernel, cell)) for value in record["values"]
                      if value.get("name") == "%s %s nat" % (cell, way) and value.get("seconds")]
            if rounds:
                length = min(len(one) for one in rounds)
                lines.append(("%s %s" % (cell, way), [(at + 1,) + point(0, [one[at] for one in rounds])[1:] for at in range(length)],
                              False))
    return lines


def plots(folder, data, kernels, cells, thesis):
    """{name: svg} of all kernels that there are data for. The first kernel's names have no kernel in them."""
    made = {}
    for at, kernel in enumerate(kernels):
        end = "" if at == 0 else "-" + kernel
        for name, title, xlabel, lines in (
                ("by-loss", "One connection over both paths / sum of plain TCP, by loss", "loss on link 2, %",
                 by_link(data, kernel, "loss", cells, thesis)),
                ("by-delay", "One connection over both paths / sum of plain TCP, by delay", "delay of link 2, ms",
                 by_link(data, kernel, "skew", cells, thesis)),
                ("seconds", "One transfer over both paths (2 x 10 Mbit/s) by NAT, in time", "second",
                 by_second(data, kernel, ("core", "core-loss", "core-skew")))):
            svg = draw(folder, name + end, "%s (Linux %s)" % (title, kernel), xlabel,
                       "Mbit/s" if name == "seconds" else "of the sum", lines, 0 if name == "seconds" else 0.6)
            if svg:
                made[name + end] = svg
    return made
