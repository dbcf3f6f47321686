# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""stack.py DEPTH SECONDS: burns CPU below so many Python functions; a job of a fixed size where
SECONDS is `job` and DEPTH the size."""
import sys
import threading
import time


def leaf(end):
    while time.monotonic() < end:
        n = 0
        while n < 100000:
            n += 1


def down(n, end):
    if n > 1:
        down(n - 1, end)
    else:
        leaf(end)


class Node:
    def __init__(self, left, right):
        self.left, self.right = left, right

    def weight(self):
        return 1 + (self.left.weight() + self.right.weight() if self.left else 0)


def tree(depth):
    return Node(tree(depth - 1), tree(depth - 1)) if depth else Node(None, None)


def words(n):
    counts = {}
    for i in range(n):
        for word in f"{i} {i * 7 % 1000} {i % 13}".split():
            counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def job(size):
    for _ in range(size):
        tree(13).weight()
        words(6000)


sys.setrecursionlimit(5000)
if sys.argv[2] == "job":
    # Until it may begin.
    sys.stdin.readline()
    job(int(sys.argv[1]))
else:
    # <module> is one of them.
    down(int(sys.argv[1]) - 2, time.monotonic() + float(sys.argv[2]))
