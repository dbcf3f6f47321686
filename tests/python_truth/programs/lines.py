# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Time by line: each part is one line that burns it, told by its number. Where it says GAP, the
copy that is run has some hundred lines more: tables of lines need several entries for that."""
import sys
import time

from rounds import begin, clock, ending, note, tell

LIMIT_S = 60
ONES = [1] * 10000
spent = {}


def line():
    return sys._getframe(1).f_lineno


def timed(number, began):
    spent[number] = spent.get(number, 0) + clock() - began  # > *
    note(spent)  # > *


def straight(
        least,
        times):
    """Its first line is not the one of its work."""
    began = clock()  # > *
    number, total = line(), sum(sum(ONES) for _ in range(times))  # > line <genexpr>
    timed(number, began)  # > timed
    # GAP
    began = clock()  # > *
    number, total = line(), sum(sum(ONES) for _ in range(3 * times))  # > line <genexpr>
    timed(number, began)  # > timed
    if total > least:
        began = clock()  # > *
        number, total = line(), sum([sum(ONES) for _ in range(2 * times)])  # > line <listcomp>
        timed(number, began)  # > timed
    return total


def backwards(times):
    began = clock()  # > *
    for i in (lambda: range(times),  # > <lambda>
              # The loop's test is on a line before its end.
              None)[0]():  # > <lambda>
        try:
            # GAP
            i.nothing
        except AttributeError:
            total = sum(ONES)
        finally:
            total = sum(ONES)
    return began


def looped(times):
    total = 0
    began = clock()  # > *
    while total < times: total += 1
    timed(line() - 1, began)  # > timed line
    began = clock()  # > *
    for i in range(times): total += i
    timed(line() - 1, began)  # > timed line
    return total


def called(times):
    total = 0
    # GAP
    for i in range(times):
        total += i
    return total


def caller(times):
    began = clock()  # > *
    number = line(); called(times)  # > line called
    timed(number, began)  # > timed
    # GAP
    began = clock()  # > *
    number = line(); called(2 * times)  # > line called
    timed(number, began)  # > timed


def once():
    straight(1, 30)  # > straight
    backwards(30)  # > backwards
    looped(40000)  # > looped
    caller(30000)  # > caller


once()  # > once
spent.clear()
over = time.monotonic() + LIMIT_S
begin()  # > *
while not ending and time.monotonic() < over:
    once()  # > once
tell(spent)  # > *
