#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof cpu against programs that know how they spent their time.

Usage: test_cpu.py BPFPROF FOLDER-OF-PROGRAMS [Case.test ...]
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import truth
from truth import Case, Folded, executes, wait_until

HZ = 999
PARTS = ("burn_sixty", "burn_thirty", "burn_ten")


def copy_of(case, name, to):
    path = case.path(to)
    shutil.copy2(case.need(name), path)
    return path


class Shares(Case):
    """What share of the time a function, a thread or a process has."""

    def check_split(self, name):
        stacks = self.folded("cpu", "-F", HZ, "-d", 20, "--", self.need(name), 3,
                             self.path("result.json"))
        knows = self.result()
        all_ns = sum(knows[p] for p in PARTS)
        all_samples = sum(stacks.total(p) for p in PARTS)
        self.assertGreater(all_samples, 500, stacks.heaviest())
        for p in PARTS:
            self.assert_share(p, stacks.total(p) / all_samples, knows[p] / all_ns)
        # What is about to execute it still bears our name.
        self.assertEqual(set(stacks.by_comm()) - {name, "bpfprof"}, set(), stacks.heaviest())
        # As many samples as the CPU time that it had is worth, and nearly all in its functions.
        its_own = stacks.by_comm()[name]
        self.assertAlmostEqual(its_own / HZ, knows["cpu_ns"] / 1e9,
                               delta=0.05 * knows["cpu_ns"] / 1e9)
        self.assertGreater(all_samples / its_own, 0.95, stacks.heaviest())
        # Whole stacks: it was called by main(), but for a sample in its first instruction.
        whole = sum(s.count for s in stacks if s.has("burn_sixty") and s.has("main"))
        self.assertGreater(whole / stacks.total("burn_sixty"), 0.99, stacks.heaviest())

    def test_split(self):
        self.check_split("split")

    def test_static(self):
        self.check_split("split_static")

    def test_clock_and_cycles_agree(self):
        for event in ("cpu-clock", None):
            args = ("-e", event) if event else ()
            stacks = self.folded("cpu", "-F", HZ, "-d", 20, *args, "--", self.need("split"), 2,
                                 self.path("result.json"))
            knows = self.result()
            all_ns = sum(knows[p] for p in PARTS)
            all_samples = sum(stacks.total(p) for p in PARTS)
            for p in PARTS:
                self.assert_share(f"{p} by {event or 'the best clock'}",
                                  stacks.total(p) / all_samples, knows[p] / all_ns, 4.0)

    def test_threads(self):
        stacks = self.folded("cpu", "-F", HZ, "-d", 20, "--per-thread", "--",
                             self.need("threads"), 3, self.path("result.json"))
        knows = self.result()
        names = ("alpha", "beta", "gamma", "delta")
        by_first = stacks.by_comm()
        all_ns = sum(knows[n]["ns"] for n in names)
        firsts = {n: f"{n}-{knows['pid']}/{knows[n]['tid']}" for n in names}
        all_samples = sum(by_first[f] for f in firsts.values())
        self.assertGreater(all_samples, 500, by_first)
        for n in names:
            self.assert_share(n, by_first[firsts[n]] / all_samples, knows[n]["ns"] / all_ns)

    def test_brief_processes(self):
        stacks = self.folded("cpu", "-F", HZ, "-d", 60, "--", self.need("brief"), 100, 20,
                             self.path("result.json"))
        knows = self.result()
        named = stacks.total("brief_work")
        nameless = sum(s.count for s in stacks if s.nameless and not s.has("brief_work"))
        self.assertGreater(named, 0.8 * knows["count"] * knows["ns_each"] * HZ / 1e9,
                           stacks.heaviest())
        self.assertGreaterEqual(named / (named + nameless), 0.95, stacks.heaviest())

    def test_brief_processes_of_the_whole_system(self):
        child = self.start(self.need("brief"), 100, 20, self.path("result.json"))
        stacks = self.folded("cpu", "-F", HZ, "-d", 2, "--comm", "brief")
        child.wait(60)
        named = stacks.total("brief_work")
        nameless = sum(s.count for s in stacks if s.nameless and not s.has("brief_work"))
        self.assertGreater(named, 200, stacks.heaviest())
        self.assertGreaterEqual(named / (named + nameless), 0.95, stacks.heaviest())


