# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes plots (by gnuplot) and one page of the records. The page needs no other file and no network."""
import html
import os

from . import curves, plot, rows, run, stat, tables
from .tables import number

STYLE = """body{font:15px/1.45 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:.6em 0 1.6em}td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.bad{color:#a40000;font-weight:600}.note{color:#666}
.big{display:flex;flex-wrap:wrap;gap:1em}.big div{border:1px solid #ccc;border-radius:6px;padding:.6em 1em;flex:1 1 16em}
.big b{display:block;font-size:1.9em}code{background:#f3f3f3;padding:0 .3em}svg{max-width:100%;height:auto}.wide{overflow-x:auto}.wide table{font-size:13px}
.wide td{vertical-align:top}.his{color:#666;background:#f6f6f6}"""


def summary(records):
    """[{name, unit, value, low, high, rounds, thesis, goal}], in the order of the first record that has them"""
    found = {}
    for record in records:
        for value in record["values"]:
            if "value" in value:
                found.setdefault(value["name"], []).append(value)
    lines = []
    for name, values in found.items():
        last = values[-1]
        mean, low, high = stat.interval([value["value"] for value in values])
        if last.get("low") is not None and len(values) == 1:
            low, high = last["low"], last["high"]
        lines.append({"name": name, "unit": last.get("unit", ""), "value": mean, "low": low, "high": high,
                      "rounds": len(values), "thesis": last.get("thesis"), "goal": last.get("goal")})
    return lines


def between(row):
    return "one round" if row["low"] is None else "%s to %s" % (number(row["low"]), number(row["high"]))


# --- plots ---

def bars_of(folder, name, title, bars):
    """NAME.svg: a bar for each, its interval, and the thesis' value; its text. None: no gnuplot, or nothing to plot."""
    if not bars:
        return None
    lines = ["$bars << EOD"]
    for at, row in enumerate(bars):
        low, high = (row["value"], row["value"]) if row["low"] is None else (row["low"], row["high"])
        label = "".join(c if c.isprintable() and c not in '"\\' else " " for c in row["name"])
        lines.append('%d "%s" %g %g %g %s' % (at, label, row["value"], low, high, "NaN" if row["thesis"] is None else row["thesis"]))
    rounds = sorted({row["rounds"] for row in bars})
    if rounds != [1]:
        title += ", %s rounds" % " to ".join(str(one) for one in sorted({rounds[0], rounds[-1]}))
    lines += ["EOD", "set title " + plot.quoted(title), "set style fill solid 0.5", "set yrange [%g:-0.7]" % (len(bars) - 0.3),
              "set xrange [0:*]", "set grid xtics", "set xlabel " + plot.quoted(bars[0]["unit"]), "set key below",
              "set lmargin %d" % (max(len(row["name"]) for row in bars) + 2)]
    parts = ["$bars using ($3/2):1:($3/2):(0.35):ytic(2) with boxxyerror lc rgb '#3b6ea5' title 'mean'",
             "$bars using 3:1:4:5 with xerrorbars pt 0 lc rgb '#222222' title '95 % interval'"]
    if any(row["thesis"] for row in bars):
        parts.append("$bars using 6:1 with points pt 7 lc rgb '#a40000' title 'the thesis'")
    return plot.draw(folder, name, 125 + 24 * len(bars), lines + ["plot " + ", ".join(parts)])


# Those of README.md, and more: name, row, unit, title, and what its values' names contain
FIGURES = (
    ("rules", "traces", "ratio", "Goodput, of an oracle's, on measured round-trip times", "seattle, report, "),
    ("rules-planetlab", "traces", "ratio", "The same between PlanetLab's hosts", "planetlab, report, "),
    ("relays", "traces", "times", "Rate with well-chosen relays / without: median pair of cloud regions, modelled on measured transfers", "chosen"),
    ("by-chance", "traces", "times", "The same with relays drawn at random", "random"),
    ("gap", "gap", "ms", "How long an application waits when its path dies", ""),
)


