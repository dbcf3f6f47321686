#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Python programs that rewrite their own interpreter, and programs that are none but say so,
measured together with one that behaves: what bpfprof may take for it, that the other one's stacks
stay whole, and that of the enemy nothing is shown that it does not have.

Usage: test_python_hostile.py BPFPROF FOLDER-OF-PROGRAMS [NAME ...]
"""
import ast
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", folder)
                for folder in ("python_truth", "unwind_hostile", "unwind_truth", "truth")]
import pythons  # noqa: E402
import samplers  # noqa: E402
import truth  # noqa: E402
from chains import CUT, FALSE, Chains  # noqa: E402
from stacks import parse  # noqa: E402
from test_hostile import (  # noqa: E402
    ASLEEP, MAX_RSS_KB, SANITIZED, SECONDS, measure, records, sections, stop)

STEADY = ("<module>", "outer", "middle", "inner")
MAX_SHARE = 0.25  # of one CPU
LONG = bool(os.environ.get("BPFPROF_LONG"))
# A frame that a fake made, whatever it is called.
MADE_UP = re.compile(r"fake_|\[interpreted\]|\[code without a name\]|\[calls left out\]|.* \(.*\)$", re.S)
# Another run of this test may be measured, too.
NAME, STEADY_NAME = f"enemy{os.getpid()}", f"steady{os.getpid()}"
ENEMY = os.path.join(HERE, "enemy.py")
with open(ENEMY, encoding="utf-8") as source:
    OWN = {n.name for n in ast.walk(ast.parse(source.read())) if isinstance(n, ast.FunctionDef)}


class Case:
    """What is run.

    minors  of the interpreters that run enemy.py; the last one alone, but for BPFPROF_LONG
    loses   counters of quality one of which must not be 0
    names   what else its functions may be called; None: anything
    native  whether its native frames have the names that it says
    share   what bpfprof may take of a CPU, beyond what it takes with no enemy there
    """

    def __init__(self, name, minors=(), program=(), loses=(), names="", share=MAX_SHARE,
                 options=(), limit_kb=MAX_RSS_KB, native=True):
        self.native = native
        self.name, self.minors, self.program, self.loses = name, minors, program, loses
        self.names, self.share, self.options, self.limit_kb = names, share, options, limit_kb


CALLS, LOST, CODE = "calls_left_out", "interpreted_lost", "code_lost"
CASES = [
    Case("loop", (9, 10, 12, 13, 11), loses=(CALLS,)),
    Case("shims", (12, 13), loses=(CALLS, LOST)),
    Case("pointers", (9, 11, 12, 13), loses=(LOST,)),
    Case("innermost", (10, 11, 12, 13), loses=(LOST,)),
    Case("noncode", (9, 10, 11, 13, 12), loses=(CODE,), share=0.4),
    Case("stranger", (9, 10, 11, 12, 13), loses=(LOST,)),
    Case("names", (9, 11, 12, 13), names=None),
    Case("lengths", (9, 10, 11, 12, 13), names=None),
    Case("tables", (9, 10, 11, 13), names=r"t\d"),
    Case("offsets", (13,)),
    Case("keys", (9, 10, 11, 13)),
    Case("race", (9, 11, 13, 12), names=None),
    Case("compiled", (10, 12, 13), names=r"flooded_\d+", share=0.4),
    Case("flood", (11, 12, 13), names=r"new\d+", share=1.0),
    Case("flood", (11, 12, 13), names=r"new\d+", share=1.0, options=("--max-memory", "64M"),
         limit_kb=72 << 10),  # … and its programs
    Case("wide", (9, 10, 13, 11), names="w+…?", share=1.0),
    Case("threads", (11, 13), names="work"),
    Case("deep", (10, 11, 13), names="down", loses=(CALLS,)),
    Case("through_c", (10, 11, 13), names="down"),
]


def elf(data, name):
    """Offset of the head of a section."""
    at, = struct.unpack_from("<Q", data, 40)
    nr = struct.unpack_from("<H", data, 60)[0]
    return at + [n for n, _, _ in sections(data)].index(name) * 64 if nr else 0


def rewritten(section, field, *values):
    """Writes words of a section's head: 24 offset, 32 size, 40 link, 56 size of an entry."""
    def patch(data):
        struct.pack_into(f"<{len(values)}Q", data, elf(data, section) + field, *values)
    return patch


