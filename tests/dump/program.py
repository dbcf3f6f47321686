# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""program.py FILE busy|idle: threads that stand at known places, for half a minute, and in FILE what
Python itself says of them: {tid: [[function, file, line], ...]}, innermost first. It does not move
after FILE is there, but for the first thread, which computes if it is to be busy."""
import ctypes
import json
import os
import sys
import threading
import time

SECONDS = 30
GETTID = 186  # x86-64; threading.get_native_id() came in 3.8
tids = {}
lock = threading.Lock()
pipe = os.pipe()


class Case:
    def method(self):
        self.held()

    @staticmethod
    def held():
        lock.acquire()


def sleeper():
    def inner(n):
        if n:
            return inner(n - 1)
        return time.sleep(SECONDS)
    inner(5)


def generator():
    for _ in range(3):
        yield os.read(pipe[0], 1)


def reader():
    return [c for c in generator()]


def through_c():
    """Python, C, Python, C, Python."""
    return sorted([2, 1], key=lambda x: list(map(Case().method.__func__, [Case()])))


def deep(n=200):
    if n:
        return deep(n - 1)
    return time.sleep(SECONDS)


def größe():
    time.sleep(SECONDS)


def run(function):
    tids[threading.current_thread().ident] = ctypes.CDLL(None).syscall(GETTID)
    function()


def stacks():
    found = {}
    for ident, frame in sys._current_frames().items():
        stack = []
        while frame:
            code = frame.f_code
            stack.append([getattr(code, "co_qualname", code.co_name), code.co_filename,
                          frame.f_lineno])
            frame = frame.f_back
        if ident in tids:
            found[tids[ident]] = stack
    return found


def spin(end):
    n = 0
    while time.time() < end:
        for i in range(1000):
            n += i
    return n


def main():
    sys.setrecursionlimit(5000)
    lock.acquire()
    for function in (sleeper, reader, through_c, deep, größe):
        threading.Thread(target=run, args=(function,), daemon=True).start()
    time.sleep(1)
    with open(sys.argv[1] + ".new", "w", encoding="utf-8") as f:
        json.dump(stacks(), f)
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    if sys.argv[2] == "busy":
        spin(time.time() + SECONDS)
    else:
        time.sleep(SECONDS)


main()
