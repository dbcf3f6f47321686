# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs work.py: when it is told to "go"; with the argument "whole" at once, and imports it then;
with "work FILE" or "whole FILE" the same under cProfile, into that file."""
import cProfile
import os
import sys
import threading

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


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


def whole(start):
    import work
    work.run(start)


def profile(function, path):
    p = cProfile.Profile(builtins=False)
    p.runcall(function, one_by_one)
    p.dump_stats(path)


def say(text):
    print(text, flush=True)


if sys.argv[1:] == ["whole"]:
    whole(in_threads)
elif sys.argv[1:2] == ["whole"]:
    profile(whole, sys.argv[2])
else:
    import work
    if sys.argv[1:]:
        profile(work.run, sys.argv[2])
    else:
        say("ready")
        for line in sys.stdin:
            work.run(in_threads)
            say("done")
