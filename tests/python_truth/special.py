# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs that are more than a program on an interpreter: processes that are over at once or become
another interpreter's, programs with an interpreter in them, files without symbols."""
import collections
import glob
import os
import shutil
import subprocess

import samplers
import truth
from awaited import awaited
from runs import Skip
from stacks import CUT, EMPTY, FALSE, WHOLE, Judge, farthest, parse, part_of, shares, verdict

SECONDS = 1.0
NR_BRIEF, NR_RARE = 25, 150


def with_libpython(found, version):
    """(interpreter, its shared library): of a version, with the files to link against."""
    for python in found:
        folder = os.path.join(os.path.dirname(os.path.dirname(python.path)), "lib")
        library = os.path.join(folder, "libpython%d.%dm.so.1.0" % python.version)
        if not os.path.exists(library):
            library = library.replace("m.so", ".so")
        if python.version == version and not python.root and os.path.exists(library):
            return python, library
    raise Skip("no Python %d.%d with a shared library here" % version)


def tell(table, who, what, judge, measured, version):
    counts, bad = judge.count(measured.folded)
    spent = measured.said["spent"]
    apart = farthest(shares(measured.folded, lambda s: part_of(s, spent, version)), spent)
    wrong = list(verdict(counts, apart, measured.quality))
    table.row(who, what, counts, apart, wrong, bad)


def embed(runner, table, found, version, loaded):
    python, library = with_libpython(found, version)
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise Skip("no C compiler")
    folder, program = os.path.dirname(library), runner.path("embed")
    name = os.path.basename(library)[len("lib"):].split(".so")[0]
    how = ["-DLOADED"] if loaded else ["-L", folder, "-l" + name, "-Wl,-rpath," + folder]
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs", "embed.c")
    samplers.run([compiler, "-O2", "-fomit-frame-pointer", source, "-o", program, *how, "-ldl",
                  "-lpthread"], 60)
    env = dict(runner.env, PYTHONHOME=os.path.dirname(folder))
    process = runner.start([program, library, runner.folder], env=env)
    measured = runner.watch(process, SECONDS, "--lines")
    judge = runner.judge(python, True)
    tell(table, python.name, "loaded" if loaded else "embedded", judge, measured, python.version)
    # The C function that runs the interpreter stays, below all of its frames.
    without = sum(s.count for s in measured.folded if part_of(s, measured.said["spent"], version)
                  and "embedded_run" not in s.frames)
    if without:
        table.failure(python.name, "embed", "%d without the C function below" % without)


def embedded(runner, table, found):
    for version, loaded in (((3, 11), False), ((3, 8), True), ((3, 13), True)):
        try:
            embed(runner, table, found, version, loaded)
        except Skip as e:
            table.skip("%d.%d" % version, "embedded", e)
        except samplers.Failed as e:
            table.failure("%d.%d" % version, "embedded", e)


def stripped_copy(runner, found, version):
    python, library = with_libpython(found, version)
    folder = runner.path("stripped")
    shutil.rmtree(folder, True)
    os.mkdir(folder)
    for path in (python.path, library):
        samplers.run(["strip", "-o", os.path.join(folder, os.path.basename(path)),
                      os.path.realpath(path)], 60)
    env = dict(runner.env, LD_LIBRARY_PATH=folder,
               PYTHONHOME=os.path.dirname(os.path.dirname(library)))
    return python, os.path.join(folder, os.path.basename(python.path)), env


def stripped(runner, table, found):
    for version in ((3, 7), (3, 10), (3, 12)):
        try:
            python, path, env = stripped_copy(runner, found, version)
            process = runner.start([path, runner.path("split.py")], env=env)
            measured = runner.watch(process, 1.5 * SECONDS, "--lines")
            tell(table, python.name, "stripped", runner.judge(python, True), measured,
                 python.version)
        except Skip as e:
            table.skip("%d.%d" % version, "stripped", e)
        except samplers.Failed as e:
            table.failure("%d.%d" % version, "stripped", e)


