#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The CPU time of programs that live shorter than bpfprof looks at them, against wait4(2). Of those
that had threads it is said only where a look came just before their end.

Usage: test_short.py BPFPROF FOLDER
       test_short.py run INTERPRETER   starts them, one after the other, and says what each used
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "python_truth"), os.path.join(HERE, "..", "truth"),
                os.path.join(HERE, "..", "vm")]

LIMIT_S = 60
# Without threads, and with: there is what they used behind that look.
APART = (0.02, 0.2)
NR = 12
# Of those without threads. The rest ended just before a look, and more do on a busy machine.
LEAST_KNOWN = 0.5
BURN = """import _thread, gc, sys, time
def burn(until):
    while time.process_time() < until:
        kept = [[n] for n in range(200)]
        gc.collect(0)
def run(end):
    burn(float(sys.argv[1]))
    end.release()
ends = [_thread.allocate_lock() for _ in range(int(sys.argv[2]))]
for end in ends:
    end.acquire()
    _thread.start_new_thread(run, (end,))
for end in ends:
    end.acquire()
burn(float(sys.argv[1]))
gc.collect()
"""


def run_all(interpreter):
    for i in range(NR):
        for threads in (0, 2):
            pid = os.posix_spawn(interpreter, [interpreter, "-I", "-S", "-c", BURN,
                                               str(0.03 + 0.01 * i), str(threads)], os.environ)
            used = os.wait4(pid, 0)[2]
            print("used %d %d %.6f" % (pid, threads, used.ru_utime + used.ru_stime), flush=True)
    # The kernel frees them in a while, and bpfprof looks four times a second.
    time.sleep(1)


def known(report):
    """{pid: seconds of CPU time}"""
    found = {}
    for row in report["rows"]:
        if row.get("cpu_share"):
            found[row["labels"]["pid"]] = row["total_ns"] / row["cpu_share"] / 1e9
    return found


def main():
    import pythons
    import truth
    truth.need_root_and_bpf()
    interpreters = [p for p in pythons.every()[0] if p.name.startswith("pyenv")] or \
        pythons.every()[0]
    if not interpreters:
        truth.skip_all("no CPython is installed")
    with tempfile.TemporaryDirectory(prefix="bpfprof-gc-") as folder:
        out = os.path.join(folder, "out.json")
        said = subprocess.run([truth.BPFPROF, "gc", "-q", "-o", out, "--", sys.executable,
                               os.path.abspath(__file__), "run", interpreters[-1].path],
                              stdout=subprocess.PIPE, text=True, check=True,
                              timeout=LIMIT_S).stdout
        with open(out, encoding="utf-8") as f:
            found = known(json.load(f))
    nr, failed = [0, 0], 0
    for pid, threads, used in re.findall(r"^used (\d+) (\d+) (\S+)$", said, re.M):
        have = found.get(int(pid))
        if have is None:
            continue
        nr[threads != "0"] += 1
        if abs(have - float(used)) > APART[threads != "0"] * float(used):
            failed += 1
            print("%s, %s threads: %.2f ms, it was %.2f" % (pid, threads, 1e3 * have,
                                                           1e3 * float(used)))
    print("known: %d of %d without threads, %d of %d with threads; %d wrong" % (nr[0], NR, nr[1], NR,
                                                                              failed))
    return 1 if failed or nr[0] < LEAST_KNOWN * NR else 0


if __name__ == "__main__":
    sys.exit(run_all(sys.argv[2]) if sys.argv[1:2] == ["run"] else main())
