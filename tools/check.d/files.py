# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the checks read: the files of a tree, as git sees it, and how they say what is wrong."""
import os
import subprocess
import sys


def files(root):
    """Paths below root, sorted: tracked, or new and not ignored. Without git: all."""
    if os.path.exists(os.path.join(root, ".git")):
        listed = subprocess.run(
            ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-coz", "--exclude-standard"],
            stdout=subprocess.PIPE, check=True).stdout
        found = {os.fsdecode(p) for p in listed.split(b"\0") if p}
        return sorted(p for p in found if os.path.isfile(os.path.join(root, p)))
    return sorted(os.path.relpath(os.path.join(folder, name), root)
                  for folder, _, names in os.walk(root) for name in names)


def content(root, path):
    with open(os.path.join(root, path), "rb") as f:
        return f.read()


def lines(root, path):
    return content(root, path).decode(errors="replace").splitlines()


def finish(wrong):
    """Prints what is wrong, one line each; the exit status."""
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def root_argument():
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return sys.argv[1] if len(sys.argv) > 1 else here
