# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""steady.py SECONDS: a program that does nothing wrong; always in inner(), or on its way there."""
import os
import sys
import time


def inner():
    n = 0
    while n < 20000:
        n += 1
    return n


def middle():
    return inner() + inner()


def outer(end):
    while time.monotonic() < end:
        middle()


with open("/proc/self/comm", "w", encoding="ascii") as f:
    f.write(os.environ.get("STEADY", "steady"))
print("ready", flush=True)
outer(time.monotonic() + float(sys.argv[1]))
