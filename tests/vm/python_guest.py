# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A Python for the guest, of the Debian that its kernel is of, below a root of its own: the
interpreter, its libraries, and those modules without which it doesn't start. And the judge of what
bpfprof said of it."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "python_truth"))
import pythons  # noqa: E402

# By kernel of the table.
VERSIONS = {"5.10": "3.9", "6.1": "3.11", "6.12": "3.13", "newest": "3.14"}
HAVE_CALLS = ["3.9"]  # whose calls can be counted
ROOT = "python"
WORK = "work.py"
LIST = """import sys
for module in list(sys.modules.values()):
    print(getattr(module, "__file__", None) or "")
"""
REAL = """import os, sys
for path in sys.argv[1:]:
    print(os.path.realpath(path))
"""
LOADER = "/lib64/ld-linux-x86-64.so.2"
FRAME = r"(?:Shape\.)?%s \(/work\.py:\d+\)"


def said(python, *command):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True,
                          preexec_fn=python.enter).stdout


def files(python):
    """Paths below its root, and what they are without links."""
    modules = said(python, python.path, "-I", "-S", "-c", LIST).split()
    libraries = re.findall(r"(/\S+) \(0x", said(python, LOADER, "--list", python.path))
    paths = sorted({python.path, LOADER, *modules, *libraries})
    # Where links lead to there, not here.
    real = said(python, python.path, "-I", "-S", "-c", REAL, *paths).split()
    return list(zip(paths, real))


def add(fs, kernel):
    """Puts it into an initramfs: its version. kernel.Unavailable."""
    version = VERSIONS[kernel]
    python = pythons.fetch(version)
    for path, real in files(python):
        fs.file(ROOT + path, python.inside(real))
    for folder in ("proc", "tmp"):
        fs.folder(ROOT + "/" + folder)
    fs.entry(ROOT + "/interpreter", 0o120777, python.path.encode())
    fs.file(ROOT + "/" + WORK, os.path.join(HERE, "python_work.py"), 0o644)
    fs.file(ROOT + "/gc.py", os.path.join(HERE, "..", "gc_truth", "collect.py"), 0o644)
    if version in HAVE_CALLS:
        fs.file(ROOT + "/calls.py", os.path.join(HERE, "python_calls.py"), 0o644)
    return version


def judge_gc(j, version):
    """Each collection that gc.callbacks saw, of each generation."""
    true, found, took = {}, {}, [0.0, 0.0]
    said_there = (line.split() for line in j.text("gc-said.out").splitlines())
    for generation, us in (words for words in said_there if words[0].isdigit()):
        true[generation] = true.get(generation, 0) + 1
        took[0] += float(us) / 1e3
    for row in j.histograms("gc"):
        generation = row["labels"].get("generation")
        found[generation] = found.get(generation, 0) + row["count"]
        took[1] += row["total_ns"] / 1e6
    j.check(len(true) >= 3 and found == true, "python %s: collections %s (%s)"
            % (version, sorted(found.items(), key=str), sorted(true.items())))
    # A breakpoint takes its time here, in what the callbacks see too.
    j.check(abs(took[1] - took[0]) <= 0.2 * took[0] + 0.5 * sum(true.values()),
            "python %s: they took %.1f ms (%.1f)" % (version, took[1], took[0]))


def judge_calls(j, version):
    """Each call, the first ones too."""
    report = j.report("pycalls")
    true = dict(line.split() for line in j.text("pycalls-said.out").splitlines()[1:])
    found = {row["labels"]["function"].split()[0]: str(row["count"])
             for row in (report or {"rows": []})["rows"]}
    j.check(len(true) == 2 and found == true, "python %s: calls %s (%s)" % (version, found, true))


def judge(j, version):
    """Its functions, in the shares that it measured itself; whole stacks."""
    judge_gc(j, version)
    if version in HAVE_CALLS:
        judge_calls(j, version)
    stacks = [s for s in j.folded("python") if any("/work.py:" in f for f in s[0])]
    total = sum(n for _, n in stacks)
    j.check(total >= 100, "python %s: %d samples with frames of its program" % (version, total))
    spent = dict(line.split() for line in j.text("python-said.out").splitlines()
                 if line.count(" ") == 1)
    whole = sum(map(float, spent.values())) or 1
    seen = {name: sum(n for f, n in stacks if any(map(re.compile(FRAME % name).fullmatch, f)))
            for name in spent}
    inside = sum(seen.values())
    j.check(inside >= 0.7 * total, "python %s: %d of them in its parts" % (version, inside))
    for name, used in spent.items():
        share, truth = seen[name] / max(inside, 1), float(used) / whole
        j.check(abs(share - truth) <= 0.1, "python %s: %.1f %% in %s (%.1f)"
                % (version, 100 * share, name, 100 * truth))
    j.check(len(spent) == 5, "python %s: told of %d parts" % (version, len(spent)))
    rooted = sum(n for f, n in stacks if any(x.startswith("<module> (/work.py") for x in f))
    j.check(rooted >= 0.99 * total, "python %s: %d of %d down to <module>"
            % (version, rooted, total))
