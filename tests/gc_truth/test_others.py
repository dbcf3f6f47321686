#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof gc against what the JVM and Node log of their own collections, and against what Ruby and
PHP, as Debian builds them, and Ruby as people build it, count themselves and time where they ask.

Usage: test_others.py BPFPROF FOLDER
"""
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", folder) for folder in ("truth", "vm")]
import built_ruby  # noqa: E402
import kernel  # noqa: E402
import roots  # noqa: E402
import truth  # noqa: E402

# What is no collection, though it stops the program.
OTHER_STOPS = ("time to safepoint", "VM operation")
APART = 0.05
# Of a pause: what a log rounds to, and what lies between our probes and its clock.
EACH_MS = 0.03
LIMIT_S = 120
IN_STEPS = "in steps"
# What Debian has: a program, the kind of pause that is one a collection, what its own count may lack
# (PHP collects once more when a request is over), and where it is.
ROOTED = (
    ("ruby", "litter.rb", "mark", 0, ("--disable-gems",),
     {"ruby2.7": "bullseye", "ruby3.1": "bookworm"}),
    ("php", "litter.php", "collection", 1, ("-n",),
     {"php7.4": "bullseye", "php8.2": "bookworm", "php8.4": "trixie"}),
)


def run(folder, *program):
    """(rows, what the program said)."""
    out = os.path.join(folder, "out.json")
    done = subprocess.run([truth.BPFPROF, "gc", "-q", "-o", out, "--", *program],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=LIMIT_S, check=False, cwd=folder)
    if done.returncode:
        raise RuntimeError("exit status %d: %s" % (done.returncode, done.stdout[-500:]))
    with open(out, encoding="utf-8") as f:
        rows = json.load(f)["rows"]
    return rows, done.stdout


def collections_of(rows):
    return [r for r in rows if r["labels"].get("kind") not in OTHER_STOPS]


def check(name, rows, pauses, inside=0):
    """`pauses`: milliseconds each, by its own log, which tells of `inside` that are part of the one
    before."""
    nr, total = sum(r["count"] for r in rows), sum(r["total_ns"] for r in rows) / 1e6
    wrong = []
    if not pauses:
        wrong.append("it logged nothing")
    if not len(pauses) - inside <= nr <= len(pauses):
        wrong.append("counts differ")
    if abs(total - sum(pauses)) > APART * sum(pauses) + EACH_MS * len(pauses):
        wrong.append("times differ")
    print("%-14s %5d pauses, it logged %5d; %9.2f ms, it logged %9.2f  %s" % (
        name, nr, len(pauses), total, sum(pauses), "; ".join(wrong) or "ok"), flush=True)
    return [name] if wrong else []


def check_operations(name, rows, stops):
    """By name, as often as the JVM logged that it stopped for them."""
    seen = collections.Counter()
    for row in rows:
        if row["labels"].get("kind") == "VM operation":
            seen[row["labels"].get("operation")] += row["count"]
    wrong = {n: (seen[n], stops[n]) for n in seen.keys() | stops.keys() if seen[n] != stops[n]}
    # Its operations have names of their own, of which the log knows nothing.
    if name == "java Shenandoah" and sorted(seen.values()) == sorted(stops.values()):
        wrong = {n: nr for n, nr in seen.items()
                 if not n.startswith("Shenandoah ") and n not in stops}
    print("%-14s %5d operations of %d names, it logged %5d  %s" % (
        name, sum(seen.values()), len(seen), sum(stops.values()), wrong or "ok"), flush=True)
    return [name + ": operations"] if wrong or not seen else []


def jvm(folder, collector):
    """Has the JVM this collector? Then its pauses, as measured and as logged."""
    log = os.path.join(folder, "gc.log")
    command = ["java", "-XX:+Use%sGC" % collector, "-Xmx64m", "-XX:-UsePerfData",
               "-Xlog:gc,gc+phases=info:file=%s:none" % log,
               "-Xlog:safepoint:file=%s.safepoint:none" % log]
    if subprocess.run(command + ["-version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                      check=False).returncode:
        return print("skipped: java has no %sGC" % collector) or []
    rows, _ = run(folder, *command, "-cp", folder, "Litter")
    with open(log, encoding="utf-8") as f:
        text = f.read()
    pauses = [float(m.group(1)) for m in re.finditer(r"Pause .*?([0-9.]+)ms$", text, re.M)]
    # What a young collection can't free is collected in full: one operation, one gc__begin.
    inside = len(re.findall(r"Pause Full \((?!System)", text))
    with open(log + ".safepoint", encoding="utf-8") as f:
        stops = collections.Counter(re.findall(r'Safepoint "(\w+)"', f.read()))
    return (check("java " + collector, collections_of(rows), pauses, inside)
            + check_operations("java " + collector, rows, stops))


def node(folder):
    rows, said = run(folder, "node", "--expose-gc", "--trace-gc", os.path.join(HERE, "litter.js"))
    pauses = [float(m.group(1)) for m in re.finditer(
        r"(?:Scavenge|Mark-Compact|Mark-sweep).*?MB, ([0-9.]+) / ", said)]
    return check("node", collections_of(rows), pauses)


def count_itself(folder, name, command, kind, more):
    """What it was asked for, by number and time; then what it collects by itself, by number."""
    return (count_one(folder, name, command, "asked", kind, 0)
            + count_one(folder, name, command, "by itself", kind, more))


def count_one(folder, name, command, how, kind, may_have):
    """`how` IN_STEPS: all from its begin on, by number and CPU time."""
    rows, said = run(folder, *command, how)
    told = re.search(r"^(\d+) ([0-9.]+)(?: (\d+) ([0-9.]+))?$", said, re.M)
    if not told:
        raise RuntimeError("%s says %s" % (name, said[-500:]))
    first = 3 if how == IN_STEPS else 1
    times, waited = int(told.group(first)), float(told.group(first + 1))
    # What it did as it began, before it could be asked.
    may_have += int(told.group(3) or 0) - int(told.group(1)) if told.group(3) else 0
    # Those of the Python that brought it into its root have no kind.
    mine = [r for r in rows if "kind" in r["labels"]]
    nr = sum(r["count"] for r in mine if r["labels"]["kind"] == kind)
    total = sum(r["total_ns"] for r in mine) / 1e6
    wrong = [] if times and times <= nr <= times + may_have else ["counts differ"]
    if how != "by itself" and abs(total - waited) > APART * waited + EACH_MS * times:
        wrong.append("times differ")
    print("%-14s %5d pauses %s, it counted %d; %9.2f ms, it waited %9.2f  %s" % (
        name, nr, how, times, total, waited, "; ".join(wrong) or "ok"), flush=True)
    return ["%s %s" % (name, how)] if wrong else []


def built(folder):
    """Ruby by its symbols, also in small steps. (how many were tried, what failed)"""
    tried, failed = 0, []
    for version in built_ruby.SUITES:
        path = built_ruby.path_of(version)
        if not path:
            print("skipped: ruby%s by its symbols: tests/gc_truth/built_ruby.py did not build it"
                  % version)
            continue
        tried += 1
        for how in ("asked", IN_STEPS):
            # Its clock stands while it waits for a CPU: again where the host was busy.
            words = (folder, "ruby%s built" % version, [path, os.path.join(HERE, "litter.rb")],
                     how, "collection", 0)
            failed += count_one(*words) and count_one(*words)
    return tried, failed


def rooted(folder):
    """(how many were tried, what failed)"""
    tried, failed = 0, []
    for kind_of, program, kind, more, options, packages in ROOTED:
        shutil.copy(os.path.join(HERE, program), folder)
        for name, suite in packages.items():
            package = name + "-cli" if kind_of == "php" else name
            try:
                root = roots.fetch(kind_of, name, suite, [package])
            except kernel.Unavailable as e:
                print("skipped: %s: %s" % (name, e))
                continue
            tried += 1
            command = roots.command(root, "/usr/bin/" + name, *options,
                                    os.path.join(folder, program))
            failed += count_itself(folder, name, command, kind, more)
    return tried, failed


def main():
    truth.need_root_and_bpf()
    folder = tempfile.mkdtemp(prefix="bpfprof-gc-", dir="/tmp")
    failed, tried = [], 0
    try:
        if shutil.which("javac"):
            subprocess.run(["javac", "-d", folder, os.path.join(HERE, "Litter.java")], check=True)
            for collector in ("Serial", "Parallel", "G1", "Shenandoah", "Z"):
                tried += 1
                # Again where the host was too busy for the JVM's clock and ours to agree.
                failed += jvm(folder, collector) and jvm(folder, collector)
        else:
            print("skipped: java: no javac is installed")
        if shutil.which("node"):
            tried += 1
            failed += node(folder)
        else:
            print("skipped: node is not installed")
        for some in (rooted, built):
            nr, wrong = some(folder)
            tried, failed = tried + nr, failed + wrong
    finally:
        shutil.rmtree(folder, True)
    if not tried:
        truth.skip_all("there is no java, node, ruby or php")
    print("%d tried, %d failed" % (tried, len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
