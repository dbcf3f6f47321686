#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof cpu and gc on Go programs whose runtime goes over to other stacks.

Usage: test_go.py BPFPROF FOLDER-OF-PROGRAMS [GO]

GO, the command: it reads what Go's own profiler says of the same run.
"""

import collections
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import samplers  # noqa: E402
import truth  # noqa: E402

SECONDS = 2
LEAST = 20  # samples that say anything
EARLY = 0.02  # taken before tables were there, of memory that did not come along
FIRST = 0.25  # … of the time of pauses, the first of which it is
OTHERWISE = 0.25
ROOT = re.compile(r"runtime\.(goexit|mstart|mcall|rt0_go|morestack).*|_?_?clone3?|_rt0_.*|start_thread"
                  r"|_start")
GO_CHAIN = ["main.worker", "main.a", "main.b", "main.c"]
CGO_CHAIN = ["main.main", "main.a", "main.b", "main.c"]
CALL = [r"main\._Cfunc_c_top", r"runtime\.cgocall", r"runtime\.asmcgocall", r"_cgo_\w+_c_top",
        "c_top"]
BACK = ["c_back", "goCallback", "crosscall2", r"runtime\.cgocallback"]


def plain(name):
    return name[:-5] if name.endswith(".abi0") else name


def holds(frames, *chain):
    """Whether these stand in it, one upon the other."""
    return any(all(re.fullmatch(c, f) for c, f in zip(chain, frames[i:]))
               for i in range(len(frames) - len(chain) + 1))


class Runner:
    def __init__(self, folder):
        self.folder, self.failed, self.tried = folder, [], 0

    def run(self, name, mode, *args):
        path = os.path.join(truth.PROGRAMS, name)
        process = subprocess.Popen([path, str(SECONDS + 2), *args], stdout=subprocess.PIPE)
        process.stdout.readline()
        folded = os.path.join(self.folder, "out.folded")
        try:
            time.sleep(0.2)
            samplers.run([truth.BPFPROF, *mode, "-d", SECONDS, "-p", process.pid, "-o", folded], 60)
            if args:
                process.wait(30)
        finally:
            truth.stop(process)
            process.stdout.close()
        found = [([plain(f) for f in s.frames], s.count) for s in truth.Folded.read(folded)]
        return [(f[1:] if f and f[0].startswith(name[:15]) else f, n) for f, n in found]

    def check(self, what, stacks, wrong, least=LEAST, early=EARLY):
        """`stacks` are those that it is about, `wrong` whether one is."""
        nr, bad = sum(n for _, n in stacks), [(f, n) for f, n in stacks if wrong(f)]
        nr_bad = sum(n for _, n in bad)
        ok = nr >= least and nr_bad <= early * nr + (2 if least == LEAST else 0)
        self.tried += 1
        print("%-52s %9d, %6d wrong  %s" % (what, nr, nr_bad, "ok" if ok else "FAILED"), flush=True)
        if not ok:
            self.failed.append(what)
            for frames, n in sorted(bad, key=lambda b: -b[1])[:5]:
                print("    %d %s" % (n, ";".join(frames[-24:])))


def cpu(runner):
    mode = ["cpu", "-F", samplers.HZ, "-U", "--no-inline"]
    profile = os.path.join(runner.folder, "go.pprof")
    stacks = runner.run("stacks_go", mode, profile)
    switched = [(f, n) for f, n in stacks if "runtime.systemstack" in f]
    runner.check("cpu: on the system stack, to the root", switched,
                 lambda f: not ROOT.fullmatch(f[0]))
    runner.check("cpu: … allocating, from who asked for it",
                 [(f, n) for f, n in switched if "runtime.mallocgc" in f],
                 lambda f: not holds(f, *GO_CHAIN, r"runtime\.\w+"))
    runner.check("cpu: all, to the root", stacks, lambda f: not f or not ROOT.fullmatch(f[0]))
    return switched, profile


def gc(runner):
    stacks = runner.run("stacks_go", ["gc", "--no-inline"])
    runner.check("gc: pauses, to the root (ns)", stacks, lambda f: not ROOT.fullmatch(f[0]),
                 1, FIRST)
    runner.check("gc: … from who allocated (ns)",
                 [(f, n) for f, n in stacks if "runtime.mallocgc" in f],
                 lambda f: not holds(f, *GO_CHAIN, r"runtime\.\w+") or
                 not holds(f, r"runtime\.(gcStart|gcMarkDone)", r"runtime\.systemstack"), 1)


def cgo(runner):
    stacks = runner.run("stacks_cgo", ["cpu", "-F", samplers.HZ, "-U", "--no-inline"])
    runner.check("cgo: C on Go", [(f, n) for f, n in stacks if f[-1] == "c_leaf"],
                 lambda f: not holds(f, r"runtime\.main", *CGO_CHAIN, *CALL, "c_leaf"))
    # burn() has no frame: who called it is not told.
    runner.check("cgo: Go on C on Go", [(f, n) for f, n in stacks if f[-1] == "main.burn"],
                 lambda f: not holds(f, r"runtime\.main", *CGO_CHAIN, *CALL, *BACK))
    runner.check("cgo: the system stack on Go on C on Go",
                 [(f, n) for f, n in stacks
                  if "runtime.systemstack" in f and "main.allocate" in f],
                 lambda f: not holds(f, r"runtime\.main", *CGO_CHAIN, *CALL, *BACK) or
                 not holds(f, "main.goCallback", "main.allocate", r"runtime\.\w+"), 5)


def traces(go, program, profile):
    """As Go's profiler took them, from the root to the leaf."""
    text = samplers.run([go, "tool", "pprof", "-traces", program, profile], 60,
                        env=dict(os.environ, HOME=os.path.dirname(profile), GOFLAGS=""))
    for block in re.split(r"-----------\+-*\n", text)[1:]:
        names = [re.sub(r" \(inline\)$", "", re.sub(r"^\s*(\d[\d.]*m?s)?\s+", "", line))
                 for line in block.splitlines() if line.strip()]
        yield names[::-1]


