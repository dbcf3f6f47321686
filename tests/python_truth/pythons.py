#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Interpreters to be measured: those of the machine, and newer ones of Debian, each in a root
folder of the cache with the libc that it needs; and those without a GIL that were built there.
Nothing is installed. BPFPROF_PYTHONS has paths of more, with a colon between them.

  pythons.py                   fetches what is missing, and lists all
  pythons.py run NAME ARG…     executes one, those of the cache below their own root, which has
                               /tmp, /proc and /dev of the machine
"""
import ctypes
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vm"))
import free_threaded  # noqa: E402
import kernel  # noqa: E402

# The suite that has a version; a root folder each.
ROOTS = {"3.9": "bullseye", "3.11": "bookworm", "3.13": "trixie", "3.14": "sid", "3.15": "sid"}
OF_NEED = ["3.9", "3.11"]  # where the machine has none
SHARED = ["bin", "sbin", "lib", "lib64"]  # what usr/ holds, since Debian merged both
BOUND = ["/tmp", "/proc", "/dev"]
# "3.14", or "3.14t" of a build whose threads run at once.
ASK_VERSION = "import sys, sysconfig as s; print('%d.%d' % sys.version_info[:2] + 't' * bool(" \
              "s.get_config_var('Py_GIL_DISABLED')))"
CLONE_NEWNS, MS_BIND, MS_REC, MS_SLAVE = 0x20000, 0x1000, 0x4000, 0x80000


class Python:
    """One interpreter: its name for people, its version, and how it is executed."""

    def __init__(self, name, path, root=None):
        self.name, self.path, self.root = name, path, root
        self.version = tuple(int(n) for n in re.findall(r"\d+", name.split("-")[-1])[:2])
        self.free_threaded = name.endswith("t")

    def enter(self):
        """In a child, before exec: its root, in a mount namespace of its own."""
        if not self.root:
            return
        libc = ctypes.CDLL(None, use_errno=True)

        def call(function, *args):
            if function(*args):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

        folder = os.getcwd()
        call(libc.unshare, CLONE_NEWNS)
        call(libc.mount, None, b"/", None, MS_REC | MS_SLAVE, None)
        for path in BOUND:
            call(libc.mount, path.encode(), (self.root + path).encode(), None, MS_BIND | MS_REC,
                 None)
        os.chroot(self.root)
        os.chdir(folder if os.path.isdir(folder) else "/")

    def command(self, *args):
        """Words that execute it, for who can't call enter()."""
        if not self.root:
            return [self.path, *args]
        return [sys.executable, os.path.abspath(__file__), "run", self.name, *args]

    def inside(self, path):
        return (self.root or "") + path


def unpack(packages):
    def fill(apt, into):
        for folder in SHARED:
            os.makedirs(os.path.join(into, "usr", folder))
            os.symlink("usr/" + folder, os.path.join(into, folder))
        for path in BOUND:
            os.makedirs(into + path)
        complaint = apt.update()
        got = apt.run("apt-get", "install", "--download-only", "--no-install-recommends", "-y",
                      "-o", "Debug::NoLocking=true", *packages)
        debs = sorted(glob.glob(os.path.join(apt.root, "archives", "*.deb")))
        if got.returncode or not debs:
            raise kernel.Unavailable("%s: %s" % (complaint, got.stdout.strip()[-300:]))
        for deb in debs:
            # By tar, which keeps the links that are there for folders.
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as p:
                subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", into],
                               stdin=p.stdout, check=True)
        ours = next(d for d in debs if os.path.basename(d).startswith(packages[0] + "_"))
        return os.path.basename(ours).split("_")[1]
    return fill


def fetch(name):
    """The interpreter of ROOTS; kernel.Unavailable."""
    packages = ["python" + name, "libpython" + name]
    if os.uname().machine != "x86_64":
        raise kernel.Unavailable("only for x86-64")
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise kernel.Unavailable("apt-get is not installed")
    root = kernel.cached("pythons", name, [ROOTS[name]], "amd64", unpack(packages))
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
    for name in free_threaded.NAMES:
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
    for name in free_threaded.NAMES:
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