def figures(folder, data, table):
    """Writes the figures of these rows that there are data for; returns their paths."""
    made = []
    os.makedirs(folder, exist_ok=True)
    for name, row, unit, title, part in FIGURES:
        bars = [value for value in summary(run.load(data, row) if row in {one.name for one in table} else [])
                if value["unit"] == unit and part in value["name"]]
        for value in bars:
            value["name"] = value["name"].replace(part, "").replace(": goodput of the oracle's", "").replace(
                ", : median gain", "").replace(" 1 relays", " 1 relay")
        if bars_of(folder, name, title, bars):
            made.append(os.path.join(folder, name + ".svg"))
    return made + [os.path.join(folder, name + ".svg") for name in curves.plots(folder, data, rows.KERNELS[:1], rows.CELLS, rows.THESIS)]


def named(table, start):
    return [row for row in table if row.name.startswith(start)]


def conditions(data, some):
    """Of these rows: versions of kernels and of detourd, and the days."""
    records = [record for row in some for record in run.load(data, row.name)]
    kernels, versions, days = ({str(record.get(key))[:size] for record in records} for key, size in
                               (("kernel", 60), ("version", 60), ("date", 10)))
    return "Linux %s; version %s; %s" % tuple(", ".join(sorted(one)) for one in (kernels, versions, days)) + loaded(records) + (
        "; " + rounds_of(len(records)) if len(some) == 1 else "")


def loaded(records):
    """How busy the machine was before each round, where that is known: what does not run in a guest suffers."""
    loads = [record["load"] for record in records if isinstance(record.get("load"), (int, float))]
    if not loads:
        return ""
    processors = {record["processors"] for record in records if "processors" in record}
    return "; load %s%s" % (number(sum(loads) / len(loads)), " of %d processors" % max(processors) if processors else "")


THESIS_TEXT = ("One connection for 10 s, after 2 s that do not count, in the thesis' topology (test/vm/netem.sh), Mbit/s; in guests, on "
               "their own clock. \"thesis\" are his published cells (60 rounds), of which he says no direction. NAT / sum: goodput "
               "over both paths, divided by the sum of plain TCP's on each. =N are other losses, in %, and delays, in ms, of link 2.")
PEERS_TEXT = ("Each on the same network in the same rounds, by its own files in bench/peers (bench/peers/run). In brackets: ours / theirs, "
              "where ours is the carrier that is most like it: more is better of goodput, less of all else. ±: half of the 95 % interval. Two paths: one connection over "
              "the direct path and the relay's, 20 Mbit/s each; of the converter, HAProxy and shadowsocks by bench/convert, on another network. One path: "
              "plain TCP over the relay without limits, in bundles of 64 kB (GSO), as within one machine; packet by packet, as from a network, by "
              "bench/relay-goodput. CPU: of processes at the relay and at the client; what works in the kernel shows "
              "nothing. A packet: coturn's process, and detourd's BPF program without the rest of the kernel's path. Set-up: from the client's start until something gets through. WireGuard is wireguard-go, for all.")


PAIRS_TEXT = ("Ten pairs drawn from measured regions of clouds, each with three relays at their measured distance and rate (bench/pairs), in a "
              "guest. Gain: goodput with two detours / plain TCP on the direct path. Predicted: each leg's measured rate is its limit, as it "
              "is made there. Modelled: what bench/traces supposes, where losses or buffers limit a leg.")


def gathered(data, table):
    """[(title, text, rows, the table)] of those that there are data for"""
    parts = (("The thesis' evaluation", THESIS_TEXT, "thesis-", tables.thesis), ("What a user would take instead", PEERS_TEXT, "peers", tables.instead),
             ("What they can do", "", "peers", tables.features),
             ("Measured places, in a guest", PAIRS_TEXT, "pair-", tables.pairs))
    return [(title, text, named(table, start), found) for title, text, start, make in parts for found in (make(data),) if found]


def replace(path, text):
    try:
        with open(path + ".new", "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(path + ".new", path)
    except OSError:
        if os.path.exists(path + ".new"):
            os.unlink(path + ".new")
        raise


def markdown_table(table):
    lines = ["| " + " | ".join(table[0]) + " |", "|" + "---|" * len(table[0])]
    return lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table[1:]]


