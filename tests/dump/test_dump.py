#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof dump of a program whose threads stand at known places.

Usage: test_dump.py BPFPROF FOLDER-OF-PROGRAMS [Case.test ...]
"""

import json
import os
import re
import shutil
import statistics
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import truth  # noqa: E402
from truth import Case  # noqa: E402

ROUNDS = 20
DEPTH = 400  # of places.c
STARTS = ["begin", "start_thread", "clone3"]
MAX_GAP_NS = 3000000
# What places.c calls, below what libc calls for it.
PLACES = {
    "reader": ["read_3", "read_2", "read_1"] + STARTS,
    "napper": ["nap_2", "nap_1"] + STARTS,
    "futex": ["futex_2", "futex_1"] + STARTS,
    "deep": ["deep"] * DEPTH + ["deep_1"] + STARTS,
    "many": ["nap_2", "nap_1"] + STARTS,
}
MANY = 40


def names(thread):
    """User frames without those of libc at the leaf."""
    found = [f["name"] for f in thread["frames"] if f["kind"] != "kernel"]
    while found and not re.match(r"[a-z]+_\d$|deep$", found[0]):
        found.pop(0)
    return found


class Places(Case):
    def places(self, *args):
        """A process whose threads are all where they belong."""
        self.gap = self.path("gap")
        p = subprocess.Popen([self.need("places"), self.gap, *args], stdout=subprocess.PIPE,
                             text=True)
        self.addCleanup(p.stdout.close)
        self.addCleanup(truth.stop, p)
        self.assertEqual(p.stdout.readline(), "ready\n")
        if "zombie" in args:
            self.assertTrue(truth.wait_until(lambda: self.state(p.pid) == "Z"))
        return p

    def state(self, tid):
        with open(f"/proc/{tid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0]

    def dump(self, *args):
        done = self.bpfprof("dump", "--json", *args)
        # What never left its CPU was sampled, on a busy machine perhaps before its tables were there.
        for _ in range(ROUNDS):
            if "not known to be complete" not in done.stderr:
                break
            done = self.bpfprof("dump", "--json", *args)
        self.assertEqual(done.stderr, "")
        return json.loads(done.stdout)["processes"]

    def threads(self, pid, *args):
        found = {}
        for t in self.dump("-p", pid, *args)[0]["threads"]:
            found.setdefault(t["name"], []).append(t)
        return found

    def test_asleep(self):
        p = self.places()
        for _ in range(ROUNDS):
            found = self.threads(p.pid)
            self.assertEqual(len(found["many"]), MANY)
            for name, place in PLACES.items():
                for t in found[name]:
                    self.assertEqual(names(t), place, name)
                    self.assertEqual((t["state"], t["lacks"]), ("sleeping", ""), name)
                    self.assertEqual(t["frames"][0]["kind"], "kernel", name)

    def test_busy(self):
        p = self.places()
        for _ in range(ROUNDS // 2):
            (busy,) = self.threads(p.pid)["busy"]
            self.assertIn(busy["state"], ("running", "waiting for a CPU"))
            self.assertEqual(busy["lacks"], "")
            found = names(busy)
            self.assertIn(found[0], ("spin_3", "spin_2", "spin_1"))
            self.assertEqual(found, ["spin_3", "spin_2", "spin_1"][-(len(found) - 3):] + STARTS)

    def tid_of(self, pid, name):
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/comm", encoding="utf-8") as f:
                if f.read() == name + "\n":
                    return int(tid)
        return None

    def test_never_off_a_cpu(self):
        """What has a CPU for itself can only be sampled."""
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) < 2:
            self.skipTest("one CPU")
        p = self.places()
        tid = self.tid_of(p.pid, "busy")
        os.sched_setaffinity(tid, cpus[-1:])
        os.sched_setscheduler(tid, os.SCHED_FIFO, os.sched_param(10))
        states = []
        for _ in range(ROUNDS // 4):
            (busy,) = self.threads(p.pid)["busy"]
            states.append(busy["state"])
            self.assertEqual(busy["lacks"], "")
            found = names(busy)
            self.assertEqual(found, ["spin_3", "spin_2", "spin_1"][-(len(found) - 3):] + STARTS)
        self.assertIn("running", states)

    def test_lines(self):
        p = self.places()
        (reader,) = self.threads(p.pid)["reader"]
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "places.c"),
                  encoding="utf-8") as f:
            lines = f.read().split("\n")
        calls = {"read_3": "read(", "read_2": "read_3()", "read_1": "read_2()",
                 "begin": "t->run()"}
        for f in reader["frames"]:
            if f["name"] in calls:
                self.assertTrue(f["file"].endswith("places.c"), f)
                self.assertIn(calls.pop(f["name"]), lines[f["line"] - 1])
        self.assertEqual(calls, {})

    def test_first_thread_has_ended(self):
        p = self.places("zombie")
        done = self.bpfprof("dump", "--json", "-p", p.pid)
        # A sample of what runs goes by /proc/PID/maps, which is empty then: it is said to be incomplete.
        if done.stderr:
            self.assertRegex(done.stderr, r"^bpfprof: of what runs on a CPU, .* not known to be complete\n$")
        threads = json.loads(done.stdout)["processes"][0]["threads"]
        (first,) = [t for t in threads if t["tid"] == p.pid]
        self.assertEqual((first["state"], first["frames"]), ("ended", []))
        asleep = [t for t in threads if t["name"] in PLACES and t["state"] == "sleeping"]
        self.assertGreaterEqual(len(asleep), 3)
        for t in asleep:
            self.assertEqual(names(t), PLACES[t["name"]], t["name"])

    def test_text(self):
        p = self.places()
        text = self.bpfprof("dump", "-p", p.pid).stdout
        first = text.split("\n")[0]
        self.assertIn(f"(pid {p.pid}), {len(PLACES) + 2 + MANY + 1} threads", first)
        self.assertNotIn("\033", text)
        self.assertRegex(text, r'(?m)^Thread \d+ "a\\x1b\[31m\\x0ab", sleeping$')
        self.assertRegex(text, r"(?m)^    read_3 \(places\.c:\d+\)\n    read_2 \(places\.c:\d+\)$")
        self.assertRegex(text, r"(?m)^    \w+_\[k\]$")

    def test_user_or_kernel_only(self):
        p = self.places()
        for t in self.dump("-p", p.pid, "-U")[0]["threads"]:
            self.assertNotIn("kernel", {f["kind"] for f in t["frames"]})
        reader = self.threads(p.pid, "-U")["reader"][0]
        self.assertEqual(names(reader), PLACES["reader"])
        for t in self.dump("-p", p.pid, "-K")[0]["threads"]:
            self.assertLessEqual({f["kind"] for f in t["frames"]}, {"kernel"})
        reader = self.threads(p.pid, "-K")["reader"][0]
        self.assertGreater(len(reader["frames"]), 2)

    def test_several(self):
        pids = sorted(self.places().pid for _ in range(2))
        found = self.dump("-p", ",".join(map(str, pids)))
        self.assertEqual([d["pid"] for d in found], pids)
        for d in found:
            (reader,) = [t for t in d["threads"] if t["name"] == "reader"]
            self.assertEqual(names(reader), PLACES["reader"])

    def gap_of(self, what):
        """ns by which the program's watch woke up late, at most, while `what` ran."""
        with open(self.gap, "r+b", buffering=0) as f:
            f.write(struct.pack("=Q", 0))
            what()
            f.seek(0)
            return struct.unpack("=Q", f.read(8))[0]

    def test_is_not_stopped(self):
        p = self.places()
        seen, over = set(), threading.Event()

        def look():
            while not over.is_set():
                for tid in os.listdir(f"/proc/{p.pid}/task"):
                    with open(f"/proc/{p.pid}/task/{tid}/status", encoding="utf-8",
                              errors="replace") as f:
                        text = f.read()
                    seen.add((re.search(r"\nState:\t(\S)", text).group(1),
                              re.search(r"\nTracerPid:\t(\d+)", text).group(1)))

        looker = threading.Thread(target=look)
        looker.start()
        try:
            gaps = [self.gap_of(lambda: self.dump("-p", p.pid)) for _ in range(ROUNDS)]
        finally:
            over.set()
            looker.join()
        self.assertEqual({tracer for _, tracer in seen}, {"0"})
        self.assertLessEqual({state for state, _ in seen}, {"R", "S", "D"})
        self.assertLess(statistics.median(gaps), MAX_GAP_NS)

    def test_a_stop_is_noticed(self):
        """The test before can fail."""
        p = self.places()

        def stop():
            os.kill(p.pid, 19)
            truth.wait_until(lambda: self.state(p.pid) == "T")
            found = self.threads(p.pid)
            os.kill(p.pid, 18)
            self.assertEqual({t["state"] for ts in found.values() for t in ts}, {"stopped"})
            self.assertEqual(names(found["reader"][0]), PLACES["reader"])

        self.assertGreater(self.gap_of(stop), MAX_GAP_NS)


