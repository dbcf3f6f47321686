# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""python_work.py FILE: what the guest's Python does until the file is there: parts that know what
they took. It needs no module that is a file."""
import posix
import sys
import time


def clock():
    return time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)


def heavy():
    total = 0
    for i in range(3000):
        total += i % 7
    return total


def light():
    total = 0
    for i in range(1000):
        total += i % 7
    return total


class Shape:
    def area(self):
        total = 0
        for i in range(1500):
            total += i % 5
        return total


def produced():
    for i in range(10):
        total = 0
        for j in range(100):
            total += i ^ j
        yield total


def generators():
    for _ in produced():
        pass


def key_of(i):
    total = 0
    for j in range(50):
        total += j
    return -i


def callbacks():
    sorted(range(20), key=key_of)


PARTS = [heavy, light, Shape().area, generators, callbacks]
spent = [0] * len(PARTS)
print("ready", flush=True)
while not posix.access(sys.argv[1], 0):
    for at, part in enumerate(PARTS):
        began = clock()
        part()
        spent[at] += clock() - began
for part, used in zip(PARTS, spent):
    print("%s %.6f" % (part.__name__, used), flush=True)
