# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Over within 30 ms: half of that is work, after which it says what it cost of all. With a number:
so many children do so instead, one after the other."""
import os
import sys
import time


def brief_work(n):
    total = 0
    for i in range(n):
        total += i % 7
    return total


def used():
    return time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)


for child in range(int(sys.argv[1]) if sys.argv[1:] else 0):
    pid = os.fork()  # > fork
    if not pid:
        break
    os.waitpid(pid, 0)  # > waitpid
else:
    if sys.argv[1:]:
        os._exit(0)
began = used()  # > used
brief_work(500000)  # > brief_work
os.write(1, ("%.6f %.6f\n" % (used() - began, used())).encode())  # > used
os._exit(0)