def markdown(path, data, table):
    """The figures as a document of docs/measurements."""
    lines = ["# What bench/report measured", "", "Generated by `bench/report --page --docs`: do not edit. In brackets: 95 % confidence intervals,",
             "Student's from the rounds, and of simulations by bootstrap."]
    some = []
    for title, text, about, found in gathered(data, table):
        some += about
        lines += ["", "## " + title, ""] + ([text, ""] if text else []) + [conditions(data, about) + ".", ""] + markdown_table(found)
    missed = tables.misses(data, table)
    if missed:
        lines += ["", "## What misses its goal", ""] + markdown_table([tables.MISSES_HEAD] +
                                                                      [list(one) for one in missed])
    left = run.skips(data)
    if left:
        lines += ["", "## Left out", ""] + markdown_table([["measurement", "why"]] + [["`%s`" % name, reason] for name, reason in sorted(left.items())])
    for row in table:
        records = run.load(data, row.name)
        if not records or row in some:
            continue
        lines += ["", "## " + row.question[0].upper() + row.question[1:], "", "`%s`; %s." % (row.command, conditions(data, [row])), "",
                  "| what | value | unit | rounds | thesis | goal |", "|---|---|---|---|---|---|"]
        for value in summary(records):
            what = number(value["value"])
            if tables.is_miss(value, value["value"]):
                what = "**%s**" % what
            lines.append("| %s | %s (%s) | %s | %d | %s | %s |" % (
                value["name"], what, between(value), value["unit"], value["rounds"],
                "" if value["thesis"] is None else number(value["thesis"]), "" if value["goal"] is None else number(value["goal"])))
    replace(path, "\n".join(lines) + "\n")


# --- the page ---

# What a reader sees first: title, row, part of the value's name, what it says, and which of several: the first, or the lowest
CARDS = (
    ("How much faster", "thesis-6.12-core", "core up nat, goodput", "Mbit/s over two paths of 10, by NAT (the thesis: 18.81)", None),
    ("How much faster", "traces", "nat, 2 relays, chosen", "times the rate: median of pairs of clouds, two chosen relays", None),
    ("How much faster", "peers", "two-paths-up: ours / ip-mptcp", "times the in-kernel path manager's goodput, two paths, upload", None),
    ("At what cost", "footprint", "client, idle", "kB of memory, idle client", None),
    ("At what cost", "nat-time", "forwarded, IPv4, 1440", "ns of the relay's processor for a packet", None),
    ("At what cost", "relay-goodput", "nftables", "times the goodput of nftables' NAT at the relay, packet by packet (GSO off)", None),
    ("Where not", "peers", "one-path-up: ours / nftables", "of nftables' goodput where packets come in bundles of 64 kB (GSO on)", None),
    ("Where not", "never-harmful", "", "of the goodput without detours, where they cannot help: the worst of them", min),
    ("Where not", "traces", "nat, one buffer, 2 relays, chosen", "times, where one receive buffer is the limit", None),
    ("Where not", "convert-free", "down, converted / haproxy", "of HAProxy's goodput by a converter on paths without limits, download", None))


def head(all_rows):
    cards = []
    for title, name, part, text, which in CARDS:
        found = [row for row in all_rows.get(name, []) if part in row["name"]]
        if found:
            row = which(found, key=lambda one: one["value"]) if which else found[0]
            cards.append("<div>%s<b>%s</b>%s <span class=note>(%s%s)</span></div>"
                         % (title, number(row["value"]), html.escape(text), between(row),
                            "" if row["low"] is None else ", %s" % rounds_of(row["rounds"])))
    return '<div class="big">%s</div>' % "".join(cards) if cards else "<p>Nothing was measured yet.</p>"


def rounds_of(count):
    return "one round" if count == 1 else "%d rounds" % count


def html_table(table):
    def cell(text):
        bad = text.startswith("**")
        text = html.escape(text.strip("*"))
        return "<td%s>%s" % (" class=bad" if bad else "", "<code>%s</code>" % text.replace("`", "") if text.startswith("`") else text.replace("`", ""))

    return "<div class=wide><table><tr>%s</tr>\n%s</table></div>" % (
        "".join("<th>" + html.escape(name) for name in table[0]),
        "\n".join("<tr%s>%s</tr>" % (" class=his" if row[0] == "thesis" else "", "".join(cell(text) for text in row)) for row in table[1:]))


