#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof doctor -p PID on Pythons, and on all that is none, cannot be walked or cannot be read.

Usage: test_doctor_process.py BPFPROF FOLDER-OF-PROGRAMS [Case.test ...]
"""

import ctypes
import glob
import json
import os
import platform
import re
import shutil
import struct
import subprocess
import sys

import truth
from truth import Case

sys.path.insert(0, os.path.join(truth.SOURCES, "..", "python_truth"))
import pythons  # noqa: E402

NOBODY = 65534
STEPS = ["process", "mappings", "memory", "C library", "interpreter", "thread state", "loop",
         "threads"]

# Five threads: one that runs, three that wait, one of them deep down, and the first.
PROGRAM = """
import os, sys, threading, time
def spin():
    def down(n):
        return n and down(n - 1)
    while True:
        down(100)
def deep(n):
    if n:
        return deep(n - 1)
    threads.release()
    time.sleep(60)
sys.setrecursionlimit(5000)
threading.stack_size(64 << 20)
threads = threading.Semaphore(0)
for target, args in ((deep, (3000,)), (deep, (0,)), (deep, (1,)), (spin, ())):
    t = threading.Thread(target=target, args=args)
    t.daemon = True
    t.start()
for _ in range(3):
    threads.acquire()
os.write(1, b"ready")
time.sleep(60)
"""


class DoctorOfProcess(Case):
    def steps(self, pid, status, *prefix, **kwargs):
        """What it says of a process, by step: dictionaries."""
        done = subprocess.run([*prefix, truth.BPFPROF, "doctor", "-p", str(pid), "--json"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=truth.LIMIT_S, check=False, **kwargs)
        self.assertEqual(done.returncode, status, done.stderr + done.stdout)
        self.assertEqual(done.stderr, "")
        report = json.loads(done.stdout)
        self.assertEqual(report["pid"], pid)
        steps = {step["name"]: step for step in report["process"]}
        self.assertEqual([s for s in STEPS if s in steps], list(steps), "not in order")
        return steps

    def one_line(self, pid):
        """Of what is no process."""
        done = self.bpfprof("doctor", "-p", pid, status=1)
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr

    def said(self, steps, name, state, pattern):
        self.assertIn(name, steps)
        self.assertEqual(steps[name]["state"], state, steps[name])
        self.assertRegex(steps[name]["found"], pattern)

    def begun(self, *args, **kwargs):
        """A process of ours that has said "ready"."""
        p = subprocess.Popen(list(map(str, args)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             cwd=self.folder, **kwargs)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.stdin.close)
        self.addCleanup(truth.stop, p)
        self.assertEqual(p.stdout.read(5), b"ready", args)
        return p

    def executed(self, path, *args, **kwargs):
        """A process of ours that has come as far as executing `path`."""
        p = self.start(path, *args, cwd=self.folder, **kwargs)
        self.assertTrue(truth.wait_until(lambda: truth.executes(p.pid, os.path.realpath(path))))
        truth.wait_until(lambda: code_files(p.pid) > 1, 1)
        return p


def code_files(pid):
    """How many files it runs code of."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        fields = [line.rstrip("\n").split(None, 5) for line in f]
    return len({f[5] for f in fields if "x" in f[1] and len(f) > 5 and f[5].startswith("/")})


