#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""test_gc_python.py GC_SITES: where each CPython to be had collects, as its file says it: against
its symbols and notes as readelf prints them; of copies without symbols and without notes, too."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python_truth"))
import pythons  # noqa: E402

COLLECTOR = re.compile(r"(collect|gc_collect_main)(\.(?!cold).*)?$")
LANDING = b"\xf3\x0f\x1e\xfa"
OLDEST_EXPORTED = (3, 9)  # before it, what is exported calls a clone for one generation
NR_ASKS = 4  # of 3.12: gc.collect(), PyGC_Collect(), at the end, by itself
SKIP = 77


class Failed(Exception):
    pass


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True).stdout


class Sites:
    """What gc_sites says of a file."""

    def __init__(self, program, path):
        self.found = self.how = self.why = ""
        self.places = []  # (role, offset, semaphore)
        for line in output(program, path).splitlines():
            word, rest = line.split(" ", 1)
            if word == "found":
                self.found = rest
            elif word == "how":
                self.how = rest
            elif word == "not":
                self.why = rest
            else:
                self.places.append((word, *map(int, rest.split())))

    def of(self, role):
        return sorted(p[1] for p in self.places if p[0] == role)


class Elf:
    """A file as readelf sees it; addresses as offsets in it."""

    def __init__(self, path):
        self.path, self.loads = path, []
        for line in output("readelf", "-lW", path).splitlines():
            m = re.match(r"\s+LOAD\s+(\S+)\s+(\S+)\s+\S+\s+(\S+)", line)
            if m:
                self.loads.append(tuple(int(n, 16) for n in m.groups()))

    def offset(self, address):
        return next(o + address - a for o, a, size in self.loads if a <= address < a + size)

    def collectors(self):
        """{offset: (size, name)}"""
        found = {}
        for line in output("readelf", "-sW", self.path).splitlines():
            m = re.match(r"\s*\d+: ([0-9a-f]+)\s+(\d+) FUNC\s+LOCAL\s+\S+\s+\d+ (\S+)", line)
            if m and COLLECTOR.match(m.group(3)):
                found[self.offset(int(m.group(1), 16))] = int(m.group(2)), m.group(3)
        return found

    def notes(self):
        """{(role, offset, semaphore)}"""
        found, roles = set(), {"gc__start": "begin", "gc__done": "end"}
        for m in re.finditer(r"Provider: python\s+Name: (\S+)\s+"
                             r"Location: (\S+), Base: \S+, Semaphore: (\S+)",
                             output("readelf", "-nW", self.path)):
            if m.group(1) in roles:
                found.add((roles[m.group(1)], *(self.offset(int(n, 16)) for n in m.groups()[1:])))
        return found

    def entry(self, offset):
        """Of the function that is probed here."""
        with open(self.path, "rb") as f:
            f.seek(offset - 4)
            return offset - 4 if f.read(4) == LANDING else offset


def file_of(python, program):
    """The file that holds the runtime, among those that it maps."""
    script = "import re; print(*sorted(set(re.findall(r'(/\\S+)$', open('/proc/self/maps').read()," \
             " re.M))), sep='\\n')"
    mapped = subprocess.run(python.command("-c", script), stdout=subprocess.PIPE, text=True,
                            check=True).stdout.split("\n")
    paths = [p if p.startswith(python.root or "/") else python.inside(p) for p in mapped if p]
    found = [p for p in paths if os.path.isfile(p) and Sites(program, p).found]
    if len(found) != 1:
        raise Failed("found in %s" % (found or "no file"))
    return found[0]


def says_itself(python):
    """From 3.13 on a collector calls back when it begins and when it is done, and the places of these
    calls are what is probed: calls of it that collect nothing don't come there. Without a GIL these
    are few, and no one branch is what all that do take."""
    return python.version >= (3, 13) and not python.free_threaded


