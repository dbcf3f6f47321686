#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""zsh_complete.py FOLDER 'COMMAND LINE': what an interactive zsh makes of the line after Tab."""
import os
import pty
import select
import sys
import time

folder, line = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", COLUMNS="200", HOME=folder, ZDOTDIR=folder)
    os.execvp("zsh", ["zsh", "-f", "-i"])


def read_until(mark, seconds):
    """What comes until `mark`; without one, until nothing has come for a while."""
    text, end = b"", time.monotonic() + seconds
    while time.monotonic() < end and not (mark and mark in text):
        if not select.select([fd], [], [], 1)[0]:
            if text and not mark:
                break
        else:
            try:
                text += os.read(fd, 65536)
            except OSError:
                break
    return text


setup = f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D; PS1=; print rea''dy\n"
os.write(fd, setup.encode())
if b"ready" not in read_until(b"ready\r\n", 20):
    sys.exit("zsh did not start")
os.write(fd, line.encode() + b"\t")
print(read_until(None, 10).decode(errors="replace"))
os.write(fd, b"\x03exit\n")
os.close(fd)
os.waitpid(pid, 0)
