# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Interpreters in one process: what is run in the second one is a source of its own."""
import time

from rounds import begin, clock, ending, note, tell

LIMIT_S = 60
SOURCE = """
def inner_work(n):
    total = 0
    for i in range(n):
        total += i % 7
    return total


inner_work(300000)
"""


def by_old_module():
    import _xxsubinterpreters as module

    interpreter = module.create()  # > *
    return lambda: module.run_string(interpreter, SOURCE)  # > *


def by_module():
    import _interpreters as module

    interpreter = module.create()  # > *
    return lambda: module.exec(interpreter, SOURCE)  # > *


def way():
    for ways in (by_module, by_old_module):
        try:
            return ways()  # > *
        except ImportError:
            pass
    raise SystemExit("skipped: it has no module for other interpreters")


def outer_work(n):
    total = 0
    for i in range(n):
        total += i % 7
    return total


def inner():
    run()  # > * <lambda>


def outer():
    outer_work(200000)  # > outer_work


run = way()  # > way
spent = {"inner_work": 0, "outer_work": 0}
over = time.monotonic() + LIMIT_S
begin()  # > *
while not ending and time.monotonic() < over:
    for part in (inner, outer):
        began = clock()  # > *
        part()  # > inner outer
        spent[part.__name__ + "_work"] += clock() - began  # > *
        note(spent)  # > *
tell(spent)  # > *
