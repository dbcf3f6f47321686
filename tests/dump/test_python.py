#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof dump of a Python program, against what Python itself says of its threads, by each
interpreter that there is.

Usage: test_python.py BPFPROF FOLDER-OF-PROGRAMS [Case.test ...]
"""

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("truth", "python_truth"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
import pythons  # noqa: E402
import truth  # noqa: E402
from truth import Case  # noqa: E402

PROGRAM = os.path.join(HERE, "program.py")
ROUNDS = 5
SPIN = "spin"


def calls(thread):
    return [[f["name"], f["file"], f["line"]] for f in thread["frames"]
            if f["kind"] == "interpreter"]


def names(thread):
    return [name for name, _, _ in calls(thread)]


def shown(call):
    name, path, line = call
    return "%s (%s:%d)" % (name, "/".join(path.split("/")[-2:]), line)


def is_native_between(thread, callee, caller):
    """Does C stand between these two functions?"""
    kinds = [f["kind"] if f["kind"] != "interpreter" else f["name"] for f in thread["frames"]]
    below = kinds.index(callee)
    return kinds.index(caller, below) > below + 1


class Python(Case):
    def run_program(self, python, how):
        """The process, and what it says of itself."""
        said = self.path("said-" + how)
        p = subprocess.Popen(python.command(program_copy(self), said, how),
                             stdout=subprocess.DEVNULL)
        self.addCleanup(truth.stop, p)
        self.assertTrue(truth.wait_until(lambda: os.path.exists(said) or p.poll() is not None))
        self.assertIsNone(p.poll())
        with open(said, encoding="utf-8") as f:
            return p, {int(tid): stack for tid, stack in json.load(f).items()}

    def dump(self, pid, *args):
        done = self.bpfprof("dump", "--json", "-p", pid, *args)
        self.assertTrue(done.stderr == "" or "-v" in args, done.stderr)
        (process,) = json.loads(done.stdout)["processes"]
        return process, {t["tid"]: t for t in process["threads"]}

    def check_asleep(self, python, said, threads):
        self.assertEqual(len(said), 5)
        for tid, stack in said.items():
            t = threads[tid]
            self.assertEqual(calls(t), stack, python.name)
            self.assertEqual((t["state"], t["lacks"]), ("sleeping", ""), stack[0])
            self.assertEqual(t["frames"][0]["kind"], "kernel")
            self.assertEqual(t["frames"][-1]["kind"], "native")
            self.assertEqual(t["holds_gil"], 0, stack[0])

    def check_order(self, python, said, pid):
        # Without symbols, what C does is not told from the interpreter's own.
        _, threads = self.dump(pid, *([] if python.name.startswith("pyenv") else ["-v"]))
        (tid,) = [tid for tid, stack in said.items() if any("through_c" in s[0] for s in stack)]
        dotted = python.version >= (3, 11)
        callee = "Case.method" if dotted else "method"
        key = "through_c.<locals>.<lambda>" if dotted else "<lambda>"
        self.assertTrue(is_native_between(threads[tid], callee, key), python.name)
        self.assertTrue(is_native_between(threads[tid], key, "through_c"), python.name)

    def check(self, python):
        idle, said_idle = self.run_program(python, "idle")
        busy, said_busy = self.run_program(python, "busy")
        for _ in range(ROUNDS):
            process, threads = self.dump(idle.pid)
            self.assertEqual(process["runtime"], "Python %d.%d" % python.version)
            self.assertEqual(process["without_gil"], int(python.free_threaded))
            self.check_asleep(python, said_idle, threads)
            self.assertEqual(threads[idle.pid]["holds_gil"], 0)
            self.assertEqual(names(threads[idle.pid]), ["main", "<module>"])
        self.check_order(python, said_idle, idle.pid)
        for _ in range(ROUNDS):
            process, threads = self.dump(busy.pid)
            self.check_asleep(python, said_busy, threads)
            first = threads[busy.pid]
            self.assertIn(first["state"], ("running", "waiting for a CPU"))
            self.assertEqual(names(first), [SPIN, "main", "<module>"])
            self.assertEqual((first["holds_gil"], first["lacks"]),
                             (int(not python.free_threaded), ""))

    def test_never_off_a_cpu(self):
        """What has a CPU for itself can only be sampled."""
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) < 2:
            self.skipTest("one CPU")
        python = next(pythons.of_the_machine())
        p, _ = self.run_program(python, "busy")
        os.sched_setaffinity(p.pid, cpus[-1:])
        os.sched_setscheduler(p.pid, os.SCHED_FIFO, os.sched_param(10))
        states = []
        for _ in range(ROUNDS):
            first = self.dump(p.pid)[1][p.pid]
            states.append(first["state"])
            self.assertEqual(names(first), [SPIN, "main", "<module>"])
            self.assertEqual((first["holds_gil"], first["lacks"]), (1, ""))
        self.assertIn("running", states)

    def test_no_native(self):
        python = next(pythons.of_the_machine())
        p, said = self.run_program(python, "idle")
        _, threads = self.dump(p.pid, "--native=no")
        for tid, stack in said.items():
            self.assertEqual(calls(threads[tid]), stack)
            self.assertEqual({f["kind"] for f in threads[tid]["frames"]}, {"interpreter"})

    def test_text(self):
        python = next(pythons.of_the_machine())
        p, said = self.run_program(python, "busy")
        text = self.bpfprof("dump", "-p", p.pid).stdout
        self.assertIn("(pid %d, Python %d.%d), 6 threads\n" % (p.pid, *python.version), text)
        self.assertRegex(text, r'(?m)^Thread %d ".*", .*, holds the GIL$' % p.pid)
        self.assertEqual(text.count("holds the GIL"), 1)
        for stack in said.values():
            for call in stack:
                self.assertIn("\n    " + shown(call) + "\n", text)

    def test_internals(self):
        """-v shows the interpreter's own frames."""
        python = next(pythons.of_the_machine())
        p, _ = self.run_program(python, "idle")
        loop = "_PyEval_EvalFrameDefault"
        self.assertNotIn(loop, self.bpfprof("dump", "-p", p.pid).stdout)
        self.assertIn(loop, self.bpfprof("dump", "-v", "-p", p.pid).stdout)


def program_copy(case):
    """Where interpreters below another root find it, too."""
    path = case.path("program.py")
    if not os.path.exists(path):
        with open(PROGRAM, "rb") as f, open(path, "wb") as to:
            to.write(f.read())
    return path


def add_versions():
    found, missing = pythons.every()
    for python in found:
        name = "test_" + "".join(c if c.isalnum() else "_" for c in python.name)
        setattr(Python, name, lambda self, python=python: self.check(python))
    for name, why in missing.items():
        def skip(self, why=why):
            self.skipTest(why)
        setattr(Python, "test_" + "".join(c if c.isalnum() else "_" for c in name), skip)


if __name__ == "__main__":
    truth.need_root_and_bpf()
    add_versions()
    truth.main()
