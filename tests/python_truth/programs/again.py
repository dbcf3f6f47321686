# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""An interpreter that is entered again by one that it runs: a callback, which to 3.11 runs in the
first one's state, whose frames then are on both sides of the second one's."""
import ctypes
import time

from rounds import begin, clock, ending, note, tell

LIMIT_S = 60
SOURCE = """
import ctypes


def within():
    ctypes.CFUNCTYPE(None)(%d)()


within()
"""


def back():
    total = 0
    for i in range(300000):
        total += i % 7


def outer():
    module.run_string(interpreter, SOURCE % address)


try:
    import _xxsubinterpreters as module
except ImportError:
    raise SystemExit("skipped: it has no module for other interpreters")
callback = ctypes.CFUNCTYPE(None)(back)
address = ctypes.cast(callback, ctypes.c_void_p).value
interpreter = module.create()
spent = {"back": 0}
over = time.monotonic() + LIMIT_S
begin()
while not ending and time.monotonic() < over:
    began = clock()
    outer()
    spent["back"] += clock() - began
    note(spent)
tell(spent)
