# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""forks.py SECONDS: a child that works on after fork(), a child of it, and their parent. What the
children run was never run before."""
import os
import sys
import time

from rounds import clock, tell


def work(n):
    total = 0
    for i in range(n):
        total += i % 7
    return total


def parent_part():
    return work(60000)  # > work


def child_part():
    return work(30000)  # > work


def grandchild_part():
    return work(20000)  # > work


def until_end(part):
    used = 0
    while time.monotonic() < over:
        began = clock()  # > *
        part()  # > parent_part child_part grandchild_part
        # All of them get what they ask for.
        time.sleep(0.004)
        used += clock() - began  # > *
    return used


def told(part):
    used = until_end(part)  # > until_end
    tell({part.__name__: used})  # > *


over = time.monotonic() + float(sys.argv[1])
if os.fork():
    told(parent_part)  # > told
    os.wait()
elif os.fork():
    told(child_part)  # > told
    os.wait()
else:
    told(grandchild_part)  # > told
