# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Collects garbage in every way there is, and knows each collection: gc.callbacks has when it began
and ended. Says "ready", waits for a line, or for a file; says the generation and the microseconds
of each, and at last how many another interpreter made, which has no callbacks of ours. Then it waits
for another line, so that all is measured before it ends. Runs on every CPython from 3.6 on, and
needs no module that is a file, but for "several".

collect.py [threads|several|/FILE]  With a file, where machines may be slow, it does less.
"""
import gc
import posix
import sys
import time
import _thread

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


def threads():
    def run(done):
        litter(40000)
        done.release()

    ends = [_thread.allocate_lock() for _ in range(3)]
    for end in ends:
        end.acquire()
        _thread.start_new_thread(run, (end,))
    for end in ends:
        end.acquire()


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


def wait(path):
    while path and not posix.access(path, 0):
        time.sleep(0.05)
    if not path:
        sys.stdin.readline()


def main(way):
    path = way if way.startswith("/") else None
    kept = hold(20000 if path else 60000)
    gc.collect()
    gc.disable()
    print("ready", flush=True)
    wait(path)
    gc.callbacks.append(note)
    # The first one makes the process known.
    gc.collect(0)
    time.sleep(0.3)
    gc.enable()
    if way == "threads":
        threads()
    else:
        litter(20000 if path else 120000)
    by_hand()
    gc.disable()
    gc.callbacks.remove(note)
    others = several() if way == "several" else 0
    for generation, seconds in seen:
        print("%d %.1f" % (generation, 1e6 * seconds))
    print("others %d" % others, flush=True)
    if not path:
        wait(None)
    del kept
    # Not by its own way out, which collects twice more.
    posix._exit(0)


main(sys.argv[1] if sys.argv[1:] else "")
