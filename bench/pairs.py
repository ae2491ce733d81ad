# SPDX-License-Identifier: GPL-2.0-or-later
"""pairs.py RESULTS.CSV [NUMBER]: ten pairs of cloud regions out of docs/measurements/traces.md's transfers, each with the three
relays that promise most, as test/vm/pairs.sh makes them. Prints a line each (or only that of NUMBER, from 1):

    FROM TO MODEL PREDICTED MBIT:MS MBIT:MS:MBIT:MS ... RELAY ...

The direct path's rate and round-trip time, then both legs of each relay. Rates are measured ones, all times the same number, so that
a guest can carry them: the direct path and the two best detours have TOTAL together. PREDICTED is the gain when each leg's
measured rate is its limit; MODEL the one of bench/sim/buyer.h, where losses or buffers are. Pairs are drawn from those whose
relays' legs were measured.
"""
import csv
import math
import random
import sys

TOTAL_MBIT = 20
SEED, PAIRS, RELAYS, USED = 1, 10, 3, 2
MPTCP_OF_TCP = 0.983  # as in bench/sim/buyer.c


def transfers(path):
    """{(from, to): (Mbit/s, ms)}, geometric means of what was measured more than once, as in bench/sim/data.c"""
    sums = {}
    with open(path, encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            try:
                pair = (row["from_cloud"] + "/" + row["from_region"], row["to_cloud"] + "/" + row["to_region"])
                rate, rtt = float(row["bitrate_Bps"]) / 1e6, float(row["avgrtt"])
            except (KeyError, TypeError, ValueError):
                continue
            if math.isfinite(rate) and math.isfinite(rtt) and rate > 0 and rtt > 0:
                sums.setdefault(pair, []).append((rate, rtt))
    return {pair: tuple(math.exp(sum(math.log(one[at]) for one in found) / len(found)) for at in (0, 1)) for pair, found in sums.items()}


def modelled(first, second):
    """The rate over both legs, as buyer.h has it: bytes under way follow the losses, which add up."""
    w1, w2 = first[0] * first[1], second[0] * second[1]
    return 1 / ((first[1] + second[1]) * math.sqrt(1 / w1 ** 2 + 1 / w2 ** 2))


def relays_of(known, pair, places):
    """[(modelled rate, rate of the slower leg, relay)], the best ones"""
    start, end = pair
    found = [(modelled(known[start, place], known[place, end]), min(known[start, place][0], known[place, end][0]), place)
             for place in places if place not in pair and (start, place) in known and (place, end) in known]
    return sorted(found, reverse=True)[:RELAYS]


def line(known, pair, relays):
    direct = known[pair][0]
    limits = sorted((limit for _, limit, _ in relays), reverse=True)[:USED]
    scale = TOTAL_MBIT / (direct + sum(limits))

    def leg(one, two):
        return "%.3f:%.1f" % (known[one, two][0] * scale, known[one, two][1])

    predicted = MPTCP_OF_TCP * (direct + sum(limits)) / direct
    model = MPTCP_OF_TCP * (direct + sum(rate for rate, _, _ in relays[:USED])) / direct
    return " ".join([pair[0], pair[1], "%.3f" % model, "%.3f" % predicted, leg(*pair)] +
                    ["%s:%s" % (leg(pair[0], place), leg(place, pair[1])) for _, _, place in relays] + [place for _, _, place in relays])


def main():
    known = transfers(sys.argv[1])
    places = sorted({place for pair in known for place in pair})
    pairs = [pair for pair in sorted(known) if pair[0] != pair[1] and len(relays_of(known, pair, places)) == RELAYS]
    chosen = random.Random(SEED).sample(pairs, min(PAIRS, len(pairs)))
    wanted = [pair for at, pair in enumerate(chosen) if len(sys.argv) < 3 or int(sys.argv[2]) == at + 1]
    if not wanted:
        sys.exit("pairs.py: %s: %d pairs have relays whose legs were measured%s" % (
            sys.argv[1], len(chosen), ", so there is no number %s" % sys.argv[2] if chosen else ""))
    for pair in wanted:
        print(line(known, pair, relays_of(known, pair, places)))


if __name__ == "__main__":
    main()
