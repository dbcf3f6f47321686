#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Interpreters to be measured: those of the machine, and newer ones of Debian, each in a root
folder of the cache with the libc that it needs (roots.py); and those without a GIL that were built
there. BPFPROF_PYTHONS has paths of more, with a colon between them.

  pythons.py                   fetches what is missing, and lists all
  pythons.py run NAME ARG…     executes one, those of the cache below their own root, which has
                               /tmp, /proc and /dev of the machine
"""
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vm"))
import free_threaded  # noqa: E402
import kernel  # noqa: E402
import roots  # noqa: E402

# The suite that has a version; a root folder each.
ROOTS = {"3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie", "3.14": "sid", "3.15": "sid"}
OF_NEED = ["3.9", "3.11"]  # where the machine has none
# "3.14", or "3.14t" of a build whose threads run at once.
ASK_VERSION = "import sys, sysconfig as s; print('%d.%d' % sys.version_info[:2] + 't' * bool(" \
              "s.get_config_var('Py_GIL_DISABLED')))"


class Python:
    """One interpreter: its name for people, its version, and how it is executed."""

    def __init__(self, name, path, root=None):
        self.name, self.path, self.root = name, path, root
        self.version = tuple(int(n) for n in re.findall(r"\d+", name.split("-")[-1])[:2])
        self.free_threaded = name.endswith("t")

    def enter(self):
        """In a child, before exec: its root, in a mount namespace of its own."""
        if self.root:
            roots.enter(self.root)

    def command(self, *args):
        """Words that execute it, for who can't call enter()."""
        if not self.root:
            return [self.path, *args]
        return roots.command(self.root, self.path, *args)

    def inside(self, path):
        return (self.root or "") + path


def fetch(name):
    """The interpreter of ROOTS; kernel.Unavailable."""
    packages = ["python" + name, "libpython" + name]
    root = roots.fetch("pythons", name, ROOTS[name], packages)
    return Python("debian-" + name, "/usr/bin/" + packages[0], root)


def of_the_machine():
    """Of pyenv, of the distribution, and what the user has."""
    base = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for folder in glob.glob(os.path.join(base, "versions", "3.*")):
        path = os.path.join(folder, "bin", "python3")
        if os.path.exists(path):
            yield Python("pyenv-" + os.path.basename(folder), path)
    for path in glob.glob("/usr/bin/python3.*"):
        if re.search(r"/python3\.\d+$", path) and not os.path.islink(path):
            yield Python("usr-" + path[len("/usr/bin/python"):], path)
    for name in free_threaded.SOURCES:
        path = free_threaded.path_of(name)
        if path:
            yield Python("built-" + name, path)
    for path in filter(None, os.environ.get("BPFPROF_PYTHONS", "").split(":")):
        version = subprocess.run([path, "-c", ASK_VERSION], stdout=subprocess.PIPE, text=True,
                                 check=True).stdout.strip()
        yield Python("own-" + version, path)


def every():
    """(interpreters by version, {name: why it can't be had})."""
    found, missing = list(of_the_machine()), {}
    versions = {"%d.%d" % p.version for p in found if not p.free_threaded}
    for name in ROOTS:
        if name in OF_NEED and name in versions:
            continue
        try:
            found.append(fetch(name))
        except kernel.Unavailable as e:
            missing["debian-" + name] = str(e)
    for name in free_threaded.SOURCES:
        if not free_threaded.path_of(name):
            missing["built-" + name] = "not built"
    return sorted(found, key=lambda p: (p.version, p.name)), missing


def main():
    if sys.argv[1:2] == ["run"] and len(sys.argv) > 2:
        name = sys.argv[2].replace("debian-", "")
        found = [fetch(name)] if name in ROOTS else of_the_machine()
        python = next((p for p in found if p.name == sys.argv[2]), None)
        if not python:
            sys.exit("pythons: no %s" % sys.argv[2])
        python.enter()
        os.execv(python.path, [python.path] + sys.argv[3:])
    found, missing = every()
    for python in found:
        print("%-16s %s" % (python.name, python.inside(python.path)))
    for name, why in missing.items():
        print("%-16s not there: %s" % (name, why))


if __name__ == "__main__":
    main()
