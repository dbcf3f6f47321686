# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Collects garbage in every way there is, and knows each collection: gc.callbacks has when it began
and ended. Waits for a line before it begins and after it has said what there was, so that all of it
is measured. Runs on every CPython from 3.6 on.

collect.py [threads|several]
"""
import gc
import json
import sys
import threading
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


def hold(nr):
    """What a full collection has to go through."""
    return [{"next": [n], "self": Node()} for n in range(nr)]


def litter(nr):
    """Cycles, so that the collector begins by itself."""
    for _ in range(nr):
        a, b = Node(), Node()
        a.other, b.other = b, a


def by_hand():
    for generation in (0, 1, 2, 2, 0):
        litter(100)
        gc.collect(generation)


def several():
    """Another interpreter collects, in a thread of ours; its callbacks are its own."""
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    where = interpreters.create()
    source = "import gc\nfor _ in range(7):\n    gc.collect()\n"
    if hasattr(interpreters, "exec"):
        interpreters.exec(where, source)
    else:
        interpreters.run_string(where, source)
    return 7


def main():
    kept = hold(60000)
    gc.collect()
    gc.disable()
    print("ready", flush=True)
    sys.stdin.readline()
    others = 0
    gc.callbacks.append(note)
    # The first one makes the process known.
    gc.collect(0)
    time.sleep(0.3)
    gc.enable()
    if sys.argv[1:] == ["threads"]:
        workers = [threading.Thread(target=litter, args=(40000,)) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    else:
        litter(120000)
    by_hand()
    gc.disable()
    gc.callbacks.remove(note)
    if sys.argv[1:] == ["several"]:
        others = several()
    print(json.dumps({"collections": seen, "others": others, "kept": len(kept)}), flush=True)
    sys.stdin.readline()


main()
