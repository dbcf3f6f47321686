# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""execs.py SECONDS [INTERPRETER …]: works, then executes the next interpreter in its place."""
import os
import sys
import time

from rounds import clock


def work(n):
    total = 0
    for i in range(n):
        total += i % 7
    return total


def part(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        work(20000)  # > work


began = clock()  # > *
part(float(sys.argv[1]))  # > part
now = clock()  # > *
print("%d.%d %.6f %.6f" % (sys.version_info[:2] + (now - began, now)), flush=True)  # > *
if len(sys.argv) > 2:
    os.execv(sys.argv[2], [sys.argv[2], "-B", __file__, sys.argv[1]] + sys.argv[3:])  # > *
