#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof cpu --unwind eh-frame against programs that know their own stacks.

Usage: test_chains.py BPFPROF FOLDER-OF-PROGRAMS [--by gdb|perf] [NAME ...]

`--by` asks somebody else, to test the programs themselves.
"""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import samplers
from chains import CUT, EMPTY, FALSE, INTO, PART, WHOLE, Chains
import truth

SECONDS = 1.5
LEAST = 30  # samples that say anything


class Program:
    """What is run, and what is asked of its samples.

    whole   least share of samples in the function that burns, with all that called it
    root    least share that reaches the root; one sample may always fail
    cut     least share that is cut short, where that is what is to be
    end     what a stack may also end with
    approximate  greatest share that is said to be approximate
    """

    def __init__(self, name, *args, whole=0.9, root=0.999, cut=0.0, binary=None, options=(),
                 end=None, prepare=None, ends_early=False, approximate=0.1):
        self.name, self.args, self.binary = name, args, binary or name
        self.whole, self.root, self.cut, self.end = whole, root, cut, end
        self.options, self.prepare, self.ends_early = options, prepare, ends_early
        self.approximate = approximate


def without_sections(path):
    """As sstrip leaves it: found by program headers alone. Names are lost with the symbols."""
    with open(path, "r+b") as f:
        f.seek(40)
        f.write(struct.pack("<Q", 0))
        f.seek(58)
        f.write(struct.pack("<HHH", 0, 0, 0))


# musl and what it starts with say nothing of how they are unwound: whole is what main() begins.
MUSL = r"main|_start|_start_c|.*libc_start_main.*|\?\?|\[.*"
LAZY = os.path.join(truth.PROGRAMS, "lazy.so")
CHILDREN = ("--children",)
PROGRAMS = [
    Program("deep"),
    # The leaf is over at once: a sample in its loop is luck, and what is asked is the root.
    Program("prologues", whole=0.0),
    Program("deep_static"),
    Program("deep_nopie"),
    Program("deep_nopie_high"),
    Program("deep_high"),
    Program("deep_joined"),
    Program("deep_clang"),
    Program("deep_lld"),
    Program("deep_musl", end=MUSL),
    Program("deep_musl_static", end=MUSL),
    Program("deep_rust"),
    # A Go function that calls nothing has no frame, and frame pointers miss who called it: with
    # that caller it has one in the one half of the time, and can be whole.
    Program("deep_go", whole=0.4, root=0.99),
    Program("deleted", binary="deep", prepare="deleted"),
    Program("sectionless", binary="deep", prepare="sectionless", end=r"\[deep.*"),
    # At the end of _Unwind_Resume() its return address is where it goes to already, and its frame
    # is not.
    Program("throwing", whole=0.3, root=0.99),
    Program("assembly"),
    # Nobody can know: what is asked is that nothing is made up.
    Program("assembly_without", whole=0.0, root=0.0),
    Program("signals", whole=0.7),
    Program("signals_static", whole=0.7),
    Program("frames"),
    Program("frames_clang"),
    # In the last instruction of __longjmp() the stack pointer is another one's already, which its
    # call-frame information can't say.
    Program("jumps", root=0.997),
    # Their start function was never called: it returns to __start_context, and what is before that
    # has no call-frame information. The stack is whole, and who walks it cannot know.
    Program("contexts", ends_early=True),
    Program("recursion_200", 200, binary="recursion"),
    Program("recursion_1000", 1000, binary="recursion", options=("--max-depth", 1024)),
    Program("recursion_1000_cut", 1000, binary="recursion", whole=0, root=0, cut=0.9),
    Program("recursion_10000", 10000, binary="recursion", whole=0, root=0, cut=0.9),
    Program("vforks", whole=0.5, options=CHILDREN),
    # clone3() has no call-frame information around its system call, where threads are born.
    Program("births", whole=0.1, root=0.8),
    Program("calls", LAZY, "calls", binary="library", whole=0.1),
    # _init has no call-frame information; the pages of a new library are touched there first. What is
    # sampled while a library takes another's place may be either's, and is said to be so.
    Program("loads", LAZY, "loads", binary="library", whole=0.05, root=0.97, approximate=0.9),
    Program("execs", whole=0.5, options=CHILDREN),
    Program("jit"),
    Program("hugified"),
]


class Runner:
    def __init__(self, by):
        self.by, self.folder = by, tempfile.mkdtemp(prefix="bpfprof-unwind-")
        os.chmod(self.folder, 0o755)

    def start(self, program):
        """The process, and what it says until it is ready."""
        path = os.path.join(truth.PROGRAMS, program.binary)
        if program.prepare:
            shutil.copy2(path, os.path.join(self.folder, program.binary))
            path = os.path.join(self.folder, program.binary)
        if program.prepare == "sectionless":
            without_sections(path)
        process = subprocess.Popen([path, "30", *map(str, program.args)], stdout=subprocess.PIPE,
                                   text=True)
        said = []
        for line in process.stdout:
            if line.startswith("ready"):
                break
            said.append(line)
        if program.prepare == "deleted":
            os.unlink(path)
        return process, said

    def measure(self, program):
        """Again where a busy host left next to nothing of a CPU."""
        for _ in range(3):
            measured = self.measure_once(program)
            if sum(measured[0].values()) >= LEAST or self.by == "gdb":
                break
        return measured

    def measure_once(self, program):
        process, said = self.start(program)
        try:
            time.sleep(0.05)
            stacks, quality = samplers.SAMPLERS[self.by](process.pid, SECONDS, self.folder,
                                                         *program.options)
        finally:
            truth.stop(process)
            process.stdout.close()
        if program.prepare == "sectionless":
            said = nameless(said)
        return (*Chains(said, program.end).count(stacks), quality)

    def verdict(self, program, counts, quality):
        """What is wrong, in words; nothing if nothing is."""
        total = sum(counts.values()) - counts[EMPTY]
        rooted = counts[WHOLE] + counts[PART] + counts[INTO]
        # Taken before the tables were there, and said to be so.
        approximate = quality.get("approximate", 0)
        allowed = max(1, round(total * (1 - program.root))) + approximate
        unrooted = counts[CUT] + counts[FALSE]
        if total < (LEAST if self.by == "bpfprof" else 3):
            yield f"{total} samples only"
        few_false = max(1, round(total * min(1 - program.root, 0.01)))
        if counts[FALSE] > few_false + approximate:
            yield f"{counts[FALSE]} with frames that it never had"
        if unrooted > allowed:
            yield f"{unrooted} did not reach the root, {allowed} may"
        if counts[WHOLE] < program.whole * total and self.by == "bpfprof":
            yield (f"{counts[WHOLE] / max(total, 1):.1%} whole, and {program.whole:.0%} are "
                   "asked for")
        if counts[CUT] < program.cut * total:
            yield f"{counts[CUT] / max(total, 1):.1%} cut, and {program.cut:.0%} are asked for"
        if approximate > max(20, total * program.approximate):
            yield f"{approximate} approximate"
        if quality.get("unwound_to_root", 0) > rooted + counts[EMPTY] + few_false:
            yield f"says that {quality['unwound_to_root']} reached the root, and {rooted} did"
        # Where a stack may end otherwise, the judge knows more than who walks.
        if "unwound_to_root" in quality and not program.end and not program.ends_early:
            if quality["unwound_to_root"] < rooted - few_false - approximate:
                yield f"says that {quality['unwound_to_root']} reached the root of {rooted}"


def nameless(said):
    """What a program tells, without its own names; of the C library's it has them."""
    beginning = " __libc_start_call_main __libc_start_main* ?"
    return [line if not line.startswith("chain") else
            "chain: " + " ".join("?" for _ in line.split()[1:]) + beginning for line in said]