class Pythons(DoctorOfProcess):
    def check(self, python):
        script = self.path("program.py")
        with open(script, "w", encoding="utf-8") as f:
            f.write(PROGRAM)
        p = self.begun(python.path, script, preexec_fn=python.enter)
        steps = self.steps(p.pid, 0)
        self.assertEqual(list(steps), STEPS)
        self.assertEqual({s["state"] for s in steps.values()}, {"ok"}, steps)
        minor = python.version[1]
        self.said(steps, "process", "ok", r"^python3\S* \(/.*\), 64-bit")
        self.assertEqual("its root is " + (python.root or "-") in steps["process"]["found"],
                         bool(python.root))
        self.assertEqual("mount namespace of its own" in steps["process"]["found"],
                         bool(python.root))
        self.said(steps, "mappings", "ok", f"^code of {code_files(p.pid)} files$")
        self.said(steps, "C library", "ok", "^glibc, /")
        self.said(steps, "interpreter", "ok", rf"^Python 3\.{minor} in /.*python")
        self.said(steps, "thread state", "ok", "variable" if minor >= 12 else "holder of the GIL")
        self.said(steps, "loop", "ok", "says where" if minor >= 11 else "in [1-9] part")
        self.said(steps, "threads", "ok",
                  r"^5, of which the interpreter knows 5: 5 walked whole$")

    def test_each(self):
        found, missing = pythons.every()
        for name, why in missing.items():
            print("not tried: %s: %s" % (name, why))
        if not found:
            self.skipTest("there is no Python")
        for python in found:
            with self.subTest(python.name):
                self.check(python)

    def test_text(self):
        p = self.begun(sys.executable, "-c", "import os,time; os.write(1,b'ready');time.sleep(60)")
        text = self.bpfprof("doctor", "--pid", p.pid).stdout
        self.assertEqual(text.splitlines()[0], f"process {p.pid}:")
        self.assertEqual(len(text.splitlines()), 1 + len(STEPS))
        for name in STEPS:
            self.assertRegex(text, rf"(?m)^  ok +{name} +\S")

    def test_seen_by_another_user(self):
        binary = self.path("bpfprof")
        shutil.copy2(truth.BPFPROF, binary)
        os.chmod(binary, 0o755)
        p = self.begun(sys.executable, "-c", "import os,time; os.write(1,b'ready');time.sleep(60)")
        done = subprocess.run([binary, "doctor", "-p", str(p.pid)], stdout=subprocess.PIPE,
                              user=NOBODY, group=NOBODY, extra_groups=[], text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^  missing +mappings .*Permission denied")
        self.assertIn("cure: run it with sudo, or: sudo setcap ", done.stdout)

    def test_memory_that_a_filter_bars(self):
        if platform.machine() != "x86_64":
            self.skipTest("the filter is for x86-64")
        p = self.begun(sys.executable, "-c", "import os,time; os.write(1,b'ready');time.sleep(60)")
        steps = self.steps(p.pid, 1, preexec_fn=bar_process_vm_readv)
        self.assertEqual(list(steps)[-1], "memory")
        self.said(steps, "memory", "missing", "process_vm_readv: Operation not permitted")
        self.assertIn("seccomp", steps["memory"]["cure"])

    def test_version_that_nobody_knows(self):
        path = os.path.join(truth.PROGRAMS, "..", "runtime", "refused-3.16")
        if not os.path.exists(path):
            self.skipTest("tests/runtime was not built")
        steps = self.steps(self.executed(path, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL).pid, 1)
        self.assertEqual(list(steps)[-1], "interpreter")
        self.said(steps, "interpreter", "missing", r"^Python 3\.16: offsets unknown \(/.*3\.16\)$")

    def test_musl(self):
        path = os.path.join(truth.PROGRAMS, "..", "runtime", "fake-musl")
        if not os.path.exists(path):
            self.skipTest("tests/runtime was not built, or not with musl")
        p = self.executed(path, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        truth.wait_until(lambda: len(os.listdir(f"/proc/{p.pid}/task")) > 1)
        steps = self.steps(p.pid, 0)
        self.said(steps, "C library", "ok", "^musl, /")
        self.said(steps, "thread state", "ok", "a key of the C library")
        self.said(steps, "threads", "ok", "^2, of which the interpreter knows 2: 2 walked whole$")

    def test_too_deep(self):
        deep = ("def down(n):\n if n: return down(n - 1)\n os.write(1, b'ready')\n"
                " time.sleep(60)\n")
        p = self.begun(sys.executable, "-c", "import os, sys, threading, time\n" + deep +
                       "sys.setrecursionlimit(20000); threading.stack_size(512 << 20)\n"
                       "threading.Thread(target=down, args=(6000,)).start()")
        self.said(self.steps(p.pid, 0), "threads", "less",
                  "knows 2: 1 walked whole, 1 too deep to be walked to the root$")

    def test_not_initialised(self):
        libraries = [os.path.join(os.path.dirname(os.path.dirname(p.path)), "lib", "libpython*.so*")
                     for p in pythons.of_the_machine()]
        found = sorted(f for pattern in libraries for f in glob.glob(pattern)
                       if re.search(r"python3\.\d+m?\.so\.1\.0$", f))
        if not found:
            self.skipTest("there is no shared libpython")
        for library in found:
            with self.subTest(library):
                steps = self.steps(self.begun(self.need("loaded"), library).pid, 1)
                self.said(steps, "interpreter", "ok", "^Python 3")
                self.said(steps, "thread state", "missing", "^not initialised")


def bar_process_vm_readv():
    """A seccomp filter in this process: that call is not permitted."""
    allow, refuse = 0x7fff0000, 0x00050000 | 1
    code = struct.pack("=" + "HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, 310, 0x06, 0, 0, refuse,
                       0x06, 0, 0, allow)
    buffer = ctypes.create_string_buffer(code)
    program = struct.pack("@HP", 4, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


class Others(DoctorOfProcess):
    def test_named_like_python(self):
        path = self.path("python3.11")
        shutil.copy2(self.need("split"), path)
        p = self.executed(path, 60)
        steps = self.steps(p.pid, 1)
        self.assertEqual(list(steps), STEPS[:5])
        self.said(steps, "process", "ok", r"^python3\.11 \(")
        self.said(steps, "interpreter", "missing",
                  f"^no interpreter is known in any of its {code_files(p.pid)} files$")

    def test_static(self):
        steps = self.steps(self.executed(self.need("split_static"), 60).pid, 1)
        self.said(steps, "C library", "ok", "^no file of its own")
        self.said(steps, "interpreter", "missing", "^no interpreter is known in its 1 file$")

    def test_other_roots(self):
        inner = self.path("split")
        shutil.copy2(self.need("split_static"), inner)
        p = self.start(self.need("nsroot"), "chroot", self.folder, "/split", 60)
        self.assertTrue(truth.wait_until(lambda: truth.executes(p.pid, inner)))
        self.said(self.steps(p.pid, 1), "process", "ok", f"its root is {self.folder}$")
        outer = self.path("outer")
        shutil.copy2(self.need("split"), outer)
        p = self.start(self.need("nsroot"), "mount", inner, outer, 60)
        self.assertTrue(truth.wait_until(lambda: truth.executes(p.pid, outer)))
        steps = self.steps(p.pid, 1)
        self.said(steps, "process", "ok", "in a mount namespace of its own$")
        # The file that is seen at this path from here has four.
        self.said(steps, "mappings", "ok", "^code of 1 file$")

    def test_deleted(self):
        path, binary = self.path("gone"), self.path("bpfprof")
        shutil.copy2(self.need("split"), path)
        shutil.copy2(truth.BPFPROF, binary)
        for name in (path, binary):
            os.chmod(name, 0o755)
        nobody = dict(user=NOBODY, group=NOBODY, extra_groups=[])
        p = self.executed(path, 60, **nobody)
        os.unlink(path)
        self.said(self.steps(p.pid, 1), "mappings", "ok", "^code of")
        done = subprocess.run([binary, "doctor", "-p", str(p.pid)], stdout=subprocess.PIPE,
                              text=True, check=False, **nobody)
        self.assertEqual(done.returncode, 1)
        if "mappings   " not in done.stdout or "Permission denied" in done.stdout:
            self.skipTest("nobody may not look at processes of its own here")
        self.assertRegex(done.stdout, rf"(?m)^  less +mappings .* of which 1 can't be opened: "
                                      rf"{path} \(deleted\)$")
        self.assertIn("of which 1 can't be opened\n", done.stdout)

    def test_32_bits(self):
        if platform.machine() != "x86_64":
            self.skipTest("the program is for x86")
        path = self.path("small")
        code = b"\xb8\x1d\0\0\0\xcd\x80\xeb\xf7"  # pause() for ever
        with open(path, "wb") as f:
            f.write(b"\x7fELF\1\1\1" + bytes(9) +
                    struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0x8048054, 52, 0, 0, 52, 32, 1, 0, 0, 0))
            f.write(struct.pack("<8I", 1, 0, 0x8048000, 0x8048000, 84 + len(code),
                                84 + len(code), 5, 4096) + code)
        os.chmod(path, 0o755)
        try:
            p = self.start(path)
        except OSError as e:
            self.skipTest(f"programs of 32 bits do not run here: {e}")
        steps = self.steps(p.pid, 1)
        self.assertEqual(list(steps), ["process"])
        self.said(steps, "process", "missing", "of 32 bits")

    def test_kernel_thread(self):
        if open("/proc/2/comm", encoding="utf-8").read() != "kthreadd\n":
            self.skipTest("2 is no thread of the kernel here")
        steps = self.steps(2, 1)
        self.assertEqual(list(steps), ["process"])
        self.said(steps, "process", "missing", "^kthreadd: a thread of the kernel")

    def test_no_process(self):
        with subprocess.Popen(["true"]) as p:
            p.wait()
        self.assertIn(f"there is no process {p.pid}", self.one_line(p.pid))
        self.assertIn("there is no process 4194303", self.one_line(4194303))

    def test_thread(self):
        p = self.begun(sys.executable, "-c", PROGRAM)
        tid = max(map(int, os.listdir(f"/proc/{p.pid}/task")))
        self.assertIn(f"{tid} is a thread of process {p.pid}", self.one_line(tid))

    def test_zombie(self):
        pid = os.fork()
        if not pid:
            os._exit(0)
        self.addCleanup(os.waitpid, pid, 0)
        self.assertTrue(truth.wait_until(lambda: " Z " in stat(pid)))
        steps = self.steps(pid, 1)
        self.assertEqual(list(steps), ["process"])
        self.said(steps, "process", "missing", "it has ended, and waits for its parent")

    def test_first_thread_ended(self):
        p = self.start(sys.executable, "-c",
                       "import ctypes, threading, time\n"
                       "threading.Thread(target=time.sleep, args=(60,)).start()\n"
                       "ctypes.CDLL(None).syscall(60, 0)")
        if platform.machine() != "x86_64":
            self.skipTest("the number of exit() is that of x86-64")
        self.assertTrue(truth.wait_until(lambda: " Z " in stat(p.pid)))
        self.said(self.steps(p.pid, 1), "process", "missing", "its first thread has ended")


def stat(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return f.read()


class Compilers(DoctorOfProcess):
    """What compiles at run time is named by a map that it writes."""

    def node(self, *options):
        if not shutil.which("node"):
            self.skipTest("no node")
        script = ("process.stdout.write('ready');"
                  "setInterval(() => { let s = 0; for (let i = 0; i < 1e5; i++) s += i; }, 5)")
        p = self.begun("node", *options, "-e", script)
        self.addCleanup(remove, f"/tmp/perf-{p.pid}.map")
        return p.pid

    def test_node_without_map(self):
        steps = self.steps(self.node(), 1)
        self.said(steps, "interpreter", "missing", r"^Node\.js: .*/tmp/perf-\d+\.map.* not there$")
        self.assertEqual(steps["interpreter"]["cure"], "start it with node --perf-basic-prof")

    def test_node_with_map(self):
        pid = self.node("--perf-basic-prof")
        self.said(self.steps(pid, 0), "interpreter", "ok",
                  rf"^Node\.js: .*/tmp/perf-{pid}\.map.* is there$")

    def test_map_of_another_user(self):
        pid = self.node()
        with open(f"/tmp/perf-{pid}.map", "w", encoding="utf-8") as f:
            f.write("1000 10 anybody\n")
        os.chown(f.name, NOBODY, NOBODY)
        self.said(self.steps(pid, 1), "interpreter", "missing", "another user's")

    def test_java(self):
        if not shutil.which("java"):
            self.skipTest("no java")
        with open(self.path("Rest.java"), "w", encoding="utf-8") as f:
            f.write('class Rest { public static void main(String[] a) throws Exception {'
                    ' System.out.print("ready"); System.out.flush(); Thread.sleep(60000); } }')
        p = self.begun("java", f.name)
        steps = self.steps(p.pid, 1)
        self.said(steps, "interpreter", "missing", "^Java: .* not there$")
        self.assertIn(f"jcmd {p.pid} Compiler.perfmap", steps["interpreter"]["cure"])


def remove(path):
    if os.path.exists(path):
        os.unlink(path)


if __name__ == "__main__":
    if os.geteuid() != 0:
        truth.skip_all("not root")
    truth.main()
