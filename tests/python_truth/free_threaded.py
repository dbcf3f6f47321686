#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Interpreters without a GIL, which Debian has no packages of: built of its source packages, into
the cache. That takes a minute or two each, and is done before all tests are run (tools/test);
tests use what is there.

  free_threaded.py [NAME…]     builds those that are missing: 3.13t, 3.14t
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vm"))
import kernel  # noqa: E402
import sources  # noqa: E402

# The suite that has the source, and its package.
SOURCES = {"3.13t": ("trixie", "python3.13"), "3.14t": ("sid", "python3.14")}
# Their symbols are kept, and little is optimized: that is quick to build.
FLAGS = "-O1 -g"


def folder_of(name):
    return os.path.join(kernel.cache_folder(), "pythons", name)


def path_of(name):
    """The interpreter; None: it was not built."""
    path = os.path.join(folder_of(name), "bin", "python" + name)
    return path if os.access(path, os.X_OK) else None


def make(name):
    def fill(apt, into):
        archive, version = sources.fetch(apt, SOURCES[name][1])
        work, prefix = os.path.join(apt.root, "work"), folder_of(name)
        os.mkdir(work)
        sources.step(work, "tar", "-x", "--strip-components=1", "-f", archive)
        sources.step(work, "./configure", "-q", "--disable-gil", "--enable-shared",
                     "--without-ensurepip", "--disable-test-modules", "--prefix=" + prefix,
                     "CFLAGS=" + FLAGS, "LDFLAGS=-Wl,-rpath,%s/lib" % prefix)
        sources.step(work, "make", "-s", "-j%d" % os.cpu_count())
        sources.step(work, "make", "-s", "install", "DESTDIR=" + os.path.join(apt.root, "stage"))
        sources.step(into, "cp", "-a", apt.root + "/stage" + prefix + "/.", into)
        return version
    return fill


def build(name):
    sources.build_into(folder_of(name), SOURCES[name][0], make(name))


if __name__ == "__main__":
    sys.exit(sources.build_missing("Python", SOURCES, path_of, build))
