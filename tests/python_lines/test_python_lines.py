#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""test_python_lines.py COMPARE ASK.so [EVERY]: python_line() against each CPython that can be found:
of pyenv, of the distribution, Debian's in the cache (each in a root of its own), and those in the
folders that BPFPROF_PYTHONS names. EVERY: only each so-manieth module of its standard library."""
import glob
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "vm"))
import kernel  # noqa: E402

MINORS = range(6, 16)
SKIPPED, TIMEOUT_S = 77, 120
# What it is, and that it has all that lines.py needs.
WHO = "import sys, ctypes, marshal; sys.stdout.write('%s %d.%d.%d' % (sys.implementation.name," \
      " *sys.version_info[:3]))"


def in_root(root):
    """Commands of Pythons below a root folder: by that root's own loader and libraries."""
    loader = os.path.join(root, "lib64", "ld-linux-x86-64.so.2")
    libraries = [os.path.join(root, "usr", "lib", "x86_64-linux-gnu"), os.path.join(root, "usr/lib")]
    for path in glob.glob(os.path.join(root, "usr", "bin", "python3.*")):
        yield [loader, "--library-path", ":".join(libraries), path], os.path.join(root, "usr")


def candidates():
    """(command, PYTHONHOME or None) of all that may be Pythons."""
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    patterns = [os.path.join(pyenv, "versions", "3.*", "bin", "python3"), "/usr/bin/python3*",
                "/usr/local/bin/python3*"]
    for folder in filter(None, os.environ.get("BPFPROF_PYTHONS", "").split(":")):
        patterns += [os.path.join(folder, "python3*"), os.path.join(folder, "*", "bin", "python3")]
    for pattern in patterns:
        for path in sorted(glob.glob(pattern)):
            if re.search(r"/python3(\.\d+t?)?$", path):
                yield [path], None
    for root in sorted(glob.glob(os.path.join(kernel.cache_folder(), "pythons", "3.*"))):
        yield from in_root(root)


def environment(home):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LD_PRELOAD"))}
    return dict(kept, PYTHONHOME=home) if home else kept


def interpreters():
    """({(minor, version, path): (command, home)}, [why one can't be asked])."""
    found, refused, seen = {}, [], set()
    for command, home in candidates():
        path = os.path.realpath(command[-1])
        if path in seen:
            continue
        seen.add(path)
        try:
            said = subprocess.run(command + ["-S", "-c", WHO], env=environment(home), timeout=30,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  check=False)
            name, _, version = said.stdout.partition(" ")
            if said.returncode or name != "cpython":
                refused.append("%s: %s" % (path, (said.stderr.strip().splitlines() or
                                                  ["it is no CPython"])[-1]))
                continue
        except (OSError, subprocess.TimeoutExpired) as e:
            refused.append("%s: %s" % (path, e))
            continue
        minor = int(version.split(".")[1])
        if minor in MINORS:
            found[minor, version, path] = command, home
    return found, refused


def judge(command, home, compare, ask, every):
    """(is it right, what to say of it)"""
    lines = command + ["-S", "-W", "ignore", os.path.join(HERE, "lines.py"), ask, every]
    with subprocess.Popen(lines, stdout=subprocess.PIPE, env=environment(home)) as python:
        try:
            judged = subprocess.run([compare], stdin=python.stdout, stdout=subprocess.PIPE,
                                    text=True, timeout=TIMEOUT_S, check=False)
            python.stdout.close()
            status = python.wait(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            python.kill()
            return False, "not within %d s" % TIMEOUT_S
    if status or judged.returncode:
        return False, "%s (exit status %d, of Python %d)" % (judged.stdout.strip(),
                                                           judged.returncode, status)
    return True, judged.stdout.strip()


def main():
    compare, ask = sys.argv[1:3]
    every = sys.argv[3] if len(sys.argv) > 3 else "1"
    found, refused = interpreters()
    wrong = 0
    for (_, version, path), (command, home) in sorted(found.items()):
        began = time.monotonic()
        right, said = judge(command, home, compare, ask, every)
        wrong += not right
        print("%-4s %-8s %s (%s, %.1f s)" % ("ok" if right else "BAD", version, said, path,
                                             time.monotonic() - began), flush=True)
    for why in refused:
        print("skip %s" % why)
    missing = [m for m in MINORS if all(m != minor for minor, _, _ in found)]
    for minor in missing:
        print("skip Python 3.%d: none is installed" % minor)
    print("%d Pythons, %d wrong; of %d versions %d are skipped" % (len(found), wrong, len(MINORS),
                                                                  len(missing)))
    if not found:
        return SKIPPED
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
