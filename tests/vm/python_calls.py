# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""python_calls.py FILE: once the file is there, calls functions, and says how often. It needs no
module that is a file."""
import posix
import sys
import time


def leaf(n):
    return n


def outer(n):
    for _ in range(n):
        leaf(n)


print("ready", flush=True)
while not posix.access(sys.argv[1], 0):
    time.sleep(0.05)
for n in range(20):
    outer(n)
print("outer 20")
print("leaf 190", flush=True)
