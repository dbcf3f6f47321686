#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof calls --python against cProfile: all calls of all functions, by whom, and their times;
of a process that is there already, and of one from its first instruction on.

Usage: test_python.py BPFPROF FOLDER [INTERPRETER …]
"""
import json
import os
import pstats
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "python_truth"), os.path.join(HERE, "..", "truth"),
                os.path.join(HERE, "..", "vm")]
import pythons  # noqa: E402
import truth  # noqa: E402

LIMIT_S = 60
EMBEDS = """#include <stdlib.h>
int Py_BytesMain(int, char **);
int main(int argc, char **argv) { setenv("PYTHONHOME", HOME, 1); return Py_BytesMain(argc, argv); }
"""
# Until the probes of a file that can't be foreseen are there.
ATTACHING_S = 3
# Where calls are so few that probes hardly take part, shares are comparable.
SHARE_LEAST, SHARE_APART = 0.05, 0.10
TIMES_TRIED = 3


class Measured:
    """A program that does what it is told, and bpfprof looking at it."""

    def __init__(self, folder, python):
        self.folder = folder
        self.program = subprocess.Popen([python.path, os.path.join(folder, "program.py")],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=python.enter, cwd=folder)
        self.bpfprof = None
        self.expect("ready")

    def expect(self, text):
        line = self.program.stdout.readline().strip()
        if line != text:
            raise RuntimeError("the program says '%s', not '%s'" % (line, text))

    def tell(self, text, answer):
        self.program.stdin.write(text + "\n")
        self.program.stdin.flush()
        self.expect(answer)

    def watch(self, *options):
        self.bpfprof = subprocess.Popen(
            [truth.BPFPROF, "calls", "--python", "-v", "-p", str(self.program.pid), "-d",
             str(LIMIT_S), *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder)
        said = []
        for text in self.bpfprof.stderr:
            said.append(text)
            if "measuring since" in text:
                return
        raise RuntimeError("bpfprof: " + "".join(said)[-500:])

    def report(self):
        self.bpfprof.send_signal(signal.SIGINT)
        out, err = self.bpfprof.communicate(timeout=LIMIT_S)
        if self.bpfprof.returncode:
            raise RuntimeError("bpfprof: exit status %d: %s" % (self.bpfprof.returncode,
                                                              err[-500:]))
        return json.loads(out)

    def end(self):
        for process in (self.bpfprof, self.program):
            if process and process.poll() is None:
                process.kill()
                process.wait()


def name_of(key):
    """(line, name) of a function of the work; None: of another file. From 3.11 on we have the
    qualified name, cProfile has not."""
    file, line, name = key
    if os.path.basename(file) not in ("work.py", "made"):
        return None
    return os.path.basename(file), line, name.rsplit(".", 1)[-1]


def read(path):
    """{function: (ncalls, primitive, tottime, cumtime, {caller: (ncalls, primitive)})}."""
    out = {}
    for key, (primitive, calls, own, total, callers) in pstats.Stats(path).stats.items():
        name = name_of(key)
        if not name or not calls:
            continue
        by = {name_of(k): tuple(v[:2]) for k, v in callers.items() if name_of(k)}
        # From 3.12 on it has functions of C, also where they were not asked for.
        if any(k[0] == "~" for k in callers):
            by = None
        out[name] = (calls, primitive, own, total, by)
    return out


def compare_rows(report, ours):
    """The JSON rows and the file for pstats have the same numbers."""
    rows = {}
    for row in report["rows"]:
        file = os.path.basename(row["labels"].get("file", ""))
        name = row["labels"]["function"].split(" (")[0].rsplit(".", 1)[-1]
        if file in ("work.py", "made"):
            rows[file, row["line"], name] = (row["count"], row["primitive"],
                                             sum(c["count"] for c in row["callers"]))
    stats = {k: (v[0], v[1]) for k, v in ours.items()}
    if stats != {k: v[:2] for k, v in rows.items()}:
        return ["JSON and pstats differ: %s" % sorted(set(rows) ^ set(stats))]
    calls = sum(row["count"] for row in report["rows"])
    if calls != report["quality"]["events"]:
        return ["%d calls, said to be %d events" % (calls, report["quality"]["events"])]
    # Only what a thread begins with has no caller.
    return ["%s: %d calls, %d of them by callers" % (k[2], v[0], v[2])
            for k, v in rows.items() if v[0] != v[2]]


def measure(folder, python):
    """(what cProfile says, what we say, the report)."""
    reference, ours = (os.path.join(folder, n) for n in ("reference.prof", "ours.prof"))
    subprocess.run([python.path, os.path.join(folder, "program.py"), "work", reference], check=True,
                   preexec_fn=python.enter, cwd=folder, timeout=LIMIT_S)
    m = Measured(folder, python)
    try:
        m.watch("--json", "-o", ours)
        m.tell("go", "done")
        report = m.report()
    finally:
        m.end()
    return read(reference), read(ours), report


def measure_whole(folder, python):
    """The same of a program from its first call on, with what it imports."""
    program = os.path.join(folder, "program.py")
    reference, ours = (os.path.join(folder, n) for n in ("reference.prof", "ours.prof"))
    subprocess.run([python.path, program, "whole", reference], check=True,
                   preexec_fn=python.enter, cwd=folder, timeout=LIMIT_S)
    command = python.command(program, "whole")
    if python.root:
        # Its files have other names here: another process shows them first.
        first = python.command("-c", "import time; time.sleep(%d)" % ATTACHING_S)
        command = ["sh", "-c", shlex.join(first) + " && " + shlex.join(command)]
    done = subprocess.run([truth.BPFPROF, "calls", "--python", "--json", "-o", ours, "--",
                           *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          cwd=folder, timeout=LIMIT_S)
    if done.returncode:
        raise RuntimeError("bpfprof: exit status %d: %s" % (done.returncode, done.stderr[-500:]))
    return read(reference), read(ours), json.loads(done.stdout)


def differences(expected, got):
    """Lines that say what is not the same."""
    lines = []
    for name in sorted(set(expected) | set(got)):
        e, g = expected.get(name, (0, 0, 0, 0, {})), got.get(name, (0, 0, 0, 0, {}))
        calls, primitive, _, _, by = g
        if (calls, primitive) != e[:2]:
            lines.append("%s: %d calls, %d primitive; cProfile: %d, %d"
                         % (name[2], calls, primitive, e[0], e[1]))
        # Threads are started by no function of the work.
        if name[2] not in ("worker", "run") and e[4] is not None and by != e[4]:
            lines.append("%s: callers %s; cProfile: %s" % (name[2], by, e[4]))
    return lines


def shares(functions, which):
    whole = sum(f[2] for f in functions.values())
    return {n: f[which] / whole for n, f in functions.items()}


def check_times(expected, got):
    lines = []
    for which, what in ((2, "tottime"), (3, "cumtime")):
        e, g = shares(expected, which), shares(got, which)
        for name, share in e.items():
            # What is started in a thread waits for others.
            if name[2] in ("worker", "run") or share < SHARE_LEAST:
                continue
            if abs(share - g.get(name, 0)) > SHARE_APART:
                lines.append("%s: %.0f %% of %s, %.0f %% by cProfile"
                             % (name[2], 100 * g.get(name, 0), what, 100 * share))
    order = [sorted(s, key=s.get, reverse=True)[:2] for s in (shares(expected, 2), shares(got, 2))]
    if order[0] != order[1]:
        lines.append("most time: %s, by cProfile %s" % (order[1], order[0]))
    return lines


def check_quality(report, *more):
    q = report["quality"]
    return ["%d %s" % (q[k], k) for k in ("lost", "no_stack", "code_lost", "unreturned",
                                          "unprobed", "detached", "memory_limited",
                                          "interpreted_late", *more) if q[k]]


def embedded(folder, python):
    """One that has its interpreter in a library, whose variables of a thread the linker places; of
    a root folder, but it runs outside."""
    name = "python%d.%d" % python.version
    libraries = python.root + "/usr/lib/x86_64-linux-gnu"
    path = os.path.join(folder, name)
    subprocess.run(["cc", "-x", "c", "-", "-x", "none", "-o", path, '-DHOME="%s/usr"' % python.root,
                    "%s/lib%s.so.1" % (libraries, name), "-Wl,--allow-shlib-undefined",
                    "-Wl,--disable-new-dtags,-rpath,%s" % libraries,
                    "-Wl,--dynamic-linker,%s/lib64/ld-linux-x86-64.so.2" % python.root],
                   input=EMBEDS, text=True, check=True, timeout=LIMIT_S)
    return pythons.Python("embedded-%d.%d" % python.version, path)


def check_refused(folder, python):
    """One line that names what could be done instead, at once."""
    m = Measured(folder, python)
    try:
        done = subprocess.run([truth.BPFPROF, "calls", "python", "-p", str(m.program.pid)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=LIMIT_S)
    finally:
        m.end()
    if done.returncode == 1 and done.stderr.count("\n") == 1 and not done.stdout and \
            "bpfprof cpu -p %d -o FILE.prof" % m.program.pid in done.stderr:
        # Below a root of its own another Python would have to start it.
        return [] if python.root else check_refused_program(python)
    return ["exit status %d, %s" % (done.returncode, done.stderr)]


def check_refused_program(python):
    """What a program is, is seen when it runs: its own status would say that it was measured."""
    done = subprocess.run([truth.BPFPROF, "calls", "--python", "--", python.path, "-S", "-c",
                           "import time; time.sleep(0.5)"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=LIMIT_S)
    if done.returncode == 1 and done.stderr.count("\n") == 1 and \
            "nothing was measured: Python 3." in done.stderr and \
            "bpfprof cpu -o FILE.prof" in done.stderr:
        return []
    return ["a program: exit status %d, %s" % (done.returncode, done.stderr)]


def check(folder, python):
    if (3, 11) <= python.version < (3, 15):
        return "refused", check_refused(folder, python)
    # Times are those of a machine that does other things, too; counts are not.
    for _ in range(TIMES_TRIED):
        expected, got, report = measure(folder, python)
        lines = differences(expected, got) + check_quality(report) + compare_rows(report, got)
        times = check_times(expected, got)
        if lines or not times:
            break
    lines += times
    numbers = [len(expected), sum(f[0] for f in expected.values())]
    expected, got, report = measure_whole(folder, python)
    # The process that came first had begun some.
    quality = check_quality(report, *([] if python.root else ["no_start"]))
    lines += ["from its start: " + line
              for line in differences(expected, got) + quality + compare_rows(report, got)]
    numbers += [len(expected), sum(f[0] for f in expected.values())]
    return "%d functions, %d calls; from its start %d, %d" % tuple(numbers), lines


def main():
    truth.BPFPROF = os.path.abspath(sys.argv[1])
    wanted = sys.argv[3:]
    if os.geteuid():
        print("skipped: needs root")
        return 77
    found, missing = pythons.every()
    # Whose loop has its end inlined, and which has USDT.
    if not any(p.name == "debian-3.9" for p in found):
        try:
            found.append(pythons.fetch("3.9"))
        except pythons.kernel.Unavailable as e:
            missing["debian-3.9"] = str(e)
    failed = 0
    embeds = tempfile.TemporaryDirectory(dir="/tmp", prefix="calls-truth-")
    found += [embedded(embeds.name, p) for p in found if p.name == "debian-3.15"]
    for python in found:
        if wanted and python.name not in wanted:
            continue
        with tempfile.TemporaryDirectory(dir="/tmp", prefix="calls-truth-") as folder:
            os.chmod(folder, 0o755)
            for name in ("work.py", "program.py"):
                shutil.copy(os.path.join(HERE, name), folder)
            try:
                what, lines = check(folder, python)
            except (RuntimeError, OSError, subprocess.SubprocessError, ValueError) as e:
                what, lines = "", [str(e)]
        print("%s %-16s %s" % ("FAILED" if lines else "ok    ", python.name, what))
        for line in lines:
            print("         " + line)
        failed += bool(lines)
    for name, why in missing.items():
        print("skipped %s: %s" % (name, why))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
