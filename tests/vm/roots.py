#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs of Debian, each in a root folder of the cache with the libraries that it needs. Nothing
is installed.

  roots.py run ROOT PATH ARG…  executes one below its root, which has /tmp, /proc and /dev of the
                               machine
"""
import ctypes
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kernel  # noqa: E402

SHARED = ["bin", "sbin", "lib", "lib64"]  # what usr/ holds, since Debian merged both
BOUND = ["/tmp", "/proc", "/dev"]
CLONE_NEWNS, MS_BIND, MS_REC, MS_SLAVE = 0x20000, 0x1000, 0x4000, 0x80000


def unpack(packages):
    def fill(apt, into):
        for folder in SHARED:
            os.makedirs(os.path.join(into, "usr", folder))
            os.symlink("usr/" + folder, os.path.join(into, folder))
        for path in BOUND:
            os.makedirs(into + path)
        debs = apt.packages(packages)
        for deb in debs:
            # By tar, which keeps the links that are there for folders.
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as p:
                subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", into],
                               stdin=p.stdout, check=True)
        return kernel.version_of(packages[0], debs)
    return fill


def fetch(kind, name, suite, packages):
    """The folder kind/name of the cache, with the packages, the first of which says its version, and
    what they depend on; kernel.Unavailable."""
    if os.uname().machine != "x86_64":
        raise kernel.Unavailable("only for x86-64")
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise kernel.Unavailable("apt-get is not installed")
    return kernel.cached(kind, name, [suite], "amd64", unpack(packages))


def enter(root):
    """In a child, before exec: the root, in a mount namespace of its own."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(function, *args):
        if function(*args):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    folder = os.getcwd()
    call(libc.unshare, CLONE_NEWNS)
    call(libc.mount, None, b"/", None, MS_REC | MS_SLAVE, None)
    for path in BOUND:
        call(libc.mount, path.encode(), (root + path).encode(), None, MS_BIND | MS_REC, None)
    os.chroot(root)
    os.chdir(folder if os.path.isdir(folder) else "/")


def command(root, path, *args):
    """Words that execute it, for who can't call enter()."""
    return [sys.executable, os.path.abspath(__file__), "run", root, path, *args]


def main():
    if len(sys.argv) < 4 or sys.argv[1] != "run":
        sys.exit(__doc__)
    enter(sys.argv[2])
    os.execv(sys.argv[3], sys.argv[3:])


if __name__ == "__main__":
    main()
