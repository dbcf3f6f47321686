# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""join.py FOLDER DEV ASAN: makes FOLDER a place where one ctest runs all of DEV's tests, and those of
ASAN's that execute our own code, so that there is one summary and one exit status."""
import json
import os
import subprocess
import sys

# Sanitizers watch programs; checks, kernels in qemu and measurements of time gain nothing.
SANITIZED = ("unit/", "host/", "fuzz/", "golden/", "cli/", "dwarf/", "process/")


def quoted(value):
    return "[==[" + value + "]==]"


def as_cmake(value):
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, list):
        return quoted(";".join(str(v) for v in value))
    return quoted(str(value))


def tests(folder):
    shown = subprocess.run(["ctest", "--test-dir", folder, "--show-only=json-v1"],
                           stdout=subprocess.PIPE, check=True).stdout
    return json.loads(shown)["tests"]


def main():
    into, dev, asan = map(os.path.abspath, sys.argv[1:])
    lines = ["subdirs(%s)" % quoted(dev)]
    for test in tests(asan):
        if not test["name"].startswith(SANITIZED):
            continue
        name = quoted("asan/" + test["name"])
        lines.append("add_test(%s %s)" % (name, " ".join(map(quoted, test["command"]))))
        properties = " ".join("%s %s" % (p["name"], as_cmake(p["value"]))
                              for p in test.get("properties", []))
        if properties:
            lines.append("set_tests_properties(%s PROPERTIES %s)" % (name, properties))
    if len(lines) == 1:
        sys.exit("join: %s has no tests to run with sanitizers" % asan)
    os.makedirs(into, exist_ok=True)
    with open(os.path.join(into, "CTestTestfile.cmake"), "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
