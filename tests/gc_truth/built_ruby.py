#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Ruby as people build it themselves: without USDT, and with its symbols, which Debian's packages
lack. Of Debian's source packages, into the cache, just far enough to run a program. That takes a
minute each, and is done before all tests are run (tools/test); tests use what is there.

  built_ruby.py [NAME…]     builds those that are missing: 3.1, 3.3
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vm"))
import kernel  # noqa: E402
import sources  # noqa: E402

# The suite that has the source.
SUITES = {"3.1": "bookworm", "3.3": "trixie"}
# The optimization is Ruby's own, for it says which functions are left.
OPTIONS = ["-q", "--disable-install-doc", "--disable-dtrace", "--disable-yjit", "debugflags="]


def folder_of(name):
    return os.path.join(kernel.cache_folder(), "ruby", name + "-built")


def path_of(name):
    """The interpreter; None: it was not built."""
    path = os.path.join(folder_of(name), "miniruby")
    return path if os.access(path, os.X_OK) else None


def make(name):
    def fill(apt, into):
        archive, version = sources.fetch(apt, "ruby" + name)
        work = os.path.join(apt.root, "work")
        os.mkdir(work)
        sources.step(work, "tar", "-x", "--strip-components=1", "-f", archive)
        sources.step(work, "./configure", *OPTIONS)
        sources.step(work, "make", "-s", "-j%d" % os.cpu_count(), "miniruby")
        sources.step(work, "cp", "miniruby", into)
        return version
    return fill


def build(name):
    sources.build_into(folder_of(name), SUITES[name], make(name))


if __name__ == "__main__":
    sys.exit(sources.build_missing("Ruby", SUITES, path_of, build))
