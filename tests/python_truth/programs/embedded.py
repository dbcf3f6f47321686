# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What embed.c runs: main_part() in its first thread, thread_part() in one that C made."""
import time

from rounds import begin, clock, ending, note, tell

LIMIT_S = 60
spent = {"main_work": 0, "thread_work": 0}
over = time.monotonic() + LIMIT_S


def main_work():
    total = 0
    for i in range(60000):
        total += i % 7
    return total


def thread_work():
    total = 0
    for i in range(40000):
        total += i % 7
    return total


def measured(part):
    while not ending and time.monotonic() < over:
        began = clock()  # > *
        part()  # > main_work thread_work
        # Gives way, so that both have their share.
        time.sleep(0.004)
        spent[part.__name__] += clock() - began  # > *
        note(spent)  # > *


def main_part():  # < library
    begin()  # > *
    measured(main_work)  # > measured


def thread_part():  # < library
    measured(thread_work)  # > measured


def last_part():  # < library
    tell(spent)  # > *
