# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""program.py FILE: a file that cProfile itself writes: calls that recur, directly and by turns, one
function by several callers, generators, built-in functions, exceptions. Any Python since 2.7."""
import cProfile
import sys
import time


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def even(n):
    time.sleep(0.0001)
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def numbers(n):
    for i in range(n):
        yield fib(i)


def fails(n):
    if n:
        fails(n - 1)
    raise ValueError(n)


def by_other_way(n):
    return even(n) + fib(n)


def main():
    out = []
    for i in numbers(12):
        out.append(i)
    even(20)
    by_other_way(7)
    out.sort(key=lambda x: -x)
    try:
        fails(5)
    except ValueError:
        pass
    return max(map(abs, out))


profile = cProfile.Profile()
profile.runcall(main)
profile.dump_stats(sys.argv[1])