def misses(data, table):
    found = tables.misses(data, table)
    if not found:
        return "<p>None of what was measured.</p>"
    return html_table([tables.MISSES_HEAD] + [list(one) for one in found])


def gathered_parts(folder, data, table):
    parts = []
    for title, text, about, found in gathered(data, table):
        made = curves.plots(folder, data, rows.KERNELS, rows.CELLS, rows.THESIS) if about == named(table, "thesis-") else {}
        parts.append("<h2>%s</h2><p>%s <span class=note>%s</span>%s%s" % (
            html.escape(title), html.escape(text), html.escape(conditions(data, about)), "\n".join(made.values()), html_table(found)))
    return "\n".join(parts)


def section(folder, row, records, values):
    kernels = sorted({str(record.get("kernel")) for record in records})
    dates = sorted(str(record.get("date")) for record in records)
    versions = sorted({str(record.get("version")) for record in records})
    lines = ["<h3>%s</h3><p><code>%s</code> <span class=note>Linux %s; version %s; %s to %s</span>" % (
        html.escape(row.question), html.escape(row.command), html.escape(", ".join(kernels)), html.escape(", ".join(versions)),
        html.escape(dates[0]), html.escape(dates[-1]) + loaded(records))]
    for unit in dict.fromkeys(value["unit"] for value in values):
        lines.append(bars_of(folder, "%s-%s" % (row.name, "".join(c for c in unit if c.isalnum())), "%s (%s)" % (row.name, unit),
                             [value for value in values if value["unit"] == unit]) or "")
    lines.append("<table><tr><th>what<th>mean<th>95 % interval<th>unit<th>rounds<th>thesis<th>goal</tr>")
    for value in values:
        bad = tables.is_miss(value, value["value"])
        lines.append('<tr><td>%s<td class="n%s">%s<td class=n>%s<td>%s<td class=n>%d<td class=n>%s<td class=n>%s</tr>' % (
            html.escape(value["name"]), " bad" if bad else "", number(value["value"]), between(value),
            html.escape(value["unit"]), value["rounds"], "" if value["thesis"] is None else number(value["thesis"]),
            "" if value["goal"] is None else number(value["goal"])))
    lines.append("</table>")
    return "\n".join(lines)


def left_out(table, all_rows, skipped):
    """What could not run, with the reason, and the names of what was not tried yet"""
    never = [row.name for row in table if row.name not in all_rows and row.name not in skipped]
    lines = ["<tr><td><code>%s</code><td>%s</tr>" % (html.escape(row.command), html.escape(skipped[row.name]))
             for row in table if row.name in skipped]
    return ("<table><tr><th>measurement<th>why</tr>%s</table>" % "\n".join(lines) if lines else "") + (
        "<p>Not measured yet: %s.</p>" % html.escape(", ".join(never)) if never else "")


def write(folder, data, table, skipped):
    """Writes FOLDER/index.html, and returns its path."""
    records = {row.name: run.load(data, row.name) for row in table}
    all_rows = {name: summary(found) for name, found in records.items() if found}
    os.makedirs(folder, exist_ok=True)
    parts = ["<!doctype html><html lang=en><meta charset=utf-8><title>detourd: what was measured</title><style>%s</style>" % STYLE,
             "<h1>detourd: what was measured</h1>", head(all_rows), gathered_parts(folder, data, table),
             "<h2>What misses its goal</h2>", misses(data, table), "<h2>All other measurements</h2>"]
    parts += [section(folder, row, records[row.name], all_rows[row.name]) for row in table
              if row.name in all_rows and not row.name.startswith(("thesis-", "pair-", "peers"))]
    parts.append("<h2>Left out</h2>" + ("" if plot.known() else "<p>There are no plots: gnuplot is not installed.</p>") +
                 left_out(table, all_rows, skipped))
    parts.append("<p class=note>Intervals are Student's, from the rounds; those of simulations are bootstrapped. "
                 "One round has none. Made by <code>bench/report</code>.</p></html>")
    path = os.path.join(folder, "index.html")
    replace(path, "\n".join(parts))
    return path
