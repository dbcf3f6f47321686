# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""target.py [sub]: threads that sit at known places. Prints of each its thread pointer and what it
runs, leaf first, as lines `thread KIND POINTER NAME…`, then `ready`; ends when its input does."""
import functools
import os
import sys
import threading
import time


def names(frame):
    found = []
    while frame:
        code = frame.f_code
        found.append(getattr(code, "co_qualname", code.co_name))
        frame = frame.f_back
    return found


def say(kind, thread, frame):
    words = ["thread", kind, str(thread)] + [n.replace(" ", "_") for n in names(frame)]
    os.write(1, (" ".join(words) + "\n").encode())


def rest():
    while True:
        time.sleep(3600)


class Café:
    def method(self, _):
        rest()

    @staticmethod
    def generate(depth):
        if depth:
            yield from Café.generate(depth - 1)
        yield rest()


def through_c():
    list(map(Café().method, [1]))


def through_sort():
    sorted([2, 1], key=lambda n: functools.reduce(lambda a, b: through_c(), [n, n, n]))


def through_generators():
    for _ in Café.generate(5):
        pass


def deep(n=150):
    if n:
        deep(n - 1)
    rest()


def spin():
    n = 0
    while True:
        n += 1


SUB = """
import os, sys, _thread, time
def inner():
    frame, found = sys._getframe(), []
    while frame:
        found.append(getattr(frame.f_code, "co_qualname", frame.f_code.co_name))
        frame = frame.f_back
    os.write(1, (" ".join(["thread", %r, str(_thread.get_ident())] + found) + "\\n").encode())
    n = 0
    while %r:
        n += 1
        if n %% 300000 == 0:
            time.sleep(0.001)  # to 3.11 other interpreters can't ask it to let the GIL go
    while True:
        time.sleep(3600)
def outer():
    inner()
outer()
"""


def run_sub(kind, busy):
    """In an interpreter of its own, by what this version has for that."""
    code = SUB % (kind, busy)
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            module = __import__(name)
        except ImportError:
            continue
        module.run_string(module.create(), code)
        return
    import _testcapi
    _testcapi.run_in_subinterp(code)


def start(function, *args):
    thread = threading.Thread(target=function, args=args)
    thread.daemon = True
    thread.start()
    return thread.ident


def leaf():
    say("main", threading.get_ident(), sys._getframe())
    os.write(1, b"ready\n")
    sys.stdin.read()


def main():
    idle = {start(f): "idle" for f in (rest, through_c, through_sort, through_generators, deep)}
    if "sub" in sys.argv:
        start(run_sub, "sub-idle", False)
        time.sleep(0.3)
        start(run_sub, "sub-busy", True)
    else:
        idle[start(spin)] = "busy"
    time.sleep(0.5)
    for thread, frame in sys._current_frames().items():
        if thread in idle:
            say(idle[thread], thread, frame)
    leaf()


main()
