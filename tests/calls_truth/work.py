# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The same calls each time, of every kind that Python has. `start` runs functions, each in a thread
of its own or not."""
import contextlib
import functools
import sys
import types

ROUNDS = 3
# Once: cProfile keeps one of several functions of one name and place.
MADE = compile("for i in range(5): leaf(i)", "made", "exec")
# Their names stay: one after the other, they come to lie at the end of what memory there is.
NAMES = []


def leaf(n):
    return n + 1


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


# Kernels keep 64 returns of nested calls.
def deep(n):
    leaf(n)
    return deep(n - 1) if n else 0


def numbers(n):
    for i in range(n):
        yield leaf(i)


def outer_numbers(n):
    yield from numbers(n)
    yield -1


def generators():
    for i in numbers(40):
        leaf(i)
    list(outer_numbers(20))
    # From 3.13 on closing one runs nothing in it, but where a profiler wants to see that.
    abandoned = [next(numbers(5)) for _ in range(3 if sys.version_info < (3, 13) else 0)]
    unstarted = numbers(3)
    del unstarted
    return sum(numbers(10)) + len(abandoned)


def listener():
    got = 0
    while True:
        try:
            got = yield leaf(got)
        except KeyError:
            got = -1


def thrown():
    g = listener()
    next(g)
    for i in range(7):
        g.send(i)
        g.throw(KeyError())
    g.close()


def fails(n):
    if n == 0:
        raise ValueError(n)
    fails(n - 1)


def tidies(n):
    try:
        fails(n)
    finally:
        leaf(n)


def exceptions():
    for i in range(20):
        try:
            tidies(i)
        except ValueError:
            pass


def key(x):
    return -x


def add(a, b):
    return leaf(a) + b


class Item:
    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        return self.n < other.n

    @property
    def double(self):
        return leaf(self.n) * 2


def from_c():
    sorted(range(100), key=key)
    list(map(leaf, range(60)))
    functools.reduce(add, range(30))
    items = sorted(Item(i * 7 % 31) for i in range(31))
    return sum(i.double for i in items)


def decorated(f):
    @functools.wraps(f)
    def inner(*args):
        return f(*args)
    return inner


@decorated
def wrapped(n):
    return leaf(n)


@contextlib.contextmanager
def managed():
    leaf(0)
    yield
    leaf(1)


def closures():
    total = 0
    for i in range(25):
        total += wrapped(i) + (lambda a: leaf(a))(i)
        with managed():
            leaf(i)
    exec(MADE, {"leaf": leaf})
    return total


# Each is called once, and gone: what it was can't be asked later.
def passing():
    for _ in range(150):
        name = "a_function_that_is_called_once_and_has_a_name_of_many_letters_%d" % len(NAMES)
        made = compile("def %s(): pass" % name, "made", "exec").co_consts[0]
        NAMES.append(made.co_name)
        types.FunctionType(made, {})()


# Who calls itself through another one, and who is called by several.
def ping(n):
    return pong(n - 1) + leaf(n) if n > 0 else 0


def pong(n):
    return ping(n - 1) + ping(n - 2) if n > 0 else 0


def most(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def more(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def some(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total + leaf(n)


def works():
    for _ in range(50):
        most(30000)
        more(16000)
        some(6000)


def worker():
    fib(9)
    for i in range(10):
        even(i)
    generators()
    exceptions()


def run(start):
    for _ in range(ROUNDS):
        fib(11)
        for i in range(30):
            even(i)
        deep(300)
        generators()
        thrown()
        exceptions()
        from_c()
        closures()
        passing()
        ping(10)
        works()
    start([worker] * 3)
