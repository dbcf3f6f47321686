#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Interpreters without a GIL, which Debian has no packages of: built of its source packages, into
the cache. That takes a minute or two each, and is done before all tests are run (tools/test);
tests use what is there.

  free_threaded.py [NAME…]     builds those that are missing: 3.13t, 3.14t
"""
import glob
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "vm"))
import kernel  # noqa: E402

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


def source(apt, package):
    """Its archive as its authors made it, and its version."""
    listed = os.path.join(apt.root, "sources.list")
    with open(listed, encoding="utf-8") as f:
        text = f.read()
    with open(listed, "w", encoding="utf-8") as f:
        f.write("".join("deb-src" + line[len("deb"):] for line in text.splitlines(True)))
    complaint = apt.update()
    got = apt.run("apt-get", "source", "--download-only", "--only-source", package)
    found = glob.glob(os.path.join(apt.root, package + "_*.orig.tar.*z"))
    if got.returncode or len(found) != 1:
        said = [line for line in got.stdout.splitlines() if line[:2] == "E:"]
        raise kernel.Unavailable(said[0] if said else complaint)
    return found[0], os.path.basename(found[0]).split("_")[1].split(".orig")[0]


def step(folder, *command):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    if done.returncode:
        raise kernel.Unavailable("%s: %s" % (command[0], done.stdout.strip()[-300:]))


def make(name):
    def fill(apt, into):
        archive, version = source(apt, SOURCES[name][1])
        work, prefix = os.path.join(apt.root, "work"), folder_of(name)
        os.mkdir(work)
        step(work, "tar", "-x", "--strip-components=1", "-f", archive)
        step(work, "./configure", "-q", "--disable-gil", "--enable-shared", "--without-ensurepip",
             "--disable-test-modules", "--prefix=" + prefix, "CFLAGS=" + FLAGS,
             "LDFLAGS=-Wl,-rpath,%s/lib" % prefix)
        step(work, "make", "-s", "-j%d" % os.cpu_count())
        step(work, "make", "-s", "install", "DESTDIR=" + os.path.join(apt.root, "stage"))
        step(into, "cp", "-a", apt.root + "/stage" + prefix + "/.", into)
        return version
    return fill


def build(name):
    build_into(folder_of(name), SOURCES[name][0], make(name))


def build_into(folder, suite, fill):
    if os.uname().machine != "x86_64":
        raise kernel.Unavailable("only for x86-64")
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    kernel.renew(folder, [suite], "amd64", fill)


def build_missing(program, known, is_there, build_one):
    """Of those that are named, or all that are known. Did one fail?"""
    us, failed = os.path.basename(sys.argv[0]), False
    for name in sys.argv[1:] or known:
        if name not in known:
            sys.exit("%s: no %s" % (us, name))
        try:
            if not is_there(name):
                print("building %s %s" % (program, name), flush=True)
                build_one(name)
        except (kernel.Unavailable, OSError) as e:
            print("%s: %s: %s" % (us, name, e), file=sys.stderr)
            failed = True
    return failed


if __name__ == "__main__":
    sys.exit(build_missing("Python", SOURCES, path_of, build))
