#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""test_python.py WALK_PYTHON PROGRAMS [PYTHON…]: for each CPython of the machine (of pyenv, of the
distribution, and those of $BPFPROF_PYTHONS, with colons), a program whose threads sit at known
places; what bpf/python.h walks there, by what user/runtime says of the process, must be what
they run. The same of programs that have CPython in them, and of what only looks like one."""
import errno
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python_truth"))
import free_threaded  # noqa: E402

TARGET = os.path.join(os.path.dirname(os.path.abspath(__file__)), "target.py")
# enum abi_interpreted
NONE, WHOLE, AMBIGUOUS = 0, 1, 5
TRIES = 200


class Failed(Exception):
    pass


def pythons():
    base = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    found = glob.glob(os.path.join(base, "versions", "3.*", "bin", "python3"))
    found += [p for p in glob.glob("/usr/bin/python3.*") if re.search(r"python3\.\d+$", p)]
    found += filter(None, os.environ.get("BPFPROF_PYTHONS", "").split(":"))
    found += filter(None, map(free_threaded.path_of, free_threaded.SOURCES))
    return sorted(p for p in found if os.access(p, os.X_OK))


class Target:
    def __init__(self, command, **more):
        environment = dict(os.environ, PYTHONIOENCODING="utf-8", PYTHONDONTWRITEBYTECODE="1",
                           **more)
        self.process = subprocess.Popen(command,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, encoding="utf-8", env=environment)
        self.threads = []  # (kind, pointer, names)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()  # that ends it
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def read(self):
        for line in self.process.stdout:
            word, *rest = line.split()
            if word == "ready":
                return
            if word == "thread":
                self.threads.append((rest[0], rest[1], rest[2:]))
        raise Failed("the target ended: " + self.process.stderr.read()[-500:])


class Walk:
    """What walk_python said: of each thread why it ended, routes, entries, names."""

    def __init__(self, walker, pid, threads):
        got = subprocess.run([walker, str(pid), *threads], stdout=subprocess.PIPE, timeout=60,
                             encoding="utf-8", errors="replace")
        if got.returncode:
            raise Failed("nothing found: " + got.stdout.strip())
        self.version, self.routes, self.loop, self.threads = "", "", [], {}
        for line in got.stdout.splitlines():
            word, *rest = line.split()
            if word == "version":
                self.version = " ".join(rest)
            elif word == "routes":
                self.routes = " ".join(rest)
            elif word == "loop":
                self.loop.append((int(rest[0], 16), int(rest[1], 16)))
            elif word == "thread":
                self.threads[rest[0]] = (int(rest[1]), rest[2], int(rest[3]), rest[4:])


def wanted(kind, version, names):
    """(stop, routes one of which must have led there, names) of a thread's kind."""
    if kind == "idle" or kind == "main":
        return WHOLE, "KS", names
    if kind == "busy":
        return WHOLE, "HG", names
    if kind == "sub-busy":
        return WHOLE, "HG", names
    if kind == "sub-idle" and version < (3, 12):
        return AMBIGUOUS, "S", []
    return WHOLE, "KS", names


def judge(kind, version, names, got, is_sub):
    stop, routes, expected = wanted(kind, version, names)
    if is_sub and version < (3, 12) and kind in ("idle", "main"):
        stop, expected = AMBIGUOUS, []
    said = got[0], got[3]
    if said != (stop, expected):
        return "%s: stop %d instead of %d, %s instead of %s" % (kind, got[0], stop, got[3],
                                                                expected)
    if not set(routes) & set(got[1]):
        return "%s: found by %s, not by any of %s" % (kind, got[1], routes)
    return None


def check(walker, target, version, is_sub, *how):
    """Those that run are read while they do: what they are at is tried again."""
    left = list(target.threads)
    for _ in range(TRIES):
        walk = Walk(walker, target.process.pid, [*how, *(t for _, t, _ in left)])
        complaints = [(t, judge(t[0], version, t[2], walk.threads[t[1]], is_sub)) for t in left]
        left = [t for t, complaint in complaints if complaint]
        if not left:
            return walk
        if any("busy" not in t[0] for t in left):
            break
        time.sleep(0.01)
    raise Failed("\n    ".join(c for _, c in complaints if c) + "\n    " + walk.routes)


def version_of(python):
    got = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"],
                         stdout=subprocess.PIPE, encoding="utf-8", timeout=60)
    if got.returncode:
        return None
    return tuple(int(n) for n in got.stdout.split())


def check_loop(file, version, walk):
    """The ranges must be those of the symbols, where the file has them; how many it found."""
    if version >= (3, 11):
        if walk.loop:
            raise Failed("a loop that nobody needs")
        return
    symbols = subprocess.run(["nm", "-S", file], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             encoding="utf-8").stdout
    parts = re.findall(r"^([0-9a-f]+) ([0-9a-f]+) . _PyEval_EvalFrameDefault(\.\S+)?$", symbols, re.M)
    known = {int(start, 16): int(start, 16) + int(size, 16) for start, size, _ in parts}
    if not walk.loop:
        raise Failed("the loop is not known")
    for start, end in walk.loop:
        if known and known.pop(start, None) != end:
            raise Failed("loop %#x-%#x is not what the symbols say: %s" % (start, end, parts))
    if known:
        raise Failed("parts of the loop were not found: %s" % known)


