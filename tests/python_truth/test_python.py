#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof cpu against Python programs that know their own stacks, on every interpreter to be had.

Usage: test_python.py BPFPROF FOLDER [PROGRAM|INTERPRETER …]

With BPFPROF_LONG=1 every program runs on every interpreter, and four times as long.
"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pythons  # noqa: E402
from runs import MODULES, Runner, Skip  # noqa: E402
from special import SPECIAL  # noqa: E402
from stacks import (EMPTY, FALSE, LEAST, WHOLE, allowed, farthest, late_allowed,  # noqa: E402
                    parse, part_of, shares, verdict)
import samplers  # noqa: E402
import truth  # noqa: E402

LONG = bool(os.environ.get("BPFPROF_LONG"))


class Program:
    """A program of programs/, and what is asked of its samples.

    versions   on which it runs by default; None: all
    by_line    with --lines: each frame has the line that runs
    """

    def __init__(self, name, seconds, versions=None, by_line=True, args=(), key=part_of):
        self.name, self.seconds, self.versions, self.by_line = name, seconds, versions, by_line
        self.args, self.key = args, key


def line_of(stack, parts, _):
    """The innermost frame of lines.py that is in one of the lines."""
    for text in reversed(stack.frames):
        frame = parse(text)
        if frame and frame.file.endswith("/lines.py") and str(frame.line) in parts:
            return str(frame.line)
    return None


def letters_of(stack, parts, version):
    """A function by its module, which are each other's copies."""
    for text in reversed(stack.frames):
        frame = parse(text)
        if frame:
            name = "%s %s" % (frame.name.split(".")[-1], os.path.basename(frame.file)[:-3])
            if name in parts:
                return name
    return None


SOME = [(3, 6), (3, 9), (3, 10), (3, 11), (3, 12), (3, 14)]
PROGRAMS = [
    Program("split", 2.2),
    Program("threads", 1.5),
    Program("lines", 1.3, key=line_of),
    Program("names", 1.0, SOME, by_line=False, args=MODULES, key=letters_of),
    Program("several", 1.0, [(3, 8), (3, 9), (3, 10), (3, 11), (3, 12), (3, 13), (3, 15)]),
]


class Table:
    """One row a run; counts what failed and what was skipped."""

    def __init__(self):
        self.failed, self.skipped, self.tried = [], [], 0
        print("%-15s %-9s %7s %8s %6s %6s %5s %6s %s" % (
            "interpreter", "program", "samples", "whole", "empty", "false", "cut", "points",
            "farthest"), flush=True)

    def skip(self, who, what, why):
        self.skipped.append("%s %s" % (who, what))
        print("%-15s %-9s skipped: %s" % (who, what, why), flush=True)

    def row(self, who, what, counts, apart, wrong, bad):
        self.tried += 1
        total = sum(counts.values())
        print("%-15s %-9s %7d %8.2f%% %6d %6d %5d %6.2f %s: %s" % (
            who, what, total, 100.0 * counts[WHOLE] / max(total, 1), counts[EMPTY], counts[FALSE],
            counts["cut"], apart[0], apart[1], "; ".join(wrong) or "ok"), flush=True)
        if wrong:
            self.failed.append("%s %s" % (who, what))
            for line, count in bad.most_common(4):
                print("    %6d %s" % (count, line))

    def failure(self, who, what, why):
        self.tried += 1
        self.failed.append("%s %s" % (who, what))
        print("%-15s %-9s %s" % (who, what, why), flush=True)


def shallow(stacks):
    """Samples at the bottom of split.py's recursion that lack most of its calls: 512 are kept."""
    return sum(s.count for s in stacks if any(f.startswith("descend (") for f in s.frames[-2:]) and
               "[calls left out]" in s.frames and
               sum(f.startswith("descend (") for f in s.frames) < 500)


def without_caller(stacks):
    """Samples of several.py's second interpreter that lack who called it, in the first one."""
    return sum(s.count for s in stacks if any(f.startswith("inner_work (") for f in s.frames) and
               not any(f.startswith("inner (") for f in s.frames))


def measure(runner, python, program):
    """(counts, the worst, the farthest share, what is wrong); again where a busy host left next to
    nothing of a CPU to the program, or to who was to get to know it, and where a share is off: of
    hundreds some are by chance, which does not do it three times."""
    for _ in range(3):
        process = runner.program(python, program.name + ".py", *program.args)
        options = ("--lines",) if program.by_line else ()
        m = runner.watch(process, program.seconds * (4 if LONG else 1), *options)
        total = sum(s.count for s in m.folded)
        counts, bad = runner.judge(python, program.by_line).count(m.folded)
        found = shares(m.folded, lambda s: program.key(s, m.said["spent"], python.version))
        apart = farthest(found, m.said["spent"])
        if total >= LEAST and m.quality.get("interpreted_late", 0) <= late_allowed(total) and \
                apart[0] <= allowed(counts):
            break
    wrong = list(verdict(counts, apart, m.quality))
    if shallow(m.folded):
        wrong.append("%d not as deep as they were" % shallow(m.folded))
    # As whole stacks are: what isn't proven is left out now and then, and counted.
    if without_caller(m.folded) > 0.005 * total:
        wrong.append("%d without their caller" % without_caller(m.folded))
    return counts, bad, apart, wrong


def one(runner, table, python, program):
    try:
        counts, bad, apart, wrong = measure(runner, python, program)
        table.row(python.name, program.name, counts, apart, wrong, bad)
    except Skip as e:
        table.skip(python.name, program.name, e)
    except samplers.Failed as e:
        table.failure(python.name, program.name, e)


def every(runner, table, wanted):
    found, missing = pythons.every()
    for name, why in missing.items():
        table.skip(name, "", why)
    for python in found:
        for program in PROGRAMS:
            named = not wanted or python.name in wanted or program.name in wanted
            names = [w for w in wanted if w in (p.name for p in PROGRAMS)]
            if named and (not names or program.name in names) and (
                    LONG or wanted or not program.versions or python.version in program.versions):
                one(runner, table, python, program)
    for name, special in SPECIAL.items():
        if not wanted or name in wanted:
            special(runner, table, found)


def main():
    truth.need_root_and_bpf()
    runner, table = Runner(), Table()
    try:
        every(runner, table, sys.argv[3:])
    finally:
        runner.done()
    print("%d tried, %d failed, %d skipped" % (table.tried, len(table.failed),
                                               len(table.skipped)))
    if table.failed:
        print("failed: " + ", ".join(table.failed))
    if not table.tried:
        return truth.SKIPPED
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