def compare(runner, go, switched, profile):
    """Who called systemstack for what: of what both have seen, the other one has seen it too."""
    theirs, ours = collections.defaultdict(set), collections.Counter()
    for frames in traces(go, os.path.join(truth.PROGRAMS, "stacks_go"), profile):
        for i, name in enumerate(frames):
            if name == "runtime.systemstack":
                # What was inlined has frames of its own there.
                for called in frames[i + 1:i + 3]:
                    theirs[called].update(frames[max(i - 4, 0):i])
    for frames, n in switched:
        i = frames.index("runtime.systemstack")
        if 0 < i < len(frames) - 1:
            ours[frames[i + 1], frames[i - 1]] += n
    both = {pair: n for pair, n in ours.items() if pair[0] in theirs}
    wrong = {pair: n for pair, n in both.items() if pair[1] not in theirs[pair[0]]}
    runner.tried += 1
    print("who calls systemstack for what Go's profiler has seen: %d, %d otherwise" %
          (sum(both.values()), sum(wrong.values())))
    # It takes 100 samples a second: of what has two callers it may have seen one.
    if len(both) < 2 or sum(wrong.values()) > OTHERWISE * sum(both.values()):
        runner.failed.append("compared with Go's profiler")
        print("    %s" % wrong)


def main():
    truth.need_root_and_bpf()
    if platform.machine() != "x86_64":
        truth.skip_all("only x86-64's code is known")
    if not os.path.exists(os.path.join(truth.PROGRAMS, "stacks_go")):
        truth.skip_all("go is not installed")
    go = sys.argv[3] if len(sys.argv) > 3 else None
    runner = Runner(tempfile.mkdtemp(prefix="bpfprof-go-", dir="/tmp"))
    try:
        switched, profile = cpu(runner)
        if go:
            compare(runner, go, switched, profile)
        gc(runner)
        if os.path.exists(os.path.join(truth.PROGRAMS, "stacks_cgo")):
            cgo(runner)
        else:
            print("skipped: cgo: no C compiler")
    finally:
        shutil.rmtree(runner.folder, True)
    print("%d tried, %d failed" % (runner.tried, len(runner.failed)))
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