def only_python(runner, table, found):
    """--native=no: nothing but Python's frames; beneath zlib is the function that called it."""
    python = found[len(found) // 2]
    try:
        measured = runner.watch(runner.program(python, "split.py"), SECONDS, "--native=no")
    except samplers.Failed as e:
        table.failure(python.name, "native=no", e)
        return
    tell(table, python.name, "native=no", runner.judge(python, False), measured, python.version)
    others = collections.Counter()
    # Those without Python frames are native as a whole.
    for s in (s for s in measured.folded if any(map(parse, s.frames))):
        for text in s.frames:
            if not parse(text) and not text.startswith("["):
                others[text] += s.count
    if others:
        table.failure(python.name, "native=no", "has %s" % others.most_common(3))


def c_beneath(runner, table, found):
    """What C does for a function is beneath it: zlib's code and the kernel's upon its frame."""
    for python in (found[0], found[-1]):
        try:
            measured = runner.watch(runner.program(python, "threads.py"), SECONDS)
        except samplers.Failed as e:
            table.failure(python.name, "beneath", e)
            continue
        inside = above = 0
        for s in measured.folded:
            names = [parse(text) for text in s.frames]
            if any(f and f.name == "zipped" for f in names):
                inside += s.count
                above += s.count * (names[-1] is None)
        counts = collections.Counter({WHOLE: above, EMPTY: inside - above})
        wrong = ["%d of %d have no C frame" % (inside - above, inside)]
        table.row(python.name, "beneath", counts, (0, ""),
                  wrong if above < 0.95 * inside or inside < 20 else [], collections.Counter())


def forks(runner, table, found):
    """A child that works on, a child of it, and their parent: of the process's whole life."""
    for version in ((3, 10), (3, 14)):
        python = next((p for p in found if p.version == version), None)
        if not python:
            table.skip("%d.%d" % version, "forks", "not there")
            continue
        try:
            measured = runner.whole(python, 2 * SECONDS, "forks.py", str(2 * SECONDS))
        except samplers.Failed as e:
            table.failure(python.name, "forks", e)
            continue
        # An interpreter that starts has no Python frames for long.
        parts = measured.said["spent"]
        measured.folded = truth.Folded(s for s in measured.folded if part_of(s, parts, version))
        tell(table, python.name, "forks", runner.judge(python, True), measured, version)


def execs(runner, table, found):
    """One process that becomes another version's again and again."""
    chain = [p for p in found if not p.root]
    chain = (chain[::2] + chain[1::2])[:8]
    if len(chain) < 2:
        table.skip("", "execs", "only one interpreter")
        return
    try:
        folded, report, printed = runner.bpfprof("--", chain[0].path, "-B", runner.path("execs.py"),
                                            "0.4", *(p.path for p in chain[1:]))
    except samplers.Failed as e:
        table.failure("all", "execs", e)
        return
    told = [line.split() for line in printed.splitlines() if line.count(" ") == 2]
    judges = {p.name: Judge(runner.codes(p), False, p.version) for p in chain}
    counts, bad = collections.Counter(), collections.Counter()
    # The interpreters of all differ in nothing but names here, and these are the same.
    mine = [s for s in folded if part_of(s, {"part": 0}, (3, 11))]
    for s in mine:
        verdicts = [j.judge(s.frames) for j in judges.values()]
        good = next((v for v in verdicts if v[0] == WHOLE), verdicts[0])
        counts[good[0]] += s.count
        if good[0] != WHOLE:
            bad["%s: %s" % (good[1], ";".join(s.frames)[-300:])] += s.count
    wrong = ["%d that it never had" % counts[FALSE]] if counts[FALSE] else []
    # The clock of a process goes on across exec.
    used = sum(float(words[1]) for words in told)
    expected = used / max(float(told[-1][2]) if told else 0, 0.001)
    share = sum(s.count for s in mine) / max(1, folded.executed())
    if len(told) != len(chain):
        wrong.append("only %d of %d ran" % (len(told), len(chain)))
    # Each interpreter that starts is a stranger for some milliseconds.
    late = report["quality"].get("interpreted_late", 0) / max(1, folded.executed())
    if share < expected - 0.05 - late or late > 0.15:
        wrong.append("in its functions: %.1f %%, and they were %.1f %%"
                     % (100 * share, 100 * expected))
    table.row("%d versions" % len(chain), "execs", counts, (100 * abs(share - expected), "work"),
              wrong, bad)


def count_brief(runner, table, python, what, nr, hz, least, program):
    """Of what so many short processes of a program say that they used, how much was seen."""
    try:
        folded, report, printed = runner.bpfprof("-F", hz, "--lines", "--", *program)
    except samplers.Failed as e:
        table.failure(python.name, what, e)
        return
    used = [tuple(map(float, line.split())) for line in printed.splitlines()
            if line.count(" ") == 1]
    judge, spent = runner.judge(python, True), {"brief_work": 1}
    mine = truth.Folded(s for s in folded if part_of(s, spent, python.version))
    counts, bad = judge.count(mine)
    # Of all that ran, so much was in its function: the shell and ld.so were the rest.
    expected = sum(u[0] for u in used) * hz
    got = sum(s.count for s in mine)
    wrong = []
    if len(used) != nr:
        wrong.append("only %d of %d ran" % (len(used), nr))
    if counts[WHOLE] < 0.98 * got or counts[FALSE]:
        wrong.append("%d not right" % (got - counts[WHOLE]))
    if got < least * expected:
        wrong.append("%d samples of %.0f; %d late"
                     % (got, expected, report["quality"].get("interpreted_late", 0)))
    table.row(python.name, what, counts, (100 * abs(1 - got / max(expected, 1)), "of its time"),
              wrong, bad)


def brief(runner, table, found):
    """Many processes that are over within 30 ms, one after the other: started, and forked. At 99 Hz
    the first sample of most is their only one; where that fell is chance, within a tenth."""
    for python in [p for p in found if p.version in ((3, 8), (3, 11), (3, 13)) and not p.root]:
        command = [python.path, "-I", "-S", "-B", runner.path("brief.py")]
        for hz, nr, least in ((997, NR_BRIEF, 0.92), (99, NR_RARE, 0.7)):
            script = "for i in $(seq %d); do '%s'; done" % (nr, "' '".join(command))
            count_brief(runner, table, python, "brief, %d Hz" % hz, nr, hz, least,
                        ["/bin/sh", "-c", script])
        count_brief(runner, table, python, "forked, 99 Hz", NR_RARE, 99, 0.7,
                    [*command, NR_RARE])


def again(runner, table, found):
    """Frames of an interpreter on both sides of another one's: joined right, or counted."""
    for python in [p for p in found if (3, 8) <= p.version <= (3, 11) and not p.root]:
        try:
            measured = runner.watch(runner.program(python, "again.py"), SECONDS)
        except Skip as e:
            table.skip(python.name, "again", e)
            continue
        except samplers.Failed as e:
            table.failure(python.name, "again", e)
            continue
        counts, bad = collections.Counter(), collections.Counter()
        for s in measured.folded:
            names = [f.name for f in map(parse, s.frames) if f]
            if "back" not in names:
                continue
            if "within" not in names:
                counts[CUT] += s.count
                continue
            good = names.index("outer") < names.index("within") < names.index("back")
            counts[WHOLE if good else FALSE] += s.count
            bad[";".join(names)] += 0 if good else s.count
        told = measured.quality.get("unjoined", 0) + measured.quality.get("interpreted_lost", 0)
        wrong = ["%d that it never had" % counts[FALSE]] if counts[FALSE] else []
        if sum(counts.values()) < 20:
            wrong.append("%d samples only" % sum(counts.values()))
        if counts[CUT] > told:
            wrong.append("%d without the other interpreter, %d said to be so"
                         % (counts[CUT], told))
        table.row(python.name, "again", counts, (0, ""), wrong, bad)


SPECIAL = {"embedded": embedded, "stripped": stripped, "native=no": only_python,
           "beneath": c_beneath, "forks": forks,
           "execs": execs, "brief": brief, "awaited": awaited, "again": again}
