# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the programs beside this share: they go round and round until they are told to end, and say
then how much CPU time each of their parts took. All of them run on CPython 3.6 to 3.15.

A program says in comments which Python frames may stand upon which:
  # > name …   from this line these are called, perhaps through C; *: what is not the program's;
               PARTS: what stands in that list
  # < library  the function may be called by what is not the program's
  # < root     a stack may begin with it
"""
import json
import os
import signal
import sys
import time

ending = []
history = []


def clock():
    # 3.6 has no time.thread_time().
    return time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)


def end(*_):
    ending.append(1)


def begin():
    """The program is warm, and may be measured."""
    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)


def note(spent):
    """What it is by now: the test looks at a part of the time only."""
    history.append((time.time(), dict(spent)))


def tell(spent, **more):
    """spent: seconds of CPU by part."""
    # At once: several processes may say something.
    said = json.dumps(dict(spent=spent, history=history, **more))
    os.write(1, (said + "\n").encode())
