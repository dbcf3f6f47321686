# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs work.py when it is told to: "warm", "go"; or, with an argument, under cProfile, into that
file."""
import cProfile
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import work  # noqa: E402


def in_threads(functions):
    threads = [threading.Thread(target=f) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


# cProfile knows one thread, or mixes them up.
def one_by_one(functions):
    for f in functions:
        f()


def profile(path):
    p = cProfile.Profile(builtins=False)
    p.runcall(work.run, one_by_one)
    p.dump_stats(path)


# Before a process was seen to call anything it is not known how it is to be looked at.
def warm():
    for _ in range(400):
        time.sleep(0.001)
        work.leaf(0)


def say(text):
    print(text, flush=True)


if len(sys.argv) > 1:
    profile(sys.argv[1])
else:
    say("ready")
    for line in sys.stdin:
        if line == "warm\n":
            warm()
            say("warm")
        elif line == "go\n":
            work.run(in_threads)
            say("done")
