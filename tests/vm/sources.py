# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs that are built of Debian's source packages, into the cache."""
import glob
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kernel  # noqa: E402


def fetch(apt, package):
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
