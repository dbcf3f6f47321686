#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof gc where nothing can be probed and CPython 3.15's own ring is read: against gc.callbacks.

The interpreter is a copy of Debian's, without the notes of its probes. Its collector would still be
found from what PyGC_Collect calls: so the generation that this one call asks for, which only the
end of the program makes, is made another one. Nothing else differs.

Usage: test_ring.py BPFPROF FOLDER
"""
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "python_truth"), os.path.join(HERE, "..", "truth"),
                os.path.join(HERE, "..", "vm")]
import kernel  # noqa: E402
import pythons  # noqa: E402
import test_python as base  # noqa: E402
import truth  # noqa: E402

VERSION = "3.15"
MARK = "[stack unknown: read from the interpreter's own ring]"
# mov $2, %esi: the oldest generation
OLDEST, YOUNGER = b"\xbe\x02\0\0\0", b"\xbe\x01\0\0\0"


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def blind(python, folder):
    """A copy in which no collector can be found."""
    path = os.path.join(folder, "python3.15")
    subprocess.run(["objcopy", "-R", ".note.stapsdt", python.inside(python.path), path], check=True)
    m = re.search(r": ([0-9a-f]+)\s+(\d+) FUNC .* PyGC_Collect$",
                  output("readelf", "-W", "--dyn-syms", path), re.M)
    address, size = int(m.group(1), 16), int(m.group(2))
    loads = [tuple(int(n, 16) for n in m) for m in re.findall(
        r"^\s+LOAD\s+(\S+)\s+(\S+)\s+\S+\s+(\S+)", output("readelf", "-lW", path), re.M)]
    at = next(o + address - a for o, a, length in loads if a <= address < a + length)
    with open(path, "r+b") as f:
        f.seek(at)
        code = f.read(size)
        if code.count(OLDEST) != 1:
            raise RuntimeError("its PyGC_Collect is another one than is known here")
        f.seek(at + code.index(OLDEST))
        f.write(YOUNGER)
    os.chmod(path, 0o755)
    found = copy.copy(python)
    found.path = path
    return found


def watch(folder, python, way, *options):
    """(the report, what the program said, what bpfprof said)."""
    m = base.Measured(folder, python, "ring.py", way)
    try:
        if m.line() != "ready":
            raise RuntimeError("the program did not begin")
        m.watch("--json", *options)
        m.go()
        said = json.loads(m.line())
        time.sleep(0.1)
        return (*m.report(), said)
    finally:
        m.end()


def sums(pauses):
    """{generation: [number, seconds]}"""
    found = {}
    for generation, seconds in pauses:
        of = found.setdefault(generation, [0, 0.0])
        of[0] += 1
        of[1] += seconds
    return found


def rows(report, pid=None):
    return {int(r["labels"]["generation"]): r for r in report["rows"]
            if pid in (None, r["labels"]["pid"])}


def compare(found, true):
    """What is wrong, a line each."""
    for g in sorted(set(found) | set(true)):
        row, (nr, seconds) = found.get(g, {"count": 0, "total_ns": 0}), true.get(g, (0, 0.0))
        if row["count"] != nr:
            yield "generation %d: %d collections, there were %d" % (g, row["count"], nr)
        # Callbacks see themselves, too: some microseconds a collection.
        elif abs(row["total_ns"] / 1e9 - seconds) > base.APART * seconds + base.PROBE_S * nr:
            yield "generation %d: %.3f ms, it was %.3f" % (g, row["total_ns"] / 1e6, 1e3 * seconds)


def check_quality(report, **expected):
    """Stacks are lacked where some are shown; nothing else is lost."""
    q = report["quality"]
    nr = sum(r["count"] for r in report["rows"])
    in_buckets = sum(b[2] for r in report["rows"] for b in r.get("buckets", []))
    expected = dict({"lost": 0, "no_stack": 0, "events": nr, "summed": nr - in_buckets},
                    **expected)
    for name, value in expected.items():
        if q[name] != value:
            yield "%s: %d, not %d" % (name, q[name], value)


def said_why(err):
    if "no probe in this build" not in err or "read from the ring" not in err:
        yield "it was not said that the ring is read: " + err[-300:]


def collect(folder, python, *args):
    """The program of the other test, by what that asks for but stacks."""
    report, said, err = base.measure(folder, python, *args)
    yield from base.compare(report, said, "threads" in args, False)
    yield from check_quality(report, partly_read=0,
                             no_stack=sum(r["count"] for r in report["rows"]))
    yield from said_why(err)
    if not report["quality"]["summed"]:
        yield "nothing was overwritten: this shows nothing of sums"
    with open(os.path.join(folder, "gc.folded"), encoding="utf-8") as f:
        if any(MARK not in line for line in f):
            yield "a pause has a stack"


def paced(folder, python):
    report, err, said = watch(folder, python, "paced")
    yield from compare(rows(report), sums(said[0]))
    yield from check_quality(report, summed=0, partly_read=0)
    yield from said_why(err)
    for g, row in rows(report).items():
        longest = max(s for of, s in said[0] if of == g)
        if abs(row["max_ns"] / 1e9 - longest) > base.APART * longest + base.PROBE_S:
            yield "generation %d: longest %.3f ms, it was %.3f" % (g, row["max_ns"] / 1e6,
                                                                  1e3 * longest)


def two(folder, python):
    report, _, said = watch(folder, python, "two")
    if not all(len(of) > 50 for of in said):
        yield "one of them hardly collected"
    yield from compare(rows(report), sums(said[0] + said[1]))
    yield from check_quality(report, partly_read=0)


def forked(folder, python):
    report, _, said = watch(folder, python, "forked", "--children")
    for pid, pauses in said.items():
        for wrong in compare(rows(report, int(pid)), sums(pauses)):
            yield "%s: %s" % (pid, wrong)
    # The child ended.
    yield from check_quality(report, partly_read=1)


def started(folder, python):
    report, _, said = watch(folder, python, "started", "--children")
    for pid, numbers in said.items():
        found = [rows(report, int(pid)).get(g, {"count": 0})["count"] for g in range(3)]
        if found != numbers:
            yield "%s: %s collections, there were %s" % (pid, found, numbers)
    yield from check_quality(report, partly_read=len(said))


def over(folder, python):
    report, _, said = watch(folder, python, "over")
    nr = rows(report).get(2, {"count": 0})["count"]
    if nr != said:
        yield "%d collections, there were %d" % (nr, said)
    yield from check_quality(report, partly_read=1)


def by_thread(folder, python):
    """Refused, and said: the ring doesn't say which thread collected."""
    m = base.Measured(folder, python, "ring.py", "paced")
    try:
        m.line()
        done = subprocess.run([truth.BPFPROF, "gc", "-t", str(m.program.pid), "-d", "0.5"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              check=False, timeout=base.LIMIT_S)
        if "can't be told by thread" not in done.stderr:
            yield "it was not said: " + done.stderr[-300:]
    finally:
        m.end()


TESTS = [("collect", collect), ("collect threads", lambda *a: collect(*a, "threads")),
         ("paced", paced), ("two", two), ("forked", forked), ("started", started), ("over", over),
         ("by thread", by_thread)]


def attempt(test, folder, python):
    try:
        return list(test(folder, python))
    except RuntimeError as e:
        return [str(e)]


def main():
    truth.need_root_and_bpf()
    if not shutil.which("objcopy") or not shutil.which("readelf"):
        truth.skip_all("binutils are not installed")
    try:
        python = pythons.fetch(VERSION)
    except kernel.Unavailable as e:
        truth.skip_all("no Python %s: %s" % (VERSION, e))
    folder = tempfile.mkdtemp(prefix="bpfprof-ring-", dir="/tmp")
    os.chmod(folder, 0o755)
    os.environ["PYTHONHOME"] = "/usr"
    failed = []
    try:
        for name in ("collect.py", "ring.py"):
            shutil.copy(os.path.join(HERE, name), folder)
        python = blind(python, folder)
        for name, test in TESTS:
            # Again where another program had the CPU between a clock of ours and a callback.
            for _ in range(4):
                wrong = attempt(test, folder, python)
                if not any("ms, it was" in w for w in wrong):
                    break
            print("%-16s %s" % (name, "; ".join(wrong) or "ok"), flush=True)
            failed += [name] if wrong else []
    finally:
        shutil.rmtree(folder, True)
    print("%d tried, %d failed" % (len(TESTS), len(failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
