# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""python_gc.py FILE: once the file is there, collects garbage by itself and by hand, and says each
collection's generation and microseconds, by gc.callbacks. It needs no module that is a file."""
import gc
import posix
import sys
import time

seen = []
began = [0]


def note(phase, info):
    now = time.perf_counter()
    if phase == "start":
        began[0] = now
    else:
        seen.append((info["generation"], now - began[0]))


class Node:
    pass


def litter(nr):
    for _ in range(nr):
        a, b = Node(), Node()
        a.other, b.other = b, a


def by_hand():
    for generation in (0, 1, 2, 2, 0):
        litter(100)
        gc.collect(generation)


kept = [{"next": [n], "self": Node()} for n in range(20000)]
gc.collect()
gc.disable()
print("ready", flush=True)
while not posix.access(sys.argv[1], 0):
    time.sleep(0.05)
gc.callbacks.append(note)
gc.enable()
litter(20000)
by_hand()
gc.disable()
# Not by its own way out, which collects twice more.
for generation, seconds in seen:
    print("%d %.1f" % (generation, 1e6 * seconds), flush=True)
posix._exit(0)
