# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""All ways by which one Python function comes to run another one, in one thread."""
import asyncio
import functools
import hashlib
import json
import sys
import time
import zlib

from rounds import begin, clock, ending, note, tell

LIMIT_S = 60
DEPTH = 3000
DATA = bytes(range(256)) * 7
TREE = {"key%d" % i: [i, {"name": "x" * i}] for i in range(60)}


def heavy():
    total = 0
    for i in range(75000):
        total += i * i % 7
    return total


def light():
    total = 0
    for i in range(25000):
        total += i * i % 7
    return total


def functions():
    heavy()  # > heavy
    light()  # > light


class Shape:
    def __init__(self, n):
        self.n = n

    def area(self):
        total = 0
        for i in range(self.n):
            total += i % 5
        return total

    def scaled(self):
        return self.area() * 2  # > area

    def of(cls, n):
        total = 0
        for i in range(20000):
            total += i % 5
        return cls(n)  # > __init__

    of = classmethod(of)

    def plain():
        total = 0
        for i in range(10000):
            total += i % 3
        return total

    plain = staticmethod(plain)

    class Inner:
        def __call__(self, n):
            total = 0
            for i in range(n):
                total += i % 11
            return total


def methods():
    shape = Shape.of(40000)  # > of
    shape.scaled()  # > scaled
    Shape.plain()  # > plain
    Shape.Inner()(20000)  # > __call__


def produced(n):
    for i in range(n):
        total = 0
        for j in range(500):
            total += i ^ j
        yield total


def delegated(n):
    yield from produced(n)  # > produced


def generators():
    total = 0
    for value in produced(60):  # > produced
        for i in range(300):
            total += value & i
    for value in delegated(60):  # > delegated
        total += value
    return total


def squared(i):
    total = 0
    for j in range(200):
        total += i * j
    return total


def comprehensions():
    first = [squared(i) for i in range(100)]  # > squared
    second = {i: squared(i) for i in range(100)}  # > squared
    third = sum(squared(i) for i in range(100))  # > squared <genexpr>
    return first, second, third


def mapped(i):
    total = 0
    for j in range(400):
        total += i * j
    return total


def key_of(i):
    total = 0
    for j in range(300):
        total += j
    return (i * 7919) % 1009


def added(a, b):
    for j in range(300):
        b += j
    return a + b


def partly(a, b):
    total = 0
    for j in range(20000):
        total += a * b
    return total


def callbacks():
    list(map(mapped, range(100)))  # > mapped
    sorted(range(100), key=key_of)  # > key_of
    functools.reduce(added, range(100))  # > added
    functools.partial(partly, 3)(4)  # > partly
    max(range(100), key=lambda i: mapped(i))  # > <lambda> mapped


def descend(n):
    if n:
        return descend(n - 1)  # > descend
    total = 0
    for i in range(150000):
        total += i % 13
    return total


def recursion():
    return descend(DEPTH)  # > descend


def fail(n):
    total = 0
    for i in range(n):
        total += i % 3
    raise ValueError(total)


def passed(n):
    try:
        fail(n)  # > fail
    finally:
        for i in range(n):
            n ^= i


def exceptions():
    total = 0
    for i in range(20):
        try:
            passed(1500)  # > passed
        except ValueError as e:
            total += handled(e)  # > handled
    return total


def handled(error):
    total = 0
    for i in range(1500):
        total += i
    return total


def compressed():
    for i in range(60):
        zlib.compress(DATA, 6)


def hashed():
    for i in range(1200):
        hashlib.sha256(DATA)


def dumped():
    # With no indent= the whole is done in C.
    for i in range(40):
        json.dumps(TREE)  # > *


def beneath():
    compressed()  # > compressed
    hashed()  # > hashed
    dumped()  # > dumped


async def awaited(n):  # < library
    total = 0
    for i in range(n):
        total += i % 17
    await asyncio.sleep(0)  # > *
    for i in range(n):
        total += i % 19
    return total


async def awaiting(n):  # < library
    return await awaited(n)  # > awaited


async def gathered():  # < library
    await asyncio.gather(awaiting(20000), awaited(20000))  # > * awaiting awaited


def tasks():
    loop.run_until_complete(gathered())  # > * gathered


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
sys.setrecursionlimit(DEPTH + 200)
PARTS = [functions, methods, generators, comprehensions, callbacks, recursion, exceptions, beneath,
         tasks]
for part in PARTS:
    part()  # > PARTS
spent = dict.fromkeys((part.__name__ for part in PARTS), 0)
over = time.monotonic() + LIMIT_S
begin()  # > *
while not ending and time.monotonic() < over:
    for part in PARTS:
        began = clock()  # > *
        part()  # > PARTS
        spent[part.__name__] += clock() - began  # > *
        note(spent)  # > *
tell(spent, depth=DEPTH)  # > *
