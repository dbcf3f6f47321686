# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Starts programs on an interpreter, has bpfprof look at them, and collects what both say."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "truth"), os.path.join(HERE, "..", "unwind_truth")]
import samplers  # noqa: E402
import stacks  # noqa: E402
import truth  # noqa: E402

HZ = 997
GAP = "\n" * 300
MODULES = ["ñandú", "пакет", "𐌼𐍉𐌳"]  # letters of one, two and four bytes
READY_S = 20


class Skip(Exception):
    """Why something can't be tried here."""


class Measured:
    """What was seen, and the truth."""

    def __init__(self, folded, quality, said):
        self.folded, self.quality, self.said = folded, quality, said


def told(said, complaint):
    """What a program, and its children, said at their end."""
    found = [json.loads(line) for line in said.splitlines() if line.startswith("{\"spent")]
    if not found:
        raise samplers.Failed("the program said nothing: " + complaint.strip()[-300:])
    for more in found[1:]:
        found[0]["spent"].update(more["spent"])
    return found[0]


def within(said, began, seconds):
    """What was spent in the time that was measured."""
    def before(moment):
        return next((spent for at, spent in reversed(said["history"]) if at <= moment), {})

    first, last = before(began), before(began + seconds)
    spent = {part: used - first.get(part, 0) for part, used in last.items()}
    return dict(said, spent=spent) if spent else said


class Runner:
    """The programs lie where interpreters with a root of their own see them, too: below /tmp."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bpfprof-python-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        source = os.path.join(HERE, "programs")
        for name in os.listdir(source):
            if name.endswith(".py"):
                with open(os.path.join(source, name), encoding="utf-8") as f:
                    text = re.sub(r"\n *# GAP\n", GAP, f.read())
                self.write(name, text)
        for module in MODULES:
            shutil.copy(self.path("letters.py"), self.path(module + ".py"))
        self.known = {}
        self.env = dict(os.environ, LC_ALL="C.UTF-8", PYTHONDONTWRITEBYTECODE="1",
                        PYTHONIOENCODING="utf-8")
        for name in ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"):
            self.env.pop(name, None)

    def done(self):
        shutil.rmtree(self.folder, True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def codes(self, python):
        """As stacks.Judge wants them: of all programs."""
        if python.name not in self.known:
            paths = [self.path(n) for n in sorted(os.listdir(self.folder)) if n.endswith(".py")]
            out = samplers.run([python.path, self.path("codes.py"), *paths], 60, env=self.env,
                               preexec_fn=python.enter)
            self.known[python.name] = json.loads(out)
        return self.known[python.name]

    def judge(self, python, by_line):
        return stacks.Judge(self.codes(python), by_line, python.version)

    def start(self, command, python=None, env=None):
        """A process that is ready to be measured."""
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=env or self.env, cwd=self.folder,
                                   preexec_fn=python.enter if python else None)
        line = process.stdout.readline()
        if line.strip() != "ready":
            truth.stop(process)
            said = (line + process.stderr.read()).strip()
            process.stdout.close()
            process.stderr.close()
            if "skipped: " in said:
                raise Skip(said.split("skipped: ")[1].splitlines()[0])
            raise samplers.Failed("the program did not get ready: " + said[-300:])
        time.sleep(0.05)
        return process

    def program(self, python, name, *args):
        return self.start([python.path, self.path(name), *args], python)

    def bpfprof(self, *args, timeout=60):
        """(the stacks, the report, what the program printed)."""
        out, report = self.path("out.folded"), self.path("report.json")
        with open(report, "w", encoding="utf-8") as f:
            command = [truth.BPFPROF, "cpu", "-q", "-F", str(HZ), "--no-inline", "--json", "-o",
                       out, *map(str, args)]
            done = subprocess.run(command, stdout=f, stderr=subprocess.PIPE, text=True,
                                  timeout=timeout, check=False, cwd=self.folder, env=self.env)
        if done.returncode:
            raise samplers.Failed("bpfprof exited with %d: %s" % (done.returncode,
                                                                  done.stderr.strip()[-400:]))
        with open(report, encoding="utf-8", errors="replace") as f:
            printed = f.read()
        # The program's words, then the report.
        at = printed.find("{\n\"mode\"")
        if at < 0:
            raise samplers.Failed("no report: " + printed[-200:])
        return truth.Folded.read(out), json.loads(printed[at:]), printed[:at]

    def watch(self, process, seconds, *options):
        """Measures it for so long, ends it, and asks what it knows."""
        try:
            folded, report, _ = self.bpfprof("-d", seconds, "-p", process.pid, *options)
        except BaseException:
            truth.stop(process)
            raise
        finally:
            if process.poll() is None:
                process.terminate()
        try:
            said, complaint = process.communicate(timeout=READY_S)
        except subprocess.TimeoutExpired:
            process.kill()
            said, complaint = process.communicate()
        known = within(told(said, complaint), report["time_ns"] / 1e9,
                       report["duration_ns"] / 1e9)
        return Measured(folded, report["quality"], known)

    def whole(self, python, seconds, name, *args):
        """Measures a program from its beginning to its end."""
        words = python.command("-B", self.path(name), *args)
        folded, report, printed = self.bpfprof("--lines", "--", *words, timeout=seconds + 60)
        return Measured(folded, report["quality"], told(printed, ""))
