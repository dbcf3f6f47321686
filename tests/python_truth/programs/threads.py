# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Threads: two that want the GIL all the time, one of them unknown to the threading module, and one
that mostly does without it."""
import _thread
import hashlib
import os
import threading
import time
import zlib

from rounds import begin, clock, ending, note, tell

LIMIT_S = 60
spent = {"busy": 0, "raw": 0, "zipped": 0, "digested": 0}
ends = threading.Semaphore(0)
DATA = os.urandom(1 << 12) * 256


def over():
    return ending or time.monotonic() > last


def count(n):
    total = 0
    for i in range(n):
        total += i % 7
    return total


def busy():
    while not over():  # > over
        began = clock()  # > *
        count(60000)  # > count
        spent["busy"] += clock() - began  # > *


def run_busy():  # < library
    busy()  # > busy
    ends.release()  # > *


def raw():  # < root
    while not over():  # > over
        began = clock()  # > *
        count(30000)  # > count
        # Gives way, so that this one has less.
        time.sleep(0.004)
        spent["raw"] += clock() - began  # > *
    ends.release()  # > *


def zipped():
    zlib.compress(DATA, 3)


def digested():
    hashlib.sha256(DATA)


def unlocked():  # < library
    while not over():  # > over
        for part in (zipped, digested):
            began = clock()  # > *
            part()  # > zipped digested
            spent[part.__name__] += clock() - began  # > *
    ends.release()  # > *


last = time.monotonic() + LIMIT_S
for target in (run_busy, unlocked):
    threading.Thread(target=target).start()  # > *
_thread.start_new_thread(raw, ())
time.sleep(0.05)
begin()  # > *
while not over():  # > over
    time.sleep(0.02)
    note(spent)  # > *
for i in range(3):
    ends.acquire()  # > *
tell(spent)  # > *
