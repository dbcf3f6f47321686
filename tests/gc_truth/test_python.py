#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof gc against gc.callbacks: each collection of each generation, and how long they took.

Usage: test_python.py BPFPROF FOLDER [INTERPRETER …]
"""
import collections
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "python_truth"), os.path.join(HERE, "..", "truth"),
                os.path.join(HERE, "..", "vm")]
import pythons  # noqa: E402
import truth  # noqa: E402

APART = 0.03
# A collection of some microseconds is mostly its probes and callbacks.
PROBE_S = 8e-6
LIMIT_S = 60
# Each collection's stack has one of these; what the other interpreter runs is a string.
CAUSES = (";litter (", ";by_hand (", ";main (", ";several (", ";<module> (<string>")


class Measured:
    """A program that has stopped to wait, and bpfprof looking at it."""

    def __init__(self, folder, python, program, *args):
        self.folder = folder
        self.program = subprocess.Popen([python.path, os.path.join(folder, program), *args],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=python.enter, cwd=folder)
        self.bpfprof = None

    def line(self):
        return self.program.stdout.readline().strip()

    def said(self):
        """[(generation, seconds)] of each collection, and how many others there were."""
        collected = []
        while True:
            what, value = self.line().split()
            if what == "others":
                return {"collections": collected, "others": int(value)}
            collected.append((int(what), float(value) / 1e6))

    def go(self):
        self.program.stdin.write("\n")
        self.program.stdin.flush()

    def watch(self, *options):
        self.bpfprof = subprocess.Popen(
            [truth.BPFPROF, "gc", "-v", "-p", str(self.program.pid), "-d", str(LIMIT_S), *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder)
        said = []
        for text in self.bpfprof.stderr:
            said.append(text)
            if "measuring since" in text:
                return
        raise RuntimeError("bpfprof: " + "".join(said)[-500:])

    def report(self):
        """Of what was measured up to now."""
        self.bpfprof.send_signal(signal.SIGINT)
        out, err = self.bpfprof.communicate(timeout=LIMIT_S)
        if self.bpfprof.returncode:
            raise RuntimeError("bpfprof: exit status %d: %s" % (self.bpfprof.returncode,
                                                              err[-500:]))
        return json.loads(out), err

    def end(self):
        for process in (self.bpfprof, self.program):
            if process and process.poll() is None:
                process.kill()
                process.wait()


def measure(folder, python, *args):
    """(the report, what the program said)."""
    m = Measured(folder, python, "collect.py", *args)
    try:
        if m.line() != "ready":
            raise RuntimeError("the program did not begin")
        m.watch("--json", "-o", os.path.join(folder, "gc.folded"))
        m.go()
        said = m.said()
        time.sleep(0.1)
        report, err = m.report()
        return report, said, err
    finally:
        m.end()


def generations(report):
    """{generation: (collections, seconds)}; None: not told."""
    found = collections.defaultdict(lambda: [0, 0.0])
    for row in report["rows"]:
        name = row["labels"].get("generation")
        sums = found[None if name is None else int(name)]
        sums[0] += row["count"]
        sums[1] += row["total_ns"] / 1e9
    return found


def compare(report, said, shared, free):
    """What is wrong, a line each. `shared`: threads take the GIL from each other's callbacks.
    `free`: there is none; a thread that comes to collect while another one does leaves again, and
    that is counted as one of no time."""
    found, true = generations(report), collections.defaultdict(lambda: [0, 0.0])
    for generation, seconds in said["collections"]:
        true[generation][0] += 1
        true[generation][1] += seconds
    # Another interpreter has no callbacks of ours, and collects as it begins and ends, too.
    others = said["others"]
    for generation in sorted(set(found) | set(true), key=str):
        have, want = found[generation], true[generation]
        least = want[0] + (others if generation == 2 else 0)
        if have[0] < least or (have[0] > least and not others and
                               not (shared and free and generation == 0)):
            yield "generation %s: %d collections, there were %d" % (generation, have[0], least)
        slack = APART * want[1] + PROBE_S * want[0]
        if not others and (have[1] - want[1] > slack or
                           (want[1] - have[1] > slack and not shared)):
            yield "generation %s: %.2f ms, it was %.2f" % (generation, 1e3 * have[1],
                                                           1e3 * want[1])


def stacks(folder, first):
    """Share of the pauses' time whose stack has the function that caused them; the first one, of so
    many seconds, comes before the process is known. It is a long one without a GIL, where each goes
    through all objects."""
    total, right = -1e6 * first, 0
    with open(os.path.join(folder, "gc.folded"), encoding="utf-8") as f:
        for line in f:
            text, count = line.rsplit(" ", 1)
            total += int(count)
            if any(name in text for name in CAUSES):
                right += int(count)
    return right / total if right else 0.0


def attempt(folder, python, args):
    """(what is wrong, the row that says what was seen)."""
    report, said, err = measure(folder, python, *args)
    how = [line for line in err.splitlines() if "by " in line and "ython" in line]
    wrong = list(compare(report, said, "threads" in args, python.free_threaded))
    share = stacks(folder, said["collections"][0][1])
    # As it begins, another interpreter is none yet; to 3.11 it can't always be told from the first.
    if share < (0.75 if said["others"] else 0.95):
        wrong.append("%.1f %% of their time with the stack that caused them" % (100 * share))
    found = generations(report)
    true = sum(seconds for _, seconds in said["collections"])
    return wrong, "%-15s %-8s %s  %7.2f ms, it was %7.2f  %s%s" % (
        python.name, args[0] if args else "", " ".join(
            "%s: %d" % (g, n) for g, (n, _) in sorted(found.items(), key=str)),
        1e3 * sum(s for _, s in found.values()), 1e3 * true, "; ".join(wrong) or "ok",
        "  (%s)" % how[0].split("bpfprof: ")[-1].strip() if how else "")


def one(folder, python, args):
    """Again where another program had the CPU between a probe and a callback."""
    for _ in range(4):
        wrong, row = attempt(folder, python, args)
        if not any("ms, it was" in w for w in wrong):
            break
    print(row, flush=True)
    return wrong


def has_others(python):
    return (3, 8) <= python.version


def main():
    truth.need_root_and_bpf()
    found, missing = pythons.every()
    chosen = sys.argv[3:]
    folder = tempfile.mkdtemp(prefix="bpfprof-gc-", dir="/tmp")
    os.chmod(folder, 0o755)
    failed, tried = [], 0
    try:
        shutil.copy(os.path.join(HERE, "collect.py"), folder)
        for python in found:
            if chosen and python.name not in chosen:
                continue
            ways = [(), ("threads",)] + ([("several",)] if has_others(python) else [])
            for args in ways:
                tried += 1
                try:
                    wrong = one(folder, python, args)
                except RuntimeError as e:
                    wrong = [str(e)]
                    print("%-15s %s" % (python.name, e), flush=True)
                if wrong:
                    failed.append("%s %s" % (python.name, " ".join(args)))
    finally:
        shutil.rmtree(folder, True)
    for name, why in missing.items():
        print("skipped: %s: %s" % (name, why))
    print("%d tried, %d failed%s" % (tried, len(failed), ": " + ", ".join(failed) if failed else ""))
    return 1 if failed or not tried else 0


if __name__ == "__main__":
    sys.exit(main())
