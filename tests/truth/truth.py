# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Running bpfprof and reading what it wrote, for the tests beside this file."""

import collections
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

SKIPPED = 77  # what ctest takes for "could not be tried"
LIMIT_S = 120

BPFPROF = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "bpfprof"
PROGRAMS = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else "."
SOURCES = os.path.dirname(os.path.abspath(__file__))


def skip_all(reason):
    print("skipped: " + reason)
    sys.exit(SKIPPED)


def need_root_and_bpf():
    """Ends the test, with the reason, where nothing can be measured at all."""
    if not os.path.exists(BPFPROF):
        sys.exit(BPFPROF + " is not there")
    if os.geteuid() != 0:
        skip_all("not root")
    refused = refusal()
    if refused:
        skip_all(refused)


def refusal():
    """Why this kernel takes no BPF program from anybody, by the system call itself; or None."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    attr = ctypes.create_string_buffer(128)
    # BPF_MAP_CREATE of an array {u32: u64} with one entry.
    for at, value in ((0, 2), (4, 4), (8, 8), (12, 1)):
        attr[at:at + 4] = value.to_bytes(4, sys.byteorder)
    number = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine)
    if number is None:
        return "unknown machine " + os.uname().machine
    fd = libc.syscall(number, 0, attr, len(attr))
    if fd < 0:
        return "bpf(): " + os.strerror(ctypes.get_errno())
    os.close(fd)
    return None


def program(name):
    path = os.path.join(PROGRAMS, name)
    return path if os.path.exists(path) else None


class Stack:
    """A folded line: names from the root to the leaf, and a count."""

    def __init__(self, line):
        text, count = line.rsplit(" ", 1)
        names = text.split(";")
        self.comm, self.frames, self.count = names[0], names[1:], int(count)

    def has(self, name):
        return any(f == name or f.startswith(name + "(") for f in self.frames)

    @property
    def nameless(self):
        """Has a user frame that is [module+0x...]."""
        return any(f.startswith("[") and not f.endswith("_[k]") for f in self.frames)


class Folded(list):
    @classmethod
    def read(cls, path):
        with open(path, encoding="utf-8") as f:
            return cls(Stack(line.rstrip("\n")) for line in f if line.strip())

    def total(self, name=None):
        return sum(s.count for s in self if name is None or s.has(name))

    def executed(self):
        """All but those of the child that is about to execute the program, under our name."""
        return sum(s.count for s in self if s.comm != "bpfprof")

    def by_comm(self):
        sums = collections.Counter()
        for s in self:
            sums[s.comm] += s.count
        return sums

    def heaviest(self, nr=6):
        return "\n".join(f"  {s.count:6} {s.comm};{';'.join(s.frames)}"
                         for s in sorted(self, key=lambda s: -s.count)[:nr])


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="bpfprof-truth-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(shutil.rmtree, self.folder, True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def need(self, name):
        path = program(name)
        if not path:
            self.skipTest(name + " was not built")
        return path

    def bpfprof(self, *args, status=0):
        """Runs it to its end; fails the test unless it exits with `status`."""
        done = subprocess.run([BPFPROF, *map(str, args)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False,
                              cwd=self.folder)
        if status is not None and done.returncode != status:
            self.fail(f"exit status {done.returncode}, not {status}: bpfprof "
                      f"{' '.join(map(str, args))}\n{done.stderr}")
        return done

    def folded(self, mode, *args, status=0):
        """The stacks of a run: bpfprof MODE -o FILE ARGS."""
        out = self.path("out.folded")
        self.bpfprof(mode, "-q", "-o", out, *args, status=status)
        return Folded.read(out)

    def start(self, *args, **kwargs):
        """A process of ours, ended with the test. Its output is thrown away."""
        p = subprocess.Popen(list(map(str, args)), stdout=subprocess.DEVNULL, **kwargs)
        self.addCleanup(stop, p)
        return p

    def result(self, name="result.json"):
        with open(self.path(name), encoding="utf-8") as f:
            return json.load(f)

    def assert_share(self, what, measured, truth, points=3.0):
        self.assertLessEqual(abs(measured - truth) * 100, points,
                             f"{what}: {measured:.1%}, and it is {truth:.1%}")


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def executes(pid, path):
    """Whether the process has come as far as executing `path`."""
    try:
        return os.readlink(f"/proc/{pid}/exe").startswith(path)
    except OSError:
        return False


def main():
    sys.argv = sys.argv[:1] + sys.argv[3:]
    runner = unittest.TextTestRunner(verbosity=2)
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    if len(sys.argv) > 1:
        suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:], sys.modules["__main__"])
    done = runner.run(suite)
    sys.exit(0 if done.wasSuccessful() and done.testsRun else 1)
