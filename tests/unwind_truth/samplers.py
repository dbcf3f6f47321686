# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Stacks of a running process, as bpfprof, gdb and perf see them: (names from the root to the
leaf, count)."""

import collections
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "truth"))
import truth  # noqa: E402

HZ = 999
INTERPRETED = re.compile(r" \(.*:\d+\)$")
UNWIND = os.environ.get("UNWIND", "eh-frame")


class Failed(Exception):
    pass


def run(command, timeout, **kwargs):
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, errors="replace", timeout=timeout, check=False, **kwargs)
    if done.returncode:
        raise Failed(f"{command[0]} exited with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout


def by_bpfprof(pid, seconds, folder, *options):
    """Also what it says of its own quality, by the keys of --json. Native frames alone, and all of
    them: an interpreter's own, which only -v shows, and not what it runs."""
    folded = os.path.join(folder, "out.folded")
    text = run([truth.BPFPROF, "cpu", "-v", "-F", HZ, "--unwind", UNWIND, "-U", "--no-inline",
                "--json", "-d", seconds, "-p", pid, "-o", folded, *options], seconds + 60)
    stacks = [([f for f in s.frames if not INTERPRETED.search(f)], s.count)
              for s in truth.Folded.read(folded)]
    return stacks, quality(text)


def quality(text):
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    found = said.get("quality", {}) if isinstance(said, dict) else {}
    return {k: v for k, v in found.items() if isinstance(v, int)}


def by_gdb(pid, seconds, folder, *_):
    """As often as it can; all threads. Stops the process each time."""
    stacks, end = collections.Counter(), time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            text = run(["gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-iex",
                        "set auto-load off", "-ex", "set backtrace past-main on", "-ex",
                        "set backtrace past-entry on", "-ex", "set width 0", "-ex",
                        "set print frame-arguments none", "-p", pid, "-ex",
                        "thread apply all backtrace 11000"], 60, cwd=folder)
        except Failed:
            break
        for stack in gdb_stacks(text):
            stacks[stack] += 1
    return list(stacks.items()), {}


def gdb_stacks(text):
    names = []
    for line in text.splitlines() + ["#0 end"]:
        found = re.match(r"#(\d+) +(?:0x[0-9a-f]+ in )?(.*)", line)
        if not found:
            continue
        if found.group(1) == "0" and names:
            yield tuple(reversed(names))
            names = []
        name = re.sub(r" \(.*", "", found.group(2).replace("(anonymous namespace)", "(anon)"))
        names.append(found.group(2) if name.startswith("<signal") else
                     name.replace("(anon)", "(anonymous namespace)"))


def by_perf(pid, seconds, folder, *_):
    data = os.path.join(folder, "perf.data")
    run(["perf", "record", "-q", "-e", "cpu-clock:u", "-F", HZ, "--call-graph", "dwarf,65528",
         "--no-buildid", "--no-buildid-cache", "-o", data, "-p", pid, "--", "sleep", seconds],
        seconds + 60, cwd=folder)
    text = run(["perf", "script", "--no-inline", "-F", "comm,ip,sym", "-i", data], 300)
    stacks, names = collections.Counter(), []
    for line in text.splitlines():
        found = re.match(r"\s+[0-9a-f]+ (.*)", line)
        if found:
            names.append(found.group(1))
        elif names:
            stacks[tuple(reversed(names))] += 1
            names = []
    return list(stacks.items()), {}


SAMPLERS = {"bpfprof": by_bpfprof, "gdb": by_gdb, "perf": by_perf}
