#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What bpfprof gc says of programs that collect nothing: who was watched, and that nobody was.

Usage: test_watched.py BPFPROF FOLDER
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "python_truth"), os.path.join(HERE, "..", "truth"),
                os.path.join(HERE, "..", "vm")]
import pythons  # noqa: E402
import truth  # noqa: E402

LIMIT_S = 60
IDLE = "import gc, os, sys\ngc.disable()\n%sprint('ready', flush=True)\nsys.stdin.readline()\n"
FORKS = "os.fork()\n"


class Idle:
    """A program that waits."""

    def __init__(self, command, lines, env=None, enter=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=env, preexec_fn=enter)
        self.pid = self.process.pid
        for _ in range(lines):
            self.process.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # What it forked reads the same end.
        self.process.stdin.close()
        self.process.wait()


def python(interpreter, forks=False, env=None):
    return Idle([interpreter.path, "-S", "-c", IDLE % (FORKS if forks else "")], 1 + forks, env,
                interpreter.enter)


def measure(options, status):
    done = subprocess.run([truth.BPFPROF, "gc", "-q", "-d", "500ms", *options], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          timeout=LIMIT_S)
    if done.returncode != status:
        raise RuntimeError("%s: exit status %d, not %d" % (options, done.returncode, status))
    return done.stdout


def said(*options, status=0):
    """What the report says below its head, and the same fact of the JSON report."""
    text = measure(options, status)
    report = json.loads(measure(("--json",) + options, status))
    found = re.search(r"^  no collections: (.*?)\n\n", text, re.M | re.S)
    lines = " ".join(found.group(1).split()) if found else text
    if lines != report.get("watched"):
        raise RuntimeError("the report says \"%s\", JSON \"%s\"" % (lines, report.get("watched")))
    return lines


def expect(what, have, want):
    print("%-12s %s" % (what, have), flush=True)
    if have != want:
        print("%-12s but it is: %s" % ("", want))
    return [what] if have != want else []


def stripped(folder, interpreter):
    """The environment in which its library has neither names nor probes; None: it has no library."""
    names = subprocess.run(["ldd", interpreter.path], stdout=subprocess.PIPE, text=True,
                           check=False).stdout
    found = re.search(r"(libpython\S+) => (\S+)", names)
    if not found:
        return None
    subprocess.run(["strip", "-o", os.path.join(folder, found.group(1)), found.group(2)],
                   check=True)
    return dict(os.environ, LD_LIBRARY_PATH=folder)


def check_stripped(folder, watched, name, found):
    """To 3.8 the collector can't be told from what is exported."""
    for old in found:
        env = stripped(folder, old) if old.version <= (3, 8) else None
        if not env:
            continue
        with python(old, env=env) as p, python(watched) as other:
            why = "could not watch Python %d.%d (pid %d): no probe in this build: neither USDT nor " \
                  "symbols" % (*old.version[:2], p.pid)
            return (expect("stripped", said("-p", str(p.pid), status=1), why) +
                    expect("one of two", said("-p", "%d,%d" % (p.pid, other.pid)),
                           "watched %s (pid %d); %s" % (name, other.pid, why)))
    print("skipped: stripped: no CPython to 3.8 with a library")
    return []


def check_late(interpreter):
    """A program of a program: its file is known only when it runs."""
    command = 'echo $$; exec "$0" -S -c "import time; time.sleep(0.3)"'
    done = subprocess.run([truth.BPFPROF, "gc", "--", "sh", "-c", command, interpreter.path],
                          check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=LIMIT_S)
    lines = [line for line in done.stderr.splitlines() if "before its probes" in line]
    return expect("late", lines, ["bpfprof: Python %d.%d, pid %s: it ran before its probes were "
                                  "there: what it did by then is not counted"
                                  % (*interpreter.version[:2], done.stdout.split()[0])])


def check(folder, found):
    watched = found[0]
    name = "Python %d.%d" % watched.version[:2]
    failed = []
    with python(watched) as a, python(watched) as b:
        failed += expect("one", said("-p", str(a.pid)), "watched %s (pid %d)" % (name, a.pid))
        failed += expect("two", said("-p", "%d,%d" % (a.pid, b.pid)),
                         "watched %s (2 processes)" % name)
    with python(watched, forks=True) as p:
        failed += expect("forked", said("-p", str(p.pid), "--children"),
                         "watched %s (2 processes)" % name)
    with Idle(["sleep", "30"], 0) as p:
        failed += expect("none", said("-p", str(p.pid)),
                         "no runtime that collects garbage was found in process %d" % p.pid)
        p.process.kill()
    failed += expect("a program", said("--", "sleep", "0.2"),
                     "no runtime that collects garbage was found in the program")
    return failed + check_stripped(folder, watched, name, found)


def main():
    truth.need_root_and_bpf()
    found = [p for p in pythons.every()[0] if p.version >= (3, 6)]
    if not found:
        truth.skip_all("no CPython is installed")
    folder = tempfile.mkdtemp(prefix="bpfprof-gc-", dir="/tmp")
    os.chmod(folder, 0o755)
    try:
        found.sort(key=lambda p: p.version, reverse=True)
        failed = check(folder, found)
        outside = [p for p in found if not p.root]
        if outside:
            failed += check_late(outside[0])
        else:
            print("skipped: late: no CPython outside of a root folder")
    finally:
        shutil.rmtree(folder, True)
    print("%d failed%s" % (len(failed), ": " + ", ".join(failed) if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
