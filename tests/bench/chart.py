#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) The vmm authors
"""A chart of what compute.py and debian.py measured, as SVG: speed as a part of native speed, on a logarithmic scale.

tests/bench/chart.py JSON SVG draws what `run --json` wrote."""
import html
import json
import math
import sys

import report

LEFT, WIDTH, RIGHT = 130, 620, 60  # of names, of bars, of the numbers beside them
BAR, GAP, HEAD = 9, 8, 64
LOW, HIGH = 0.005, 2.0
COLOURS = {"TCG": "#9a9a9a", "T0": "#d9a066", "T1": "#4a7fb5", "T2": "#2a9d63", "T3": "#8a4fb0"}


class Picture:
    def __init__(self):
        self.parts = []

    def text(self, x, y, words, anchor="start", size=11, weight="normal", colour="#222"):
        self.parts.append('<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d" font-weight="%s" fill="%s">%s</text>' %
                          (x, y, anchor, size, weight, colour, html.escape(words)))

    def box(self, x, y, width, height, colour):
        self.parts.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>' % (x, y, width, height, colour))

    def line(self, x, top, bottom, colour, dash=""):
        self.parts.append('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-dasharray="%s"/>' %
                          (x, top, x, bottom, colour, dash))

    def write(self, path, height):
        width = LEFT + WIDTH + RIGHT
        with open(path, "w") as f:
            f.write('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
                    'font-family="sans-serif">\n<rect width="100%%" height="100%%" fill="white"/>\n%s\n</svg>\n' %
                    (width, height, width, height, "\n".join(self.parts)))


def place(value):
    """Where a ratio is on the scale."""
    part = math.log(min(max(value, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LEFT + part * WIDTH


def bars(result, sides):
    """(name, whether it is a mean, ratios by side)"""
    for group in report.groups(result):
        for program, its in result["groups"].items():
            if its == group:
                yield program, False, [report.speed(result, side, "native", program) for side in sides]
        yield group + ", mean", True, [report.mean(result, side, "native", group)[0] for side in sides]


def panel(picture, y, result):
    """Draw one result from y down; where it ends."""
    sides = result["sides"][1:]
    rows = list(bars(result, sides))
    picture.text(8, y + 20, "%s: speed, native = 1 (medians of %d)" % (result["title"], result["runs"]), size=14,
                 weight="bold")
    x = LEFT
    for side in sides:
        picture.box(x, y + 32, BAR, BAR, COLOURS.get(side, "#444"))
        picture.text(x + BAR + 4, y + 41, report.NAMES.get(side, "vmm " + side))
        x += 100
    step = BAR * len(sides) + GAP
    top, bottom = y + HEAD, y + HEAD + step * len(rows)
    for mark in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2):
        picture.line(place(mark), top - 4, bottom, "#444" if mark == 1 else "#ddd")
        picture.text(place(mark), top - 8, "%g" % mark, "middle", 10)
    for wanted in report.OF_NATIVE.values():
        picture.line(place(wanted), top - 4, bottom, "#c0392b", "4 3")
    for number, (name, is_mean, ratios) in enumerate(rows):
        at = top + number * step + GAP / 2
        picture.text(LEFT - 6, at + BAR * len(sides) / 2 + 4, name, "end", weight="bold" if is_mean else "normal")
        for i, (side, ratio) in enumerate(zip(sides, ratios)):
            if ratio is None:
                picture.text(LEFT + 4, at + i * BAR + BAR - 1, "failed", size=9, colour="#c0392b")
                continue
            picture.box(LEFT, at + i * BAR, max(place(ratio) - LEFT, 1), BAR - 1, COLOURS.get(side, "#444"))
            picture.text(place(ratio) + 4, at + i * BAR + BAR - 1, "%.3f" % ratio, size=9)
    return bottom + 24


def draw(results, path):
    """A panel for each result that has programs; whether there was any."""
    picture, y = Picture(), 0
    for result in results.values():
        if "groups" in result:
            y = panel(picture, y, result)
    if y:
        picture.write(path, y)
    return bool(y)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1]) as f:
        if not draw(json.load(f), sys.argv[2]):
            sys.exit("chart.py: there is no compute32, compute64, disk32 or disk64 in " + sys.argv[1])
