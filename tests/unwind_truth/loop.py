# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""loop.py SECONDS: Python that calls C that calls Python; runs in any since 3.6."""
import functools
import re
import sys
import time


class Key:
    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        return self.n < other.n

    def __hash__(self):
        return hash(self.n % 97)

    def __eq__(self, other):
        return self.n == other.n


def recurse(n):
    return n and recurse(n - 1) + 1


def generated(n):
    for i in range(n):
        yield functools.reduce(lambda a, b: a + b, range(i % 20), 0)


def main():
    end = time.time() + float(sys.argv[1])
    total = 0
    while time.time() < end:
        keys = sorted((Key(i * 7919 % 500) for i in range(500)))
        total += len({k: k.n for k in keys}) + sum(map(recurse, range(30))) + sum(generated(100))
        total += len(re.sub(r"(\w+) (\w+)", lambda m: m.group(2) + m.group(1), "ab cd " * 100))
        try:
            total += int("x")
        except ValueError as e:
            total += len(str(e))
    print(total)


main()
