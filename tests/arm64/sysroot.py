# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's arm64 libraries and headers, unpacked into a folder of the cache: to build against, and
to run with in a guest. Nothing is installed, and dpkg's architectures stay what they are."""
import os
import subprocess

import kernel

SUITES = ["bookworm", "bookworm-security"]
PACKAGES = ["libc6-dev", "libbpf-dev", "libelf-dev", "libdw-dev", "zlib1g-dev", "liblzma-dev",
            "libprotobuf-c-dev", "libiberty-dev", "busybox-static"]
# The loader first where programs name it.
LIBRARIES = ["lib", "lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu"]


def make_relative(root):
    """Links that start at / would lead out of the folder."""
    for folder, folders, names in os.walk(root):
        for name in folders + names:
            path = os.path.join(folder, name)
            if os.path.islink(path) and os.readlink(path).startswith("/"):
                target = os.path.relpath(root + os.readlink(path), folder)
                os.remove(path)
                os.symlink(target, path)


def unpack(apt, into):
    debs = apt.packages(PACKAGES)
    for deb in debs:
        subprocess.run(["dpkg-deb", "-x", deb, into], check=True)
    make_relative(into)
    return kernel.version_of("libc6", debs)


def fetch():
    """The folder."""
    return kernel.cached("sysroots", "arm64", SUITES, "arm64", unpack)


def library(root, name):
    """Where a library of the sysroot lies, below its root."""
    return next((os.path.join("/", folder, name) for folder in LIBRARIES
                 if os.path.exists(os.path.join(root, folder, name))), None)