def check_asks(elf, known, sites):
    """Each call of a collector, by objdump, and soon behind it the next call or, where there is
    none, the next instruction."""
    targets = {name for _, name in known.values()}
    lines = [m.groups() for m in
             re.finditer(r"^ *([0-9a-f]+):\s+(\S+)(?:\s+[0-9a-f]+ <([^>+]+)>)?.*$",
                         output("objdump", "-d", "--no-show-raw-insn", elf.path), re.M)]
    pairs = []
    for i, (address, what, target) in enumerate(lines):
        if what != "call" or target not in targets:
            continue
        behind = i + 1
        while lines[behind][1][:3] in ("mov", "lea", "xor"):
            behind += 1
        behind = behind if lines[behind][1] == "call" else i + 1
        pairs.append([elf.offset(int(a, 16)) for a in (address, lines[behind][0])])
    if len(pairs) != NR_ASKS or sites.of("begin") != sorted(p[0] for p in pairs) or \
            sites.of("end") != sorted(p[1] for p in pairs):
        raise Failed("begins %s, ends %s, not %s" % (sites.of("begin"), sites.of("end"), pairs))


def check_symbols(python, elf, sites):
    known = elf.collectors()
    if says_itself(python):
        for place in sites.of("begin") + sites.of("end"):
            if not any(o < place < o + size for o, (size, _) in known.items()):
                raise Failed("%d lies in no collector" % place)
        return
    if python.version == (3, 12):
        check_asks(elf, known, sites)
        return
    begins = {elf.entry(o) for o in sites.of("begin")}
    ends = sites.of("end")
    if begins != set(known) or sites.of("begin") != ends:
        raise Failed("begins %s, but collectors are %s" % (begins, known))


def check_version(python, sites):
    if sites.found != "Python %d.%d" % python.version:
        raise Failed("it is taken for %s" % (sites.found or "nothing"))


def check_said(python, sites):
    begins, ends = set(sites.of("begin")), set(sites.of("end"))
    if sites.of("tell") or not begins or not ends or bool(begins & ends) == (
            says_itself(python) or python.version == (3, 12)):
        raise Failed("begins at %s, ends at %s, told at %s" % (begins, ends, sites.of("tell")))


def check_copy(python, program, path, command, whole):
    """Without what names it: from what is exported."""
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy")
        shutil.copyfile(path, copy)
        subprocess.run([*command, copy], check=True)
        sites = Sites(program, copy)
        check_version(python, sites)
        if python.version < OLDEST_EXPORTED:
            if not sites.why.endswith("no probe in this build: neither USDT nor symbols"):
                raise Failed("stripped: %s" % (sites.why or sites.how))
            return "stripped: refused"
        if sites.how != "PyGC_Collect" or len(sites.of("begin")) != (NR_ASKS if python.version == (3, 12) else 1):
            raise Failed("stripped: %s %s" % (sites.how, sites.why))
        check_said(python, sites)
        if whole.how != "USDT" and sites.places != whole.places:
            raise Failed("stripped: %s, not %s" % (sites.places, whole.places))
        return "stripped: by " + sites.how


def check(python, program):
    path = file_of(python, program)
    sites, elf = Sites(program, path), Elf(path)
    check_version(python, sites)
    notes = elf.notes()
    if notes:
        if sites.how != "USDT" or set(sites.places) != notes:
            raise Failed("%s: %s, but notes are %s" % (sites.how, sites.places, notes))
        command = ["objcopy", "-R", ".note.stapsdt"]
    else:
        check_symbols(python, elf, sites)
        check_said(python, sites)
        command = ["strip"]
    return "%s; %s" % (sites.how, check_copy(python, program, path, command, sites))


def main():
    program = sys.argv[1]
    if not shutil.which("readelf") or not shutil.which("objcopy"):
        print("test_gc_python: binutils are not installed")
        return SKIP
    found, missing = pythons.every()
    failed = 0
    for python in found:
        try:
            print("%-16s %s" % (python.name, check(python, program)), flush=True)
        except Failed as e:
            failed += 1
            print("%-16s FAILED: %s" % (python.name, e), flush=True)
    for name, why in missing.items():
        print("%-16s not there: %s" % (name, why))
    if not found:
        print("test_gc_python: there is no CPython")
        return SKIP
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