def tell(program, counts, quality, wrong):
    total = max(sum(counts.values()) - counts[EMPTY], 1)
    rooted = counts[WHOLE] + counts[PART] + counts[INTO]
    print(f"{program.name:20} {total:6} {rooted / total:8.2%} {counts[WHOLE] / total:8.2%} "
          f"{counts[CUT]:6} {counts[FALSE]:6} {quality.get('approximate', 0):6}  "
          f"{'; '.join(wrong) or 'ok'}", flush=True)


def main():
    args, by = sys.argv[3:], "bpfprof"
    if args[:1] == ["--by"]:
        by, args = args[1], args[2:]
    truth.need_root_and_bpf()
    runner, failed, tried = Runner(by), [], 0
    print(f"{'program':20} {'stacks':>6} {'rooted':>8} {'whole':>8} {'cut':>6} {'false':>6} "
          f"{'approx':>6}")
    for program in PROGRAMS:
        if args and program.name not in args:
            continue
        if not truth.program(program.binary):
            print(f"{program.name:20} skipped: was not built")
            continue
        tried += 1
        try:
            counts, bad, quality = runner.measure(program)
            wrong = list(runner.verdict(program, counts, quality))
            tell(program, counts, quality, wrong)
            if wrong:
                for line, count in bad.most_common(4):
                    print(f"    {count:6} {line[:1500]}")
        except samplers.Failed as e:
            wrong = [str(e)]
            print(f"{program.name:20} {e}")
        if wrong:
            failed.append(program.name)
    shutil.rmtree(runner.folder, True)
    if failed:
        print("failed: " + " ".join(failed))
    return 1 if failed or not tried else 0


if __name__ == "__main__":
    sys.exit(main())
