# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Collects garbage, and knows each collection by gc.callbacks, as collect.py does; in ways that
matter where an interpreter's own ring is read: at a pace at which nothing in it is overwritten,
in two interpreters that run at the same time, in a process that was forked, and in programs that
are started while it is measured.

ring.py paced|two|forked|started|over
"""
import gc
import json
import os
import subprocess
import sys
import threading
import time

NOTE = """
import gc, time, json
seen, began = [], [0]
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
kept = [{"next": [n], "self": Node()} for n in range(20000)]
"""
WORK = """
gc.callbacks.append(note)
gc.enable()
litter(%d)
for generation in (0, 1, 2, 2, 0):
    litter(100)
    gc.collect(generation)
gc.disable()
gc.callbacks.remove(note)
"""
TELL = """
with open(%r, "w") as f:
    json.dump(seen, f)
"""


def run(nr):
    """Works, here; what was seen."""
    space = {}
    exec(NOTE + WORK % nr, space)
    return space["seen"]


def paced():
    space = {}
    exec(NOTE, space)
    gc.disable()
    gc.callbacks.append(space["note"])
    for n in range(30):
        space["litter"](50 * n)
        gc.collect(n % 3)
        time.sleep(0.05)
    gc.callbacks.remove(space["note"])
    return [space["seen"]]


def interpreters():
    import _interpreters
    return _interpreters


def make_two():
    """What it collects while it is made is not measured."""
    other = interpreters().create()
    interpreters().exec(other, "import gc\ngc.disable()\n" + NOTE)
    return other


def two(other):
    """Each has a lock of its own: they collect at the same time."""
    path = os.path.abspath("said.json")
    worker = threading.Thread(target=interpreters().exec, args=(other, WORK % 90000 + TELL % path))
    worker.start()
    mine = run(120000)
    worker.join()
    with open(path, encoding="utf-8") as f:
        return [mine, json.load(f)]


def forked():
    """What the parent collected before is in the child's ring, too, and not the child's."""
    mine = run(60000)
    path = os.path.abspath("said.json")
    child = os.fork()
    if not child:
        said = run(90000)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(said, f)
        time.sleep(0.6)
        os._exit(0)
    mine += run(30000)
    os.waitpid(child, 0)
    with open(path, encoding="utf-8") as f:
        return {os.getpid(): mine, child: json.load(f)}


def started():
    """Programs, one after the other, that say what they collected from their beginning on. They are
    there some time after their interpreters ended."""
    source = NOTE + "litter(30000)\ngc.disable()\nimport ctypes\nc = ctypes.CDLL(None)\n" \
        "c.__cxa_atexit(c.usleep, ctypes.c_void_p(600000), None)\n" \
        "print(json.dumps([s['collections'] for s in gc.get_stats()]), flush=True)\ntime.sleep(0.6)"
    said = {}
    for _ in range(2):
        with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE,
                              text=True) as p:
            said[p.pid] = json.loads(p.stdout.readline())
    return said


def over():
    """Another interpreter that ends."""
    other = interpreters().create()
    interpreters().exec(other, "import gc\nfor _ in range(5):\n    gc.collect()\n")
    time.sleep(0.6)
    interpreters().destroy(other)
    time.sleep(0.6)
    return 5


def main():
    gc.disable()
    made = [globals()[name]() for name in ["make_" + sys.argv[1]] if name in globals()]
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(globals()[sys.argv[1]](*made)), flush=True)
    sys.stdin.readline()


main()