def strewn(data):
    """The symbols' names, sizes and values are anything: in copies, for the loader needs its own."""
    for name in ".symtab", ".dynsym":
        (begin, size), = [(o, s) for n, o, s in sections(data) if n == name]
        copy = len(data)
        data += data[begin:begin + size]
        for at in range(copy + 24, copy + size, 24):
            where = at * 0x9e3779b97f4a7c15 % (1 << 64)
            struct.pack_into("<IBBHQQ", data, at, where >> 32, 0x11, 0, 5 + at // 24 % 9, where, 1 << 62)
        struct.pack_into("<Q", data, elf(data, name) + 24, copy)


def long_parts(data):
    """Each of the loop's parts says to be as long as all of them."""
    for at, is_fde in list(records(data)):
        if is_fde and struct.unpack_from("<I", data, at + 12) == (1,):
            struct.pack_into("<I", data, at + 12, 0xf0000)


# Of a file that has all: its sections lie. The kernel looks at none of these.
LIES = {
    "runtime": rewritten(".PyRuntime", 24, 1 << 62, 1 << 62),
    "runtime size": rewritten(".PyRuntime", 32, 1 << 40),
    "symbols": rewritten(".symtab", 32, 1 << 61),
    "symbols far": rewritten(".symtab", 24, (1 << 64) - 24, 48),
    "symbols wide": rewritten(".symtab", 56, 1),
    "names": rewritten(".strtab", 24, 1 << 50, 1 << 50),
    "strewn": strewn,
}
HUGE = 6 << 30  # bytes, of a file with holes


class Programs:
    """Files that call themselves python3.11."""

    def __init__(self, folder):
        self.folder = folder

    def fake(self, kind):
        return os.path.join(truth.PROGRAMS, f"fake{kind}", "python3.11")

    def patched(self, name, patch, grow=0, kind=2):
        path = os.path.join(self.folder, name.replace(" ", "-"), "python3.11")
        with open(self.fake(kind), "rb") as f:
            data = bytearray(f.read())
        patch(data)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
            f.truncate(len(data) + grow)
        os.chmod(path, 0o755)
        os.chown(path, 65534, 65534)
        return path

    def huge(self, data):
        """Both tables of symbols, and their names, are the holes of the file."""
        for name in ".symtab", ".strtab", ".dynsym", ".dynstr":
            struct.pack_into("<QQ", data, elf(data, name) + 24, len(data), HUGE)

    def cases(self):
        for kind, name in enumerate(("by its name", "by a symbol")):
            yield Case("fake " + name, program=(self.fake(kind), "30"))
        for what in "true", "flood", "texts", "race", "states":
            yield Case("fake " + what, program=(self.fake(2), "30", what),
                       share=1.0 if what == "flood" else MAX_SHARE)
        yield Case("fake offsets", program=(self.fake(3), "30"))
        for name, patch in LIES.items():
            yield Case("lie " + name, program=(self.patched(name, patch), "30"), native=False)
        yield Case("lie parts", program=(self.patched("parts", long_parts, kind=4), "30"),
                   native=False)
        yield Case("lie huge", program=(self.patched("huge", self.huge, HUGE), "30"), native=False)


def start(command):
    """The process, and what it says until it is ready."""
    env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", ENEMY=NAME, STEADY=STEADY_NAME)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True, env=env)
    said = []
    for line in process.stdout:
        if line.startswith("ready"):
            return process, said
        said.append(line)
    raise samplers.Failed(f"{command} ended: {process.wait()}: {process.stderr.read()[-500:]}")


def called(stack):
    """The Python functions on a stack, from the root to the leaf."""
    return [frame for frame in map(parse, stack.frames) if frame]


class Steady:
    """Samples of the one that behaves: whole, with no Python at all, others."""

    def __init__(self, stacks):
        self.whole = self.empty = self.false = 0
        self.worst = ""
        for s in stacks:
            if s.comm != STEADY_NAME:
                continue
            names = tuple(f.name for f in called(s))
            if names and names == STEADY[:len(names)] and len(names) > 1:
                self.whole += s.count
            elif not names:
                self.empty += s.count
            else:
                self.false += s.count
                self.worst = ";".join(s.frames)[-300:]
        self.total = self.whole + self.empty + self.false


class Runner:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bpfprof-hostile-")
        os.chmod(self.folder, 0o755)
        self.found = {}
        for python in pythons.of_the_machine():
            self.found.setdefault(python.version[1], python.path)
        self.alone = None  # CPU seconds of a run without an enemy
        self.start = 0     # the well-behaved one's samples that are not whole in such a run

    def interpreters(self, case):
        have = [m for m in case.minors if m in self.found]
        return have if LONG else have[-1:]

    def run(self, case, command):
        steady, _ = start([self.found[max(self.found)], os.path.join(HERE, "steady.py"), "60"])
        enemy, said = start(command) if command else (None, [])
        os.kill(steady.pid, signal.SIGSTOP)

        def during():
            time.sleep(ASLEEP)
            os.kill(steady.pid, signal.SIGCONT)

        try:
            stacks, quality, cpu, rss = measure(self.folder, during, *case.options)
            # A program that broke itself says nothing of us.
            died = enemy.poll() if enemy else None
        finally:
            stop(steady)
            if enemy:
                stop(enemy)
                enemy.stderr.close()
            steady.stderr.close()
        share = (cpu - (self.alone or cpu)) / SECONDS
        good = Steady(stacks)
        if self.alone is None:
            self.alone, self.start = cpu, 2 * (good.total - good.whole) + 80
        wrong = [f"the enemy exited with {died}"] if died is not None else []
        wrong += self.verdict(case, good, quality, share, rss)
        wrong += self.of_enemy(case, stacks, said, quality)
        notes = {k: v for k, v in quality.items() if v and k not in
                 ("user_stacks", "unwound_to_root", "frames", "unsymbolized_frames")}
        wrong += [f"{good.empty} empty"] if wrong and good.empty else []
        print(f"{good.total:6} {good.whole / max(good.total, 1):7.1%} {share:7.1%} {rss >> 10:5} "
              f"{' '.join(f'{k}={v}' for k, v in notes.items())}  "
              f"{'; '.join(wrong) or 'ok'}", flush=True)
        return not wrong

    def verdict(self, case, good, quality, share, rss):
        """What is wrong, in words; nothing if nothing is."""
        if good.total < 100:
            yield f"{good.total} samples of the well-behaved one"
        if good.false > good.total // 200:
            yield f"{good.false} of {good.total} false: {good.worst}"
        if quality.get("lost", 0) > quality.get("events", 0) // 1000:
            yield f"{quality['lost']} lost"
        if case.loses and not any(quality.get(what) for what in case.loses):
            yield f"no {', no '.join(case.loses)}"
        with open(os.path.join(self.folder, "out.folded"), "rb") as f:
            if re.search(rb"[\0-\x09\x0b-\x1f\x7f]", f.read()):
                yield "raw control characters in a name"
        if SANITIZED:
            return
        # On a busy machine it takes longer until all is known.
        late = quality.get("interpreted_late", 0) + quality.get("approximate", 0)
        if good.whole < max(0.99 * good.total - self.start - late, good.total / 2):
            yield f"{good.whole} of {good.total} whole"
        if share > case.share:
            yield f"{share:.0%} of a CPU"
        if rss > case.limit_kb:
            yield f"{rss >> 10} MB"

    def of_enemy(self, case, stacks, said, quality):
        """Nothing is shown that it does not have."""
        theirs = [s for s in stacks if s.comm == NAME]
        if case.names is not None:
            known = re.compile(f"<module>|<listcomp>|{case.names}")
            for frame in (frame for s in theirs for frame in called(s)):
                name = frame.name.split(".<locals>.")[-1]
                if frame.file == ENEMY and name not in OWN and not known.fullmatch(name):
                    yield f"shows {frame}"
                    return
        if said and case.native:
            # Without symbols its beginning has no name.
            native = [(tuple(f for n, f in enumerate(s.frames) if not MADE_UP.match(f) and
                             (n or not f.startswith("[python3.11+"))), s.count) for s in theirs]
            counts, bad = Chains(said, "_start|__libc_start_.*").count(native)
            wrong = counts[FALSE] + counts[CUT] - quality.get("no_stack", 0)
            if wrong > quality.get("approximate", 0) + sum(counts.values()) // 100 + 2:
                yield f"{wrong} of {sum(counts.values())} native stacks wrong: " \
                      f"{bad.most_common(1)[0][0][:300]}"


def all_runs(runner):
    """(label, case, command)"""
    yield "nobody", Case("nobody"), None
    for case in CASES:
        minors = runner.interpreters(case)
        if not minors:
            print(f"{case.name:18} skipped: no Python 3.{', 3.'.join(map(str, case.minors))}")
        for minor in minors:
            more = [truth.PROGRAMS] if case.name == "race" else []
            yield f"{case.name} 3.{minor}", case, [runner.found[minor], ENEMY, "30", case.name, *more]
    several = [runner.found[m] for m in (11, 9, 12, 13) if m in runner.found]
    if len(several) > 1:
        yield "execs", Case("execs", share=0.6), [several[-1], ENEMY, "30", "execs", *several]
    # Those of the tests of native stacks: a Python program among ever new processes and mappings.
    for what in (("births", "forks"), ("births", "execs"), ("mappings", "churn"), ("mappings", "many", "65400"),
                 ("mappings", "lists", "200"), ("pointers",)):
        path = os.path.join(truth.PROGRAMS, "..", "unwind_hostile", what[0])
        yield " ".join(what), Case(what[0], share=0.6, native=False), [path, "30", *what[1:]]
    for case in Programs(runner.folder).cases():
        yield case.name, case, case.program


def main():
    truth.need_root_and_bpf()
    runner, failed, names = Runner(), [], sys.argv[3:]
    if not runner.found:
        truth.skip_all("no Python of which the version is known")
    print(f"{'enemy':18} {'steady':>6} {'whole':>7} {'CPU':>7} {'MB':>5}")
    try:
        for label, case, command in all_runs(runner):
            if names and label not in names and case.name not in names and command:
                continue
            print(f"{label:18} ", end="", flush=True)
            try:
                good = runner.run(case, command)
            except samplers.Failed as e:
                good = False
                print(e, flush=True)
            if not good:
                failed.append(label)
    finally:
        shutil.rmtree(runner.folder, True)
    if failed:
        print("failed: " + ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