class Errors(Case):
    def refused(self, *args, status=1):
        done = self.bpfprof("dump", *args, status=status)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def test_nobody(self):
        p = self.start("sleep", "0")
        p.wait()
        self.assertIn(f"there is no process {p.pid}", self.refused("-p", p.pid))

    def test_zombie(self):
        p = self.start("sleep", "0")
        self.assertTrue(truth.wait_until(lambda: os.path.exists(f"/proc/{p.pid}/stat") and
                                         ") Z " in open(f"/proc/{p.pid}/stat").read()))
        self.assertIn("has ended", self.refused("-p", p.pid))

    def test_thread(self):
        over = threading.Event()
        t = threading.Thread(target=over.wait)
        t.start()
        self.addCleanup(t.join)
        self.addCleanup(over.set)
        said = self.refused("-p", t.native_id)
        self.assertIn(f"{t.native_id} is a thread of process {os.getpid()}", said)

    def test_kernel_thread(self):
        with open("/proc/2/comm", encoding="utf-8") as f:
            if f.read() != "kthreadd\n":
                self.skipTest("not the machine's first pid namespace")
        self.assertIn("thread of the kernel", self.refused("-p", "2"))

    def test_command_line(self):
        self.assertIn("which process?", self.refused(status=2))
        self.assertIn("--pid takes", self.refused("-p", "none", status=2))
        self.assertIn("no arguments", self.refused("-p", "1", "more", status=2))
        self.assertIn("exclude", self.refused("-p", "1", "-UK", status=2))

    def test_no_permission(self):
        if not shutil.which("setpriv"):
            self.skipTest("no setpriv")
        binary = self.path("bpfprof")
        shutil.copy2(truth.BPFPROF, binary)
        done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                               "--inh-caps=-all", binary, "dump", "-p", str(os.getpid())],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=truth.LIMIT_S, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("not allowed", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)


if __name__ == "__main__":
    truth.need_root_and_bpf()
    truth.main()
