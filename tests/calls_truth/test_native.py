#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof calls against programs that know what they called.

Usage: test_native.py BPFPROF FOLDER [TEST …]
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "truth"))
import truth  # noqa: E402

LIMIT_S = 60
# What the two probes of a call add to what its caller sees, and are in part in its own time.
PROBE_NS = 8000
NESTED = 64  # of nested calls the kernel follows so many to their return (MAX_URETPROBE_DEPTH)


class Measured:
    """A program that waits for a line, and bpfprof looking at it."""

    def __init__(self, case, *command):
        self.program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, cwd=case.folder)
        case.addCleanup(self.end)
        self.case, self.bpfprof, self.said = case, None, []
        if self.program.stdout.readline() != "ready\n":
            raise RuntimeError("%s did not begin" % command[0])

    def watch(self, *words, by_pid=True, overhead="0"):
        pid = ["-p", str(self.program.pid)] if by_pid else []
        self.bpfprof = subprocess.Popen(
            [truth.BPFPROF, "calls", "-v", "--latency", *words, *pid, "-d", str(LIMIT_S),
             "--max-overhead", overhead], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=self.case.folder)
        for line in self.bpfprof.stderr:
            self.said.append(line)
            if "measuring since" in line:
                return self
        raise RuntimeError("bpfprof: " + "".join(self.said))

    def go(self):
        """{name: number} of what it called, once it has ended."""
        out, _ = self.program.communicate("\n", timeout=LIMIT_S)
        found = {}
        for line in out.splitlines():
            name, _, number = line.rpartition(" ")
            found[name] = int(number)
        return found

    def output(self, status=0):
        if self.bpfprof.poll() is None:
            time.sleep(0.2)
            self.bpfprof.send_signal(signal.SIGINT)
        out, err = self.bpfprof.communicate(timeout=LIMIT_S)
        self.said += err.splitlines(True)
        if self.bpfprof.returncode != status:
            raise RuntimeError("bpfprof: exit status %d: %s" % (self.bpfprof.returncode,
                                                              "".join(self.said)))
        return out

    def report(self, status=0):
        return json.loads(self.output(status))

    def end(self):
        for process in (self.bpfprof, self.program):
            if process and process.poll() is None:
                process.kill()
            if process:
                process.wait()
                for pipe in (process.stdin, process.stdout, process.stderr):
                    if pipe:
                        pipe.close()


def rows_of(report):
    return {row["labels"]["function"]: row for row in report["rows"]}


def counts_of(report):
    return {name: row["count"] for name, row in rows_of(report).items()}


def text_bytes(pid, path):
    """What a process has in memory of the code of a file."""
    with open("/proc/%d/maps" % pid, encoding="utf-8") as f:
        for line in f:
            words = line.split()
            if "x" in words[1] and words[-1] == path:
                start, end = (int(n, 16) for n in words[0].split("-"))
                with open("/proc/%d/mem" % pid, "rb") as memory:
                    memory.seek(start)
                    return memory.read(end - start)
    raise RuntimeError("%d has no code of %s" % (pid, path))


