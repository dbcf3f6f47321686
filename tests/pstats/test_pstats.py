#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""test_pstats.py REPLAY PROTO: files of pstats that REPLAY writes, read by all Pythons of this machine.

They load the same from each file, and print what stands in printed.txt (UPDATE=1 writes it anew). What cProfile measured in
program.py is written as a profile of mode calls, and comes back as cProfile wrote it."""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")
SKIPPED, TIMEOUT_S = 77, 60
SUMS = "self", "by-caller", "cumulative"
HEAD = """
sample_type { type: 1 unit: 2 } sample_type { type: 3 unit: 4 } default_sample_type: 1
comment: 5
"""


def pythons():
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    patterns = "/usr/bin/python[23]*", "/usr/local/bin/python[23]*", pyenv + "/versions/*/bin/python"
    found = {}
    for pattern in patterns:
        for path in sorted(glob.glob(pattern)):
            if re.search(r"/python([23](\.\d+t?)?)?$", path):
                found.setdefault(os.path.realpath(path), path)
    return sorted(found.values())


def run(*command, **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "LD_PRELOAD"))}
    env.update(PYTHONIOENCODING="utf-8", PYTHONDONTWRITEBYTECODE="1")
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=TIMEOUT_S, env=env,
                          **more).stdout


class Profile:
    """A profile of mode calls, as text that protoc reads."""

    def __init__(self):
        self.texts, self.functions, self.lines = {}, {}, [HEAD]
        for text in ("", "latency", "nanoseconds", "calls", "count", "bpfprof mode=calls"):
            self.text(text)

    def text(self, text):
        return self.texts.setdefault(text, len(self.texts))

    def function(self, key):
        """Of Python's built-ins only a name is known."""
        if key not in self.functions:
            file, line, name = key
            number = self.functions[key] = len(self.functions) + 1
            if file == "~":
                assert line == 0 and name[0] == "<" and name[-1] == ">", key
                file, name = "", name[1:-1]
            self.lines.append("location { id: %d line { function_id: %d } }" % (number, number))
            self.lines.append("function { id: %d name: %d system_name: %d filename: %d start_line: %d }"
                              % (number, self.text(name), self.text("interpreter:" + name),
                                 self.text(file), line))
        return self.functions[key]

    def sample(self, which, stack, count, seconds):
        if count:
            stack = " ".join("location_id: %d" % self.function(key) for key in stack)
            self.lines.append("sample { %s value: %d value: %d label { key: %d str: %d } }" % (
                stack, round(seconds * 1e9), count, self.text("sum"), self.text(which)))

    def encoded(self, proto):
        quoted = (t.replace("\\", "\\\\").replace('"', '\\"') for t in self.texts)
        text = "\n".join(self.lines + ['string_table: "%s"' % t for t in quoted])
        return run("protoc", "--proto_path", os.path.dirname(proto), "--encode=pprof.Profile", proto,
                   input=text.encode())


def profile_of(stats):
    """Calls that no caller is known of are those that no caller has."""
    profile = Profile()
    for key, (primitive, calls, own, total, callers) in stats:
        key = tuple(key)
        for caller, (c_calls, c_primitive, c_own, c_total) in callers:
            profile.sample("self", (key, tuple(caller)), c_calls, c_own)
            profile.sample("by-caller", (key, tuple(caller)), c_primitive, c_total)
            calls, own = calls - c_calls, own - c_own
        profile.sample("self", (key,), calls, own)
        profile.sample("cumulative", (key,), primitive, total)
    return profile


def flat(stats):
    """{function or (function, caller): four numbers}, without calls that have not ended."""
    out = {}
    for key, (*numbers, callers) in stats:
        out[tuple(key)] = numbers
        for caller, of_caller in callers:
            if of_caller[0]:
                out[tuple(key), tuple(caller)] = of_caller
    return out


class Test:
    def __init__(self, replay, proto, folder):
        self.replay, self.proto, self.folder, self.failed = replay, proto, folder, 0

    def check(self, name, good, said=""):
        print("%s %s%s" % ("ok  " if good else "FAIL", name, "" if good else ": " + said))
        self.failed += not good

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, encoded):
        """A file of pstats from an encoded profile."""
        with open(self.path("pb"), "wb") as f:
            f.write(encoded)
        with open(self.path(name), "wb") as f:
            f.write(run(self.replay, self.path("pb"), "pstats"))
        return self.path(name)

    def loaded(self, python, path):
        return json.loads(run(python, os.path.join(HERE, "loaded.py"), path).decode())

    def goldens(self):
        """{name: path} of all golden profiles as files of pstats."""
        out = {}
        for case in sorted(glob.glob(os.path.join(GOLDEN, "*.textproto"))):
            name = os.path.basename(case)[:-len(".textproto")]
            with open(case, "rb") as f:
                encoded = run("protoc", "--proto_path", os.path.dirname(self.proto),
                              "--encode=pprof.Profile", self.proto, input=f.read())
            out[name] = self.write(name + ".prof", encoded)
        return out

    def same(self, python, files):
        """All Pythons read what this one does."""
        for name, path in files.items():
            self.check("%s loads %s" % (python, name),
                       self.loaded(python, path) == self.loaded(sys.executable, path),
                       "it isn't what %s loads" % sys.executable)

    def printed(self, python, files):
        got = "".join("== %s\n%s" % (name, run(python, os.path.join(HERE, "shown.py"), files[name])
                                     .decode()) for name in ("calls", "python", "io"))
        got = re.sub(r"[ ]+$", "", got, flags=re.M)
        expected = os.path.join(HERE, "printed.txt")
        if os.environ.get("UPDATE"):
            with open(expected, "w", encoding="utf-8") as f:
                f.write(got)
        with open(expected, encoding="utf-8") as f:
            want = f.read()
        self.check(python + " prints printed.txt", got == want, "it prints\n" + got)

    def round_trip(self, python):
        """cProfile's own numbers, in nanoseconds: floats that are as near."""
        truth = self.path("truth")
        run(python, os.path.join(HERE, "program.py"), truth)
        truth = self.loaded(python, truth)
        path = self.write("again.prof", profile_of(truth).encoded(self.proto))
        want, got = flat(truth), flat(self.loaded(python, path))
        fib = next(v for k, v in want.items() if k[2:] == ("fib",))
        wrong = [k for k in set(want) | set(got) if k not in got or k not in want or
                 got[k][:2] != want[k][:2] or
                 any(abs(g - w) > 1.5e-9 for g, w in zip(got[k][2:], want[k][2:]))]
        self.check("%s: cProfile's %d functions and %d pairs" %
                   (python, sum(len(k) == 3 for k in want), sum(len(k) == 2 for k in want)),
                   not wrong and fib[0] < fib[1],
                   "\n".join("%s: %s, not %s" % (k, got.get(k), want.get(k)) for k in wrong))


def main():
    found = pythons()
    if not found:
        print("skipped: no Python in /usr/bin, /usr/local/bin or pyenv's folder")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        test = Test(sys.argv[1], sys.argv[2], folder)
        files = test.goldens()
        for python in found:
            try:
                run(python, "-c", "import json, cProfile, pstats", stderr=subprocess.DEVNULL)
            except (OSError, subprocess.CalledProcessError):
                print("not asked: %s doesn't have json, cProfile and pstats" % python)
                continue
            test.same(python, files)
            test.printed(python, files)
            test.round_trip(python)
    return 1 if test.failed else 0


if __name__ == "__main__":
    sys.exit(main())
