#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof io against fio, and against the kernel's own account of the disk.

Usage: test_io.py BPFPROF FOLDER-OF-PROGRAMS [Case.test ...]

fio's clat runs from before the system call to after it; a block latency from issue to completion
is a part of it. What lies between is the way through the system call, the file system and the
block layer, the interrupt and waking the caller: some microseconds that do not depend on the disk.
"""

import json
import os
import shutil
import subprocess
import sys

import truth
from truth import Case

SIZE = "64m"
SECONDS = 3
# The edges of a run: blocks of fio's own files and of its libraries, read as it starts.
EDGE = 64
# For milliseconds at a time this kernel does not run programs at block_rq_complete (run_cnt of
# bpftool prog says so); bpfprof finds out and counts such requests as lost. At most so many of all:
LEFT_OUT = 0.01
# What the way around the block layer may cost a request, in nanoseconds, beside the 5 %.
AROUND_NS = 25000


def device_of(path):
    """The whole disk that a path is on, as its name in /sys/block; None: on no disk."""
    number = os.stat(path).st_dev
    link = f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"
    if not os.path.exists(link):
        return None
    folder = os.path.realpath(link)
    if os.path.exists(os.path.join(folder, "partition")):
        folder = os.path.dirname(folder)
    return os.path.basename(folder)


def disk_reads(device):
    """(reads, nanoseconds they took) since boot: Documentation/block/stat.rst."""
    with open(f"/sys/block/{device}/stat", encoding="utf-8") as f:
        fields = f.read().split()
    return int(fields[0]), int(fields[3]) * 1000000


class Fio(Case):
    def setUp(self):
        super().setUp()
        # /tmp may be memory: beside the programs, which are on a disk if anything is.
        self.file = os.path.join(truth.PROGRAMS, f"fio-{os.getpid()}.data")
        self.device = device_of(truth.PROGRAMS)
        if not self.device:
            self.skipTest(f"{truth.PROGRAMS} is on no disk")
        self.addCleanup(lambda: os.path.exists(self.file) and os.unlink(self.file))
        self.fio("--create_only=1")

    def job(self, *more):
        return [shutil.which("fio"), "--name=truth", f"--filename={self.file}", f"--size={SIZE}",
                "--rw=randread", "--bs=4k", "--direct=1", "--ioengine=psync", "--iodepth=1",
                "--numjobs=1", "--time_based", f"--runtime={SECONDS}", "--randrepeat=0",
                "--percentile_list=50:99", "--output-format=json",
                "--output=" + self.path("fio.json"), *more]

    def fio(self, *more):
        done = subprocess.run(self.job(*more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=truth.LIMIT_S, check=False)
        if done.returncode:
            self.skipTest("fio: " + done.stdout.strip())

    def measure(self, *options):
        """fio under bpfprof: (what fio says of its reads, the rows of reads of the disk)."""
        done = self.bpfprof("io", "--latency", "--json", "-q", "-d", 60, *options, "--",
                            *self.job())
        with open(self.path("fio.json"), encoding="utf-8") as f:
            job = json.load(f)["jobs"][0]["read"]
        report = json.loads(done.stdout)
        self.assertEqual(report["mode"], "io")
        self.lost = report["quality"]["lost"] + report["quality"]["unfinished"]
        self.assertLessEqual(report["quality"]["lost"], LEFT_OUT * job["total_ios"])
        rows = [r for r in report["rows"] if r["labels"]["op"] == "read" and
                r["labels"]["device"] == self.device]
        return job, rows

    @staticmethod
    def say(*line):
        print("   ", *line, file=sys.stderr)

    def check_count(self, row, job):
        """Every request of fio's is counted or known to be lost, but for a few lost last."""
        self.assertGreaterEqual(row["count"] + self.lost, job["total_ios"] - 8)
        self.assertLessEqual(row["count"], 1.001 * job["total_ios"] + EDGE)

    def check_row(self, row):
        """The parts of a row agree with each other."""
        buckets = row["buckets"]
        self.assertEqual(sum(b[2] for b in buckets), row["count"])
        self.assertEqual(buckets, sorted(buckets))
        for low, high, _ in buckets:
            self.assertLessEqual(high - low, max(1, low / 16))
        self.assertLessEqual(buckets[0][0], row["min_ns"])
        self.assertLess(row["max_ns"], buckets[-1][1])
        self.assertLessEqual(row["min_ns"], row["p50_ns"])
        self.assertLessEqual(row["p50_ns"], row["p99_ns"])
        self.assertLessEqual(row["p99_ns"], row["max_ns"])
        least = sum(b[0] * b[2] for b in buckets)
        most = sum(b[1] * b[2] for b in buckets)
        self.assertTrue(least <= row["total_ns"] <= most, (least, row["total_ns"], most))

    def test_latency(self):
        reads_before, ns_before = disk_reads(self.device)
        job, rows = self.measure()
        reads, ns = (b - a for a, b in zip((reads_before, ns_before), disk_reads(self.device)))
        self.assertEqual(len(rows), 1, rows)
        row = rows[0]
        self.check_row(row)
        self.say(f"reads: fio {job['total_ios']}, bpfprof {row['count']}, the disk {reads}")
        self.check_count(row, job)
        self.check_mean(row, reads, ns)
        clat = job["clat_ns"]
        for name, truth_ns in (("p50_ns", clat["percentile"]["50.000000"]),
                               ("p99_ns", clat["percentile"]["99.000000"]),
                               ("mean", clat["mean"])):
            ours = row["total_ns"] / row["count"] if name == "mean" else row[name]
            self.say(f"{name}: fio's clat {truth_ns:.0f}, block {ours:.0f}, "
                     f"around it {truth_ns - ours:.0f} ({1 - ours / truth_ns:.1%})")
            # A part is not longer than the whole, but for both sides' buckets.
            self.assertLessEqual(ours, truth_ns * 1.05, name)
            self.assertGreaterEqual(ours, truth_ns * 0.95 - AROUND_NS, name)

    def check_mean(self, row, reads, ns):
        """By the kernel's own clock, from the request's making to its end: with the queue, and with
        what bpfprof itself does when a request is inserted."""
        kernel, ours = ns / reads, row["total_ns"] / row["count"]
        self.say(f"mean: the kernel's account {kernel:.0f}, block {ours:.0f}")
        if reads <= row["count"] * 1.02:
            self.assertLessEqual(ours, kernel * 1.02)
            self.assertGreaterEqual(ours, kernel * 0.95 - AROUND_NS)

    def test_histogram_spans_what_fio_saw(self):
        job, rows = self.measure()
        self.assertLessEqual(rows[0]["min_ns"], job["clat_ns"]["min"])
        self.assertLessEqual(rows[0]["max_ns"], job["clat_ns"]["max"] * 1.05 + 1000000)

    def test_only_of_the_process(self):
        """Another fio on the same disk is not counted."""
        other = self.start(*self.job("--output=" + self.path("other.json"), "--runtime=30"))
        job, rows = self.measure()
        truth.stop(other)
        self.check_count(rows[0], job)

    def test_queue(self):
        job, rows = self.measure("-Q")
        phases = {r["labels"]["phase"]: r for r in rows}
        self.assertIn("device", phases)
        self.check_count(phases["device"], job)
        with open(f"/sys/block/{self.device}/queue/scheduler", encoding="utf-8") as f:
            scheduled = "[none]" not in f.read()
        if "queue" in phases:
            self.check_row(phases["queue"])
            self.assertLessEqual(phases["queue"]["count"], phases["device"]["count"])
        elif scheduled:
            self.say("a scheduler, and no request waited in its queue")

    def test_stacks(self):
        """Who caused it: reads of fio's job come from its system call."""
        stacks = self.folded("io", "-d", 60, "--", *self.job())
        self.assertEqual(set(stacks.by_comm()), {"fio"}, stacks.heaviest())
        reads = sum(s.count for s in stacks if any("pread" in f for f in s.frames))
        self.assertGreater(reads / stacks.total(), 0.9, stacks.heaviest())

    def test_slower(self):
        done = self.bpfprof("io", "--slower", "1ns", "-d", 60, "--json", "-q", "--",
                            *self.job("--runtime=1"))
        report = json.loads(done.stdout)
        count = sum(r["count"] for r in report["rows"])
        listed = [line for line in done.stderr.splitlines() if " fio " in line]
        self.assertGreater(len(listed), 0.95 * count)


if __name__ == "__main__":
    truth.need_root_and_bpf()
    if not shutil.which("fio"):
        truth.skip_all("no fio")
    truth.main()