def library_of(python):
    found = glob.glob(os.path.join(os.path.dirname(os.path.dirname(python)), "lib",
                                   "libpython3.*.so.1.0"))
    return found[0] if found else None


def check_python(walker, python, version):
    for args in ((), ("sub",)):
        with Target([python, TARGET, *args]) as target:
            try:
                target.read()
            except Failed as e:
                if not args:
                    raise
                print("  no sub-interpreters here: %s" % str(e).strip().splitlines()[-1])
                continue
            kinds = [t[0] for t in target.threads]
            if args and "sub-idle" not in kinds:
                print("  no sub-interpreters here")
                continue
            walk = check(walker, target, version, bool(args))
            if walk.version != "Python %d.%d" % version:
                raise Failed("it is taken for " + walk.version)
            check_loop(library_of(python) or python, version, walk)
            print("ok %s %s: %d threads, %s" % (python, " ".join(args), len(kinds), walk.routes))


def check_embedded(walker, programs, python, version):
    """Its library, loaded by a program that runs already: its variables have no fixed place."""
    base = os.path.dirname(os.path.dirname(python))
    library = library_of(python)
    if not library or version < (3, 8):
        return
    command = [os.path.join(programs, "embedded"), library, TARGET]
    with Target(command, PYTHONHOME=base) as target:
        target.read()
        walk = check(walker, target, version, False)
        if version >= (3, 12) and "/0 kept" in walk.routes:
            raise Failed("a fixed place in a library that was loaded late: " + walk.routes)
        print("ok %s, embedded: %s" % (library, walk.routes))


def check_ahead(walker, programs, python, version):
    """What is foreseen of it before it is initialised leads to its threads afterwards."""
    library = library_of(python)
    if not library or not (3, 8) <= version < (3, 15):
        return
    command = [os.path.join(programs, "embedded"), library, TARGET]
    home = os.path.dirname(os.path.dirname(python))
    with Target(command, PYTHONHOME=home, EMBEDDED_WAITS="1") as target:
        target.read()
        try:
            Walk(walker, target.process.pid, [])
        except Failed as e:
            if os.strerror(errno.EAGAIN) not in str(e):
                raise
        else:
            raise Failed("it has states before it is initialised")
        foreseen = Walk(walker, target.process.pid, ["ahead"])
        print("", file=target.process.stdin, flush=True)
        target.read()
        walk = check(walker, target, version, False, "ahead")
        if walk.routes != foreseen.routes:
            raise Failed("%s was foreseen, not %s" % (foreseen.routes, walk.routes))
        print("ok %s, ahead: %s" % (library, walk.routes))


def check_fake(walker, program):
    with Target([program]) as target:
        target.read()
        walk = check(walker, target, (3, 10), False)
        check_loop(program, (3, 10), walk)
        print("ok %s: %s" % (program, walk.routes))


def check_refused(walker, program):
    name = os.path.basename(program).split("-", 1)[1]
    wanted_why = {"stripped": "its version can't be found", "3.16": "Python 3.16: offsets unknown",
                  "3.5": "Python 3.5: offsets unknown",
                  "3.7.3": "Python 3.7.3: offsets unknown before 3.7.4",
                  "3.10.0rc2": "Python 3.10.0, before its release: offsets unknown"}[name]
    with Target([program]) as target:
        target.read()
        try:
            Walk(walker, target.process.pid, [])
        except Failed as e:
            if wanted_why in str(e):
                print("ok %s: %s" % (program, e))
                return
            raise
        raise Failed("it was taken for CPython")


def check_named(walker):
    """A file that only is called python is none."""
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "python3")
        shutil.copy("/bin/cat", program)
        with Target([program]) as target:
            try:
                Walk(walker, target.process.pid, [])
            except Failed as e:
                if str(e) == "nothing found: none":
                    return
                raise
            raise Failed("it was taken for CPython")


def every(walker, programs, chosen):
    """(name, function) of each check."""
    if not chosen:
        yield "a file of that name", lambda: check_named(walker)
        for program in sorted(glob.glob(os.path.join(programs, "fake-*"))):
            yield program, lambda p=program: check_fake(walker, p)
        for program in sorted(glob.glob(os.path.join(programs, "refused-*"))):
            yield program, lambda p=program: check_refused(walker, p)
    for python in chosen or pythons():
        version = version_of(python)
        if not version or version < (3, 6):
            print("skipped %s: it does not run, or is too old" % python)
            continue
        yield python, lambda p=python, v=version: check_python(walker, p, v)
        yield python, lambda p=python, v=version: check_embedded(walker, programs, p, v)
        yield python, lambda p=python, v=version: check_ahead(walker, programs, p, v)


def main():
    if os.geteuid() != 0:
        print("skipped: needs root, to read other processes' memory")
        return 77
    failed = 0
    for name, function in every(sys.argv[1], sys.argv[2], sys.argv[3:]):
        try:
            function()
        except Failed as e:
            failed += 1
            print("FAILED %s: %s" % (name, e))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