class Known(truth.Case):
    def known(self, what, *patterns, **how):
        """(what the program said, the report)."""
        m = Measured(self, self.need("known"), what)
        m.watch(*(patterns or ("known_*",)), "--json", **how)
        return m.go(), m.report()

    def check(self, report, said):
        for row in report["rows"]:
            self.assertEqual(sum(b[2] for b in row["buckets"]), row["count"], row["labels"])
        self.assertEqual(counts_of(report), said)
        self.assertEqual(report["quality"]["lost"], 0)

    def quality(self, report, **wanted):
        self.assertEqual({name: report["quality"][name] for name in wanted}, wanted)

    def test_counts(self):
        """Often, recursion, from each other, nested."""
        said, report = self.known("counts")
        self.check(report, said)
        self.quality(report, unreturned=0, no_start=0, unprobed=0, detached=0)

    def test_threads(self):
        said, report = self.known("threads", "known_thread", "known_exits")
        left = said.pop("left")
        self.check(report, said)
        self.quality(report, unreturned=left, no_start=0)

    def test_per_thread(self):
        said, report = self.known("threads", "known_thread", "--per-thread")
        self.assertEqual(sum(row["count"] for row in report["rows"]), said["known_thread"])

    def test_jumps(self):
        """longjmp() out of nested calls, and exit() in one."""
        said, report = self.known("jumps")
        left = said.pop("left")
        self.check(report, said)
        self.quality(report, unreturned=left, no_start=0)

    def test_deep(self):
        """Of 300 nested calls the kernel lets 64 be followed; the others are counted as left."""
        said, report = self.known("deep", "known_deep")
        seen = counts_of(report).get("known_deep", 0)
        self.assertEqual(seen, 10 * NESTED)
        self.quality(report, unreturned=said["calls"] - seen, no_start=0)

    def test_switches(self):
        """Coroutines, and a handler on a stack of its own: calls that stay on one stack are right.
        """
        said, report = self.known("switches", "known_leaf", "known_thread", "known_handler")
        self.assertEqual(counts_of(report), {n: said[n] for n in counts_of(report)})
        self.assertEqual(len(report["rows"]), 3)
        self.quality(report, unreturned=0, no_start=0)

    def test_left_stacks(self):
        """A call that is left for another stack: the kernel forgets its return, and ends the
        program where that comes. Nothing is paired wrongly until then."""
        m = Measured(self, self.need("known"), "switches")
        m.watch("known_yields", "known_thread", "--json")
        m.go()
        ended, report = m.program.returncode, m.report()
        found = counts_of(report)
        print("\n  ended with %d; %s; %d left without a return" % (
            ended, found, report["quality"]["unreturned"]))
        self.assertIn(ended, (0, -signal.SIGILL, -signal.SIGSEGV))
        self.assertLessEqual(found.get("known_yields", 0), 200)

    def test_vectors(self):
        """What the kernel would take for another instruction isn't probed, and works on."""
        m = Measured(self, self.need("known"), "vectors")
        m.watch("vector_known", "--json")
        said = m.go()
        if m.program.returncode == 77:
            self.skipTest("this CPU has no AVX-512")
        self.assertEqual(said, {"wrong": 0})
        # Nothing else was asked for: it failed.
        self.assertGreater(m.report(status=1)["quality"]["unprobed"], 0)

    def test_latency(self):
        for _ in range(3):
            said, report = self.known("turns", "known_turn")
            row = rows_of(report)["known_turn"]
            self.assertEqual(row["count"], said["known_turn"])
            mean, true = row["total_ns"] / row["count"], said["ns"] / said["known_turn"]
            # Another program may have had the CPU between the two clocks.
            if abs(mean - true) <= 0.05 * true + PROBE_NS:
                break
        print("\n  a call: %.2f µs, by the program's clock around it %.2f µs" % (mean / 1e3,
                                                                               true / 1e3))
        self.assertLessEqual(abs(mean - true), 0.05 * true + PROBE_NS)

    def test_bpftrace(self):
        """Another tool's counts at the same time."""
        if not shutil.which("bpftrace"):
            self.skipTest("there is no bpftrace")
        path = self.need("known")
        m = Measured(self, path, "counts")
        other = subprocess.Popen(
            ["timeout", "-k", "1", "50", "bpftrace", "-p", str(m.program.pid), "-e",
             "uprobe:%s:known_fib { @n = count(); } uretprobe:%s:known_fib { @r = count(); } "
             "BEGIN { printf(\"begun\\n\"); }" % (path, path)], stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(other.stdout.close)
        self.addCleanup(truth.stop, other)
        if not any("begun" in line for line in iter(other.stdout.readline, "")):
            self.skipTest("bpftrace does not begin")
        m.watch("known_fib", "--json")
        said = m.go()
        found = counts_of(m.report())
        other.send_signal(signal.SIGINT)
        counted = dict(re.findall(r"@(\w): (\d+)", other.stdout.read()))
        self.assertEqual(found["known_fib"], said["known_fib"])
        self.assertEqual(counted, {"n": str(said["known_fib"]), "r": str(said["known_fib"])})

    def test_overhead(self):
        """A function called without end is detached; then the program is as fast as before. Of the
        others no call is missed meanwhile."""
        m = Measured(self, self.need("known"), "millions")
        m.watch("known_leaf", "known_outer", "known_thread", "--json", overhead="5")
        out, _ = m.program.communicate("\n", timeout=LIMIT_S)
        *rounds, others = [tuple(int(n) for n in line.split()[1:]) for line in out.splitlines()]
        report = m.report()
        print("\n  ns a call, the first and the fastest: %s" % rounds)
        self.assertEqual(report["quality"]["detached"], 2)
        # The other stays, and a detached one's calls up to then are still there.
        self.assertEqual(counts_of(report)["known_outer"], len(rounds))
        self.assertEqual(counts_of(report)["known_thread"], others[0])
        self.assertGreater(counts_of(report)["known_leaf"], 1000)
        # Its rows say that their time was less than the whole.
        self.assertEqual({r["labels"]["function"] for r in report["rows"]
                          if r["labels"].get("detached", "").startswith("after ")}, {"known_leaf"})
        self.assertGreater(rounds[0][0], 200)
        self.assertLess(min(fastest for _, fastest in rounds[-4:]), 20)


class Exceptions(truth.Case):
    def test_throws(self):
        """They pass, names are readable, calls are counted."""
        m = Measured(self, self.need("throws")).watch("shapes::*", "--json")
        said = m.go()
        self.assertEqual(m.program.returncode, 0)
        self.assertEqual(said.pop("caught"), 100)
        report = m.report()
        self.assertEqual(counts_of(report), said)
        self.assertTrue(any("counted, not timed" in line for line in m.said), m.said)

    def test_time_all(self):
        """What no exception passes can be timed; by a pattern with parameters."""
        m = Measured(self, self.need("throws"))
        m.watch("shapes::Shape::area(int)", "*scale<double>*", "--time-all", "--json")
        said = m.go()
        rows = rows_of(m.report())
        self.assertEqual({name: row["count"] for name, row in rows.items()},
                         {name: said[name] for name in said if "area" in name or "double" in name})
        self.assertTrue(all(row["total_ns"] > 0 for row in rows.values()))


class Files(truth.Case):
    def test_library(self):
        """Opened while it is measured."""
        library = os.path.join(truth.PROGRAMS, "library.so")
        m = Measured(self, self.need("loads"), library)
        m.watch(library + ":library_called", "--json")
        said = m.go()
        self.assertEqual(counts_of(m.report()), said)

    def test_begun_by_others(self):
        """A file that is named by its path is probed before there is any process that has it."""
        path, out = self.need("known"), self.path("out.json")
        for _ in range(2):
            done = subprocess.run(
                [truth.BPFPROF, "calls", path + ":known_fib", "--latency", "-o", out, "--", "sh",
                 "-c", "echo | '%s' counts; echo | '%s' counts" % (path, path)],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True,
                timeout=LIMIT_S)
            said = re.findall(r"^known_fib (\d+)$", done.stdout, re.M)
            with open(out, encoding="utf-8") as f:
                self.assertEqual(counts_of(json.load(f)), {"known_fib": sum(map(int, said))})
            self.assertEqual(len(said), 2)

    def test_replaced(self):
        """Another file of the same name, started later: both are measured."""
        path = self.path("program")
        shutil.copy(self.need("known"), path)
        first = Measured(self, path, "threads").watch(path + ":known_thread", "--json",
                                                      by_pid=False)
        os.unlink(path)
        shutil.copy(self.need("known"), path)
        later = Measured(self, path, "counts")
        time.sleep(1)
        nr = first.go()["known_thread"]
        later.go()
        third = Measured(self, path, "threads")
        time.sleep(1)
        nr += third.go()["known_thread"]
        self.assertEqual(counts_of(first.report()), {"known_thread": nr})

    def test_code(self):
        """What is in memory of the program: probed, as it was, probed, as it was."""
        path = os.path.realpath(self.need("known"))
        m = Measured(self, path, "counts")
        before = text_bytes(m.program.pid, path)
        for sig in (signal.SIGINT, signal.SIGKILL):
            m.watch("known_*")
            self.assertNotEqual(text_bytes(m.program.pid, path), before)
            m.bpfprof.send_signal(sig)
            m.bpfprof.communicate(timeout=LIMIT_S)
            same = truth.wait_until(lambda: text_bytes(m.program.pid, path) == before)
            self.assertTrue(same, "code is not as it was after signal %d" % sig)
        self.assertEqual(m.go()["known_fib"], 8361)


class Stacks(truth.Case):
    def test_callers(self):
        m = Measured(self, self.need("stacks"))
        out = self.path("out.folded")
        m.watch("stacks_leaf", "-o", out)
        said = m.go()
        m.output()
        stacks = truth.Folded.read(out)
        times = {}
        for s in stacks:
            self.assertEqual(s.frames[-1], "stacks_leaf", s.frames)
            times[s.frames[-2]] = s.frames
        self.assertLessEqual({"stacks_left", "stacks_right"}, set(times), stacks.heaviest())
        for name in ("stacks_left", "stacks_right"):
            self.assertIn("main", times[name])
        self.assertEqual(said, {"left": 600, "right": 1000})

    def test_callers_at_once(self):
        """Who calls is known before any table is."""
        m = Measured(self, self.need("stacks"), "now")
        out = self.path("out.folded")
        m.watch("stacks_leaf", "-o", out)
        m.go()
        m.output()
        callers = {s.frames[-2] for s in truth.Folded.read(out)}
        self.assertEqual(callers, {"stacks_left", "stacks_right"})


class Wrong(truth.Case):
    """One clear line, and the exit status."""

    def refused(self, *words, says, status=1):
        done = self.bpfprof("calls", *words, "-d", "1", status=status)
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], says)

    def test_names(self):
        known = self.need("known")
        self.refused(known + ":nothing_like_this*", says="no function that matches")
        self.refused(known + ":known_leav", says="no function 'known_leav': did you mean known_lea")
        self.refused("known_leaf", says="in which file", status=2)
        self.refused("/nonexistent/x:y", says="cannot open /nonexistent/x")
        self.refused("malloc", "-p", "4194303", says="there is no process 4194303")

    def test_stripped(self):
        path = self.path("stripped")
        subprocess.run(["strip", "-o", path, self.need("known")], check=True)
        self.refused(path + ":known_leaf", says="stripped")

    def test_many(self):
        source, path = self.path("many.c"), self.path("many.so")
        with open(source, "w", encoding="utf-8") as f:
            for i in range(50000):
                f.write("void many_%d(void) {}\n" % i)
        subprocess.run(["cc", "-O0", "-shared", "-o", path, source], check=True)
        self.refused(path + ":many_*", says="matches 50,000 functions.*at most")


if __name__ == "__main__":
    truth.need_root_and_bpf()
    truth.main()
