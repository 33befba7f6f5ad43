# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""What compute.py and debian.py measured, as a table, and whether it is what is wanted."""
import statistics

# What is wanted of vmm's tiers, each against a number to reach.
OF_NATIVE = {"compute": 0.40}
OVER_TCG = {"compute": 3.0, "kernel": 2.0}
NO_SLOWER = "compute"  # no program of this group slower than TCG
READY = 0.5  # of TCG's time
NAMES = {"TCG": "QEMU TCG"}


def speed(result, side, other, name):
    """How many times as fast as the other side, or None."""
    ours, theirs = (result["seconds"][s].get(name) for s in (side, other))
    return theirs / ours if ours and theirs else None


def mean(result, side, other, group):
    """The geometric mean over a group, and over how many of its programs."""
    ratios = [speed(result, side, other, name) for name, its in result["groups"].items() if its == group]
    there = [ratio for ratio in ratios if ratio is not None]
    return (statistics.geometric_mean(there) if there else None), len(there), len(ratios)


def groups(result):
    return list(dict.fromkeys(result["groups"].values()))


def spread(samples):
    """The widest distance of a sample from the median, in per cent."""
    middle = statistics.median(samples)
    return max(abs(sample - middle) for sample in samples) / middle * 100 if middle > 0 else 0


def number(value, form="%.2f"):
    return "-" if value is None else form % value


def table(rows):
    """Columns as wide as what is in them; the first to the left, the others to the right.  A row of one is a heading."""
    widths = [max(len(row[i]) for row in rows if len(row) > 1) for i in range(max(map(len, rows)))]
    return ["  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]).rstrip()
            for row in rows]


def rows(result):
    sides = result["sides"]
    guests, tiers = sides[1:], sides[2:]
    name = lambda side: NAMES.get(side, side)
    head = ["ms a round"] + [name(s) for s in sides] + ["%s/native" % s for s in guests] + ["%s/TCG" % s for s in tiers]
    out = [head + ["spread"]]
    for group in groups(result):
        out.append([group])
        for program, its in result["groups"].items():
            if its != group:
                continue
            cells = ["FAILED" if program in result["failed"].get(side, {}) else
                     number(result["seconds"][side].get(program) and result["seconds"][side][program] * 1e3, "%.3f")
                     for side in sides]
            cells += [number(speed(result, s, "native", program), "%.3f") for s in guests]
            cells += [number(speed(result, s, "TCG", program)) for s in tiers]
            spreads = [spread(result["samples"][s][program]) for s in sides if result["samples"][s].get(program)]
            out.append(["  " + program] + cells + ["%.0f%%" % max(spreads) if spreads else "-"])
        means = [number(mean(result, s, "native", group)[0], "%.3f") for s in guests]
        means += [number(mean(result, s, "TCG", group)[0]) for s in tiers]
        out.append(["  geometric mean"] + [""] * len(sides) + means + [""])
    return out


def verdicts(result, tier):
    """(what, text, whether it is as wanted; None if it could not be measured)"""
    for group in groups(result):
        for other, wanted in (("native", OF_NATIVE), ("TCG", OVER_TCG)):
            if group not in wanted:
                continue
            value, have, of = mean(result, tier, other, group)
            yield ("%s, speed over %s" % (group, NAMES.get(other, other)), "%s (wanted: %.2f)%s" % (
                number(value), wanted[group], "" if have == of else ", over %d of %d programs" % (have, of)),
                   None if have < of else value >= wanted[group])
    ratios = {program: speed(result, tier, "TCG", program) for program, group in result["groups"].items()
              if group == NO_SLOWER}
    there = {program: ratio for program, ratio in ratios.items() if ratio is not None}
    if there:
        worst = min(there, key=there.get)
        yield ("slowest %s program over QEMU TCG" % NO_SLOWER, "%.2f, %s (wanted: 1)" % (there[worst], worst),
               there[worst] >= 1 if len(there) == len(ratios) or there[worst] < 1 else None)
    ours, theirs = result["ready"][tier], result["ready"]["TCG"]
    if ours and theirs:
        yield ("exec to user space", "%.1f s; QEMU TCG %.1f s; ratio %.2f (wanted: %.2f)" %
               (ours, theirs, ours / theirs, READY), ours <= READY * theirs)
    ours, theirs = result["resident"][tier], result["resident"]["TCG"]
    if ours and theirs:
        yield ("resident beyond guest RAM", "%.1f MiB; QEMU TCG %.1f MiB (wanted: less)" % (ours / 1024, theirs / 1024),
               ours < theirs)


def text(result):
    out = ["", "%s; medians of %d" % (result["title"], result["runs"])]
    out += table(rows(result))
    for tier in result["sides"][2:]:
        out.append("")
        out += ["%s  %-42s %-8s %s" % (tier, what, {True: "reached", False: "MISSED", None: "unknown"}[good], value)
                for what, value, good in verdicts(result, tier)]
    for side, failed in result["failed"].items():
        for why in dict.fromkeys(failed.values()):
            out.append("%s: %s: %s" % (side, ", ".join(name for name in failed if failed[name] == why), why))
    return "\n".join(out)
