# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""within.py SECONDS OUT FIRST|LINE PROGRAM ARG…: runs a program and looks at it from within, by
sys._current_frames(): what bpfprof would write if it saw all and nothing else."""
import collections
import os
import runpy
import signal
import sys
import threading
import time


def named(frame, by_line):
    code = frame.f_code
    name = getattr(code, "co_qualname", code.co_name)
    line = frame.f_lineno if by_line else code.co_firstlineno
    return "%s (%s:%s)" % (name, code.co_filename, line)


def stack(frame, by_line):
    names = []
    while frame:
        # What runs the program is not the program's.
        if "runpy" not in frame.f_code.co_filename and frame.f_code.co_filename != __file__:
            names.append(named(frame, by_line))
        frame = frame.f_back
    return ";".join(reversed(names))


def is_ready():
    rounds = sys.modules.get("rounds")
    return rounds and signal.getsignal(signal.SIGTERM) == getattr(rounds, "end", None)


def watch(seconds, out, by_line):
    while not is_ready():
        time.sleep(0.001)
    found, end = collections.Counter(), time.time() + seconds
    own = threading.get_ident()
    while time.time() < end:
        for thread, frame in sys._current_frames().items():
            if thread != own:
                found[stack(frame, by_line)] += 1
        del frame
        time.sleep(0.001)
    with open(out, "w", encoding="utf-8") as f:
        for names, count in found.items():
            if names:
                f.write("python;%s %d\n" % (names, count))
    os.kill(os.getpid(), signal.SIGTERM)


sys.setswitchinterval(1e-4)
seconds, out, how = float(sys.argv[1]), sys.argv[2], sys.argv[3]
sys.argv = sys.argv[4:]
threading.Thread(target=watch, args=(seconds, out, how == "LINE")).start()
runpy.run_path(sys.argv[0], run_name="__main__")