class Names(Case):
    """Whose names are hard to get."""

    def check_function(self, stacks, name):
        its_own = stacks.executed()
        self.assertGreater(its_own, 200, stacks.heaviest())
        self.assertGreater(stacks.total(name) / its_own, 0.8, stacks.heaviest())

    def test_deleted(self):
        stacks = self.folded("cpu", "-F", HZ, "-d", 20, "--", self.need("deleted"),
                             self.need("named_deleted"), self.path("copy"), 1, "delete")
        self.assertFalse(os.path.exists(self.path("copy")))
        self.check_function(stacks, "deleted_work")

    def test_deleted_long_ago(self):
        copy = self.path("copy")
        child = self.start(self.need("deleted"), self.need("named_deleted"), copy, 20, "delete")
        self.assertTrue(wait_until(lambda: executes(child.pid, copy) and
                                   not os.path.exists(copy)))
        self.check_function(self.folded("cpu", "-F", HZ, "-d", 1, "-p", child.pid), "deleted_work")

    def test_replaced_by_another_file(self):
        """A file with another function at that offset took the place of the one that runs."""
        path = copy_of(self, "named_inner", "replaced")
        child = self.start(path, 20)
        self.assertTrue(wait_until(lambda: executes(child.pid, path)))
        shutil.copy2(self.need("named_outer"), path + ".new")
        os.rename(path + ".new", path)
        stacks = self.folded("cpu", "-F", HZ, "-d", 1, "-p", child.pid)
        self.assertEqual(stacks.total("outer_work"), 0, stacks.heaviest())
        self.check_function(stacks, "inner_work")

    def test_mount_namespace(self):
        path = copy_of(self, "named_outer", "prog")
        args = (self.need("nsroot"), "mount", self.need("named_inner"), path, 1)
        stacks = self.folded("cpu", "-F", HZ, "-d", 20, "--", *args)
        self.assertEqual(stacks.total("outer_work"), 0, stacks.heaviest())
        self.check_function(stacks, "inner_work")

    def test_mount_namespace_long_ago(self):
        path = copy_of(self, "named_outer", "prog")
        child = self.start(self.need("nsroot"), "mount", self.need("named_inner"), path, 20)
        self.assertTrue(wait_until(lambda: executes(child.pid, path)))
        stacks = self.folded("cpu", "-F", HZ, "-d", 1, "-p", child.pid)
        self.assertEqual(stacks.total("outer_work"), 0, stacks.heaviest())
        self.check_function(stacks, "inner_work")

    def test_chroot(self):
        """/prog of the chroot; the same path outside of it is nothing, or something else."""
        if not truth.program("split_static"):
            self.skipTest("no static libc to run below another root")
        os.mkdir(self.path("root"))
        shutil.copy2(self.need("named_inner"), self.path("root/prog"))
        stacks = self.folded("cpu", "-F", HZ, "-d", 20, "--", self.need("nsroot"), "chroot",
                             self.path("root"), "/prog", 1)
        self.check_function(stacks, "inner_work")

    def test_inlined_templates(self):
        chain = ("shapes::Grid<double, 64>::total", "shapes::Grid<double, 64>::row",
                 "shapes::Grid<double, 64>::cell")
        stacks = self.folded("cpu", "-F", HZ, "-d", 20, "--", self.need("template"), 1)
        whole = 0
        for s in stacks:
            at = [i for i, f in enumerate(s.frames) if f.startswith(chain[0])]
            if not at:
                continue
            self.assertFalse(s.frames[at[0]].endswith("_[i]"), s.frames)
            below = s.frames[at[0] + 1:at[0] + 3]
            if (len(below) == 2 and below[0].startswith(chain[1]) and
                    below[1].startswith(chain[2]) and all(f.endswith("_[i]") for f in below)):
                whole += s.count
        self.assertGreater(whole / max(stacks.executed(), 1), 0.8, stacks.heaviest())
        without = self.folded("cpu", "-F", HZ, "-d", 20, "--no-inline", "--",
                              self.need("template"), 1)
        self.assertFalse([f for s in without for f in s.frames if f.endswith("_[i]")])

    def test_node(self):
        node = shutil.which("node")
        if not node:
            self.skipTest("no node")
        script = 'echo $$ > pid; exec "$0" --perf-basic-prof --no-logfile-per-isolate "$@"'
        stacks = self.folded("cpu", "-F", HZ, "-d", 30, "--", "sh", "-c", script, node,
                             os.path.join(truth.SOURCES, "hot.js"), 3)
        with open(self.path("pid"), encoding="utf-8") as f:
            os.unlink(f"/tmp/perf-{f.read().strip()}.map")
        hot = sum(s.count for s in stacks
                  if any("hotLoop" in f and f.endswith("_[j]") for f in s.frames))
        self.assertGreater(hot / max(stacks.executed(), 1), 0.8, stacks.heaviest())

    def test_kernel(self):
        stacks = self.folded("cpu", "-F", HZ, "-d", 20, "--", "dd", "if=/dev/zero", "of=/dev/null",
                             "bs=1M", "count=20000", "status=none")
        kernel = sum(s.count for s in stacks if s.frames and s.frames[-1].endswith("_[k]"))
        self.assertGreater(kernel / max(stacks.executed(), 1), 0.5, stacks.heaviest())
        nameless = [f for s in stacks for f in s.frames
                    if f.endswith("_[k]") and re.match(r"\[?0x|\[kernel|\[unknown", f)]
        self.assertEqual(nameless, [])


def nr_below(pid):
    """How many processes a process started, and these, and so on."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as f:
        children = f.read().split()
    return len(children) + sum(map(nr_below, children))


class Filters(Case):
    """Only what was asked for."""

    def pair(self):
        """Two busy processes of different names, from here on until the end of the test."""
        a, b = copy_of(self, "split", "wanted"), copy_of(self, "split", "other")
        processes = self.start(a, 30), self.start(b, 30)
        self.assertTrue(wait_until(lambda: executes(processes[0].pid, a) and
                                   executes(processes[1].pid, b)))
        return processes

    def check_only(self, stacks, *comms):
        self.assertGreater(stacks.total("burn_sixty"), 50, stacks.heaviest())
        self.assertEqual(set(stacks.by_comm()), set(comms), stacks.heaviest())

    def test_nobody_filtered(self):
        self.pair()
        comms = self.folded("cpu", "-F", HZ, "-d", 1).by_comm()
        self.assertGreater(comms["wanted"], 100, comms)
        self.assertGreater(comms["other"], 100, comms)

    def test_pid(self):
        wanted, _ = self.pair()
        self.check_only(self.folded("cpu", "-F", HZ, "-d", 1, "-p", wanted.pid), "wanted")

    def test_two_pids(self):
        wanted, other = self.pair()
        self.check_only(self.folded("cpu", "-F", HZ, "-d", 1, "-p", f"{wanted.pid},{other.pid}"),
                        "wanted", "other")

    def test_children(self):
        """Those that a process starts from now on; without --children, none."""
        loop = f"while :; do {self.need('split')} 0.2; done"
        shell = self.start("sh", "-c", loop)
        self.pair()
        self.check_only(self.folded("cpu", "-F", HZ, "-d", 2, "-p", shell.pid, "--children",
                                    "--comm", "split"), "split")
        stacks = self.folded("cpu", "-F", HZ, "-d", 1, "-p", shell.pid)
        self.assertEqual(set(stacks.by_comm()) - {"sh"}, set(), stacks.heaviest())

    def test_the_end_is_measured(self):
        """What the kernel does to give back the memory of processes."""
        out = self.path("out.folded")
        script = "import os\nfor _ in range(4):\n    if not os.fork():\n" \
                 "        many = b'x' * (300 << 20)\n        os._exit(0)\n    os.wait()\n"
        self.bpfprof("cpu", "-q", "-F", HZ, "-o", out, "--", sys.executable, "-c", script)
        stacks = Folded.read(out)
        self.assertGreater(stacks.total("do_exit_[k]"), 0.02 * stacks.total(), stacks.heaviest())

    def test_children_that_run_already(self):
        """A child, and one of a child that does nothing itself; a stranger is none of them."""
        self.pair()
        child, grandchild = copy_of(self, "split", "child"), copy_of(self, "split", "grandchild")
        shell = self.start("sh", "-c", f"{child} 8 & sh -c '{grandchild} 8; :' & wait")
        self.assertTrue(wait_until(lambda: nr_below(shell.pid) == 3))
        self.check_only(self.folded("cpu", "-F", HZ, "-d", 2, "-p", shell.pid, "--children"),
                        "child", "grandchild")

    def test_tid(self):
        child = self.start(self.need("threads"), 30)

        def tids():
            found = {}
            for tid in os.listdir(f"/proc/{child.pid}/task"):
                with open(f"/proc/{child.pid}/task/{tid}/comm", encoding="utf-8") as f:
                    found[f.read().strip()] = tid
            return found

        self.assertTrue(wait_until(lambda: "delta" in tids()))
        stacks = self.folded("cpu", "-F", HZ, "-d", 2, "-t", tids()["beta"])
        self.assertEqual(set(stacks.by_comm()), {"beta"}, stacks.heaviest())
        self.assertGreater(stacks.total("burn_shared"), 50)

    def test_comm(self):
        self.pair()
        self.check_only(self.folded("cpu", "-F", HZ, "-d", 1, "--comm", "wanted"), "wanted")
        self.check_only(self.folded("cpu", "-F", HZ, "-d", 1, "--comm", "w?nt*"), "wanted")

    def test_cpu(self):
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) < 2:
            self.skipTest("one CPU only")
        wanted, other = self.pair()
        os.sched_setaffinity(wanted.pid, {cpus[0]})
        os.sched_setaffinity(other.pid, {cpus[1]})
        time.sleep(0.1)
        comms = self.folded("cpu", "-F", HZ, "-d", 1, "-C", cpus[0]).by_comm()
        self.assertGreater(comms["wanted"], 50, comms)
        self.assertEqual(comms["other"], 0, comms)

    def test_cgroup(self):
        with open("/proc/self/mounts", encoding="utf-8") as f:
            mounts = [line.split()[1] for line in f if line.split()[2] == "cgroup2"]
        if not mounts:
            self.skipTest("no cgroup v2 is mounted")
        group = os.path.join(mounts[0], f"bpfprof-truth-{os.getpid()}")
        inner = os.path.join(group, "inner")
        try:
            os.mkdir(group)
            self.addCleanup(os.rmdir, group)
            os.mkdir(inner)
            self.addCleanup(os.rmdir, inner)
        except OSError as e:
            self.skipTest(f"{mounts[0]}: {e}")
        wanted, _ = self.pair()
        # What is below the folder belongs to it.
        with open(os.path.join(inner, "cgroup.procs"), "w", encoding="utf-8") as f:
            f.write(str(wanted.pid))
        self.check_only(self.folded("cpu", "-F", HZ, "-d", 1, "--cgroup", group), "wanted")

    def test_user_and_kernel_only(self):
        args = ("-F", HZ, "-d", 1, "--", "dd", "if=/dev/zero", "of=/dev/null", "bs=4k",
                "count=2000000", "status=none")
        for s in self.folded("cpu", "-U", *args):
            self.assertFalse([f for f in s.frames if f.endswith("_[k]")], s.frames)
        for s in self.folded("cpu", "-K", *args):
            self.assertFalse([f for f in s.frames if not f.endswith("_[k]")], s.frames)


class CommandLine(Case):
    """Exit statuses and one-line errors."""

    def assert_one_line(self, done):
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("bpfprof: "), done.stderr)
        self.assertEqual(done.stdout, "")

    def test_outputs(self):
        names = ("o.pb.gz", "o.svg", "o.html", "o.json", "o.folded", "o.speedscope.json")
        outputs = [a for n in names for a in ("-o", self.path(n))]
        self.bpfprof("cpu", "-F", HZ, "-d", 20, *outputs, "--", self.need("split"), 1)
        first = {}
        for n in names:
            with open(self.path(n), "rb") as f:
                first[n] = f.read()
        self.assertTrue(first["o.pb.gz"].startswith(b"\x1f\x8b"))
        self.assertIn(b"<svg", first["o.svg"][:1000])
        self.assertIn(b"<html", first["o.html"][:1000].lower())
        for n in ("o.svg", "o.html"):
            self.assertIn(b"burn_sixty", first[n])
            self.assertIsNone(re.search(rb"(src|href)=[\"']https?:", first[n]))
        for n in ("o.json", "o.speedscope.json"):
            self.assertIn(b"burn_sixty", first[n])
        self.assertTrue(Folded.read(self.path("o.folded")).total("burn_sixty"))

    def test_folded_to_standard_output(self):
        child = self.start(self.need("split"), 20)
        done = self.bpfprof("cpu", "-F", HZ, "-d", 1, "-f", "folded", "-p", child.pid)
        stacks = Folded(truth.Stack(line) for line in done.stdout.splitlines())
        self.assertGreater(stacks.total("burn_sixty"), 50)

    def test_ctrl_c(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            child = self.start(self.need("split"), 20)
            out = self.path("out.folded")
            profiler = subprocess.Popen([truth.BPFPROF, "cpu", "-q", "-F", str(HZ), "-d", "100",
                                         "-p", str(child.pid), "-o", out],
                                        stdout=subprocess.DEVNULL)
            self.addCleanup(truth.stop, profiler)
            time.sleep(2)
            started = time.monotonic()
            profiler.send_signal(number)
            self.assertEqual(profiler.wait(20), 0)
            self.assertLess(time.monotonic() - started, 10)
            stacks = Folded.read(out)
            self.assertGreater(stacks.total("burn_sixty"), 100, stacks.heaviest())
            truth.stop(child)

    def test_status_of_the_program(self):
        self.bpfprof("cpu", "-q", "--", "sh", "-c", "exit 7", status=7)
        self.bpfprof("cpu", "-q", "--", "true")

    def test_program_is_measured_as_long_as_it_runs(self):
        """Also beside a process that goes on; and no longer: its rates are of its own time."""
        other = self.start(self.need("split"), 20)
        for more in ((), ("-p", other.pid)):
            began = time.monotonic()
            done = self.bpfprof("cpu", "--json", *more, "--", "sleep", "0.3")
            report = json.loads(done.stdout)
            self.assertGreaterEqual(report["duration_ns"], 0.3e9)
            self.assertLess(report["duration_ns"], 0.4e9)
            self.assertLess(time.monotonic() - began, 10)

    def test_program_that_is_not_there(self):
        done = self.bpfprof("cpu", "-q", "--", self.path("nothing"), status=None)
        self.assertIn(done.returncode, (1, 126, 127))
        self.assert_one_line(done)

    def test_pid_that_does_not_exist(self):
        gone = subprocess.Popen(["true"])
        gone.wait()
        self.assert_one_line(self.bpfprof("cpu", "-d", 1, "-p", gone.pid, status=1))

    def test_pid_that_ends(self):
        child = self.start(self.need("split"), 1)
        started = time.monotonic()
        stacks = self.folded("cpu", "-F", HZ, "-d", 60, "-p", child.pid)
        self.assertLess(time.monotonic() - started, 30)
        self.assertGreater(stacks.total("burn_sixty"), 50, stacks.heaviest())

    def test_frequencies(self):
        with open("/proc/sys/kernel/perf_event_max_sample_rate", encoding="utf-8") as f:
            limit = f.read().strip()
        for hz in ("0", str(int(limit) + 1), "99999999999999999999", "-1", "ten"):
            done = self.bpfprof("cpu", "-F", hz, "-d", 1, status=2)
            self.assert_one_line(done)
            self.assertIn(limit, done.stderr)

    def test_output_folder_that_is_missing(self):
        done = self.bpfprof("cpu", "-d", 1, "-o", self.path("no/such/out.svg"), status=None)
        self.assertIn(done.returncode, (1, 2))
        self.assert_one_line(done)


if __name__ == "__main__":
    truth.need_root_and_bpf()
    truth.main()
