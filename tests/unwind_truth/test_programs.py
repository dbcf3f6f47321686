#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof cpu --unwind eh-frame on programs that are there: how many samples reach the root.

Usage: test_programs.py BPFPROF FOLDER [--by gdb|perf] [--against gdb|perf] [NAME ...]

`--by` asks somebody else instead. `--against` asks both at once, and compares who calls whom.
"""

import argparse
import collections
import glob
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

import agreement
import samplers
import truth

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = 2.5
UNSEEN = 0.01
DEPTH = 0.8
# Those that ctest compares with perf, as far as there is time.
COMPARED = ("python3", "python3.12", "cc1", "java")
RUNS_S = 30
ROOT = re.compile(r"_start|_?_?clone3?|start_thread|\?\?")


def functions(count):
    """C that takes a compiler some seconds."""
    yield "struct s { struct s *next; long v[8]; double d; };\n"
    for i in range(count):
        yield (f"long f{i}(struct s *s, long n) {{ long sum = {i}; for (long i = 0; i < n; i++) {{"
               f" switch ((s->v[i & 7] + i) % {3 + i % 9}) {{ case 0: sum += s->v[(i * {i}) & 7];"
               f" break; case 1: s->d *= {i}.5; sum ^= (long)s->d; break; case 2: s = s->next;"
               f" break; default: sum = sum * 31 + s->v[2]; }} for (int k = 0; k < 8; k++)"
               f" s->v[k] += sum * k; }} return sum{f' + f{i - 1}(s, n - 1)' if i else ''}; }}\n")


def rust_functions(count):
    for i in range(count):
        yield (f"pub fn f{i}(v: &mut Vec<(u64, String)>) -> u64 {{ v.sort_by_key(|x| x.0 ^ {i});"
               f" v.iter().filter(|x| x.1.len() > {i}).map(|x| x.0 * {i})"
               ".fold(0, |a, b| a ^ b) }\n")


def said_by(*command):
    try:
        return samplers.run(command, 30).strip()
    except (OSError, samplers.Failed):
        return None


class Programs:
    """Name, share that is to reach the root, and the command; or why it cannot be tried."""

    def __init__(self, folder):
        self.folder = folder

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(text)
        return path

    def compilers(self):
        source = self.file("big.c", functions(6000))
        clang = shutil.which("clang")
        yield "clang", 0.999, clang and [clang, "-O2", "-c", source, "-o", "/dev/null"]
        cc1 = said_by("gcc", "-print-prog-name=cc1")
        # gmp's assembly says nothing of its frames: 2 samples of 1,000 may be there.
        yield "cc1", 0.997, cc1 and [cc1, "-O2", "-quiet", source, "-o", "/dev/null"]
        rust = self.file("big.rs", rust_functions(3000))
        root = said_by("rustc", "--print", "sysroot")
        yield "rustc", 0.999, root and [root + "/bin/rustc", "-O", "--crate-type=lib", rust,
                                        "--out-dir", self.folder]

    def interpreters(self):
        node = shutil.which("node")
        yield "node", 0.995, node and [node, os.path.join(HERE, "programs.js"), str(RUNS_S)]
        loop = [os.path.join(HERE, "loop.py"), str(RUNS_S)]
        yield "python3", 0.995, ["/usr/bin/python3", *loop]
        pyenv = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
        for number in range(6, 14):
            found = glob.glob(f"{pyenv}/versions/3.{number}.*/bin/python3.{number}")
            yield f"python3.{number}", 0.995, found and [found[0], *loop]

    def java(self):
        javac, java = shutil.which("javac"), shutil.which("java")
        if not javac or not java or said_by(javac, "-d", self.folder,
                                            os.path.join(HERE, "Loop.java")) is None:
            java = None
        # Of what is compiled at run time there are no tables, and no frame pointers either.
        yield "java", 0.0, java and [java, "-cp", self.folder, "Loop", str(RUNS_S)]

    def __iter__(self):
        yield from self.interpreters()
        yield from self.compilers()
        yield from self.java()


def entries(pid):
    """Where the program itself, and ld.so, begin: {module name: address}."""
    found = {}
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        paths = {line.split(maxsplit=5)[5].strip() for line in f if "/" in line}
    for path in paths:
        try:
            with open(path, "rb") as f:
                head = f.read(64)
        except OSError:
            continue
        if head[:4] == b"\x7fELF" and len(head) == 64:
            found[os.path.basename(path)] = struct.unpack_from("<Q", head, 24)[0]
    return found


def is_root(name, begins):
    """Where there are no symbols, _start is where the file says that it is entered."""
    found = re.fullmatch(r"\[(.*)\+0x([0-9a-f]+)\]", name)
    if not found:
        return bool(ROOT.fullmatch(name))
    entry = begins.get(os.path.basename(found.group(1)))
    return bool(entry) and 0 <= int(found.group(2), 16) - entry < 64


def compare(other, command, folder):
    """Share of bpfprof's samples with a call that the other never saw, such calls, and the frames
    that a sample of each has. Both look at the same time: a compiler does something else soon."""
    theirs = []

    def look():
        theirs.extend(samplers.SAMPLERS[other](process.pid, SECONDS + 1, folder)[0])

    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               cwd=folder)
    try:
        time.sleep(0.7)
        thread = threading.Thread(target=look)
        thread.start()
        time.sleep(0.5)
        ours, quality = samplers.by_bpfprof(process.pid, SECONDS, folder, "--max-depth", 1024)
        thread.join()
    finally:
        process.kill()
        process.wait()
    share, pairs = agreement.unseen(ours, theirs)
    return share, pairs, agreement.depth(ours), agreement.depth(theirs), quality


def tell_agreement(name, other, command, folder):
    """Prints it; whether they agree."""
    share, pairs, our_depth, their_depth, quality = compare(other, command, folder)
    # Frame pointers, before the tables were there, are no agreement.
    approximate = quality.get("approximate", 0) / max(quality.get("events", 1), 1)
    agree = share <= UNSEEN + approximate and our_depth >= DEPTH * their_depth
    print(f"{name:12} {share:6.2%} have calls that {other} never saw; frames: {our_depth:.1f}, "
          f"{other}'s {their_depth:.1f}  {'ok' if agree else 'no agreement'}", flush=True)
    for (caller, callee), n in pairs.most_common(4) if not agree else ():
        print(f"    {n:6} {caller} -> {callee}")
    return agree


def measure(by, command, folder):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               cwd=folder)
    try:
        time.sleep(0.7)
        begins = entries(process.pid)
        stacks, quality = samplers.SAMPLERS[by](process.pid, SECONDS, folder, "--max-depth", 1024)
        return stacks, quality, begins
    finally:
        process.kill()
        process.wait()


def judge(stacks, quality, begins, share):
    """Stacks, frames each, share that reaches the root; what is wrong; the heaviest that don't."""
    total = sum(n for _, n in stacks) or 1
    bad = collections.Counter()
    for frames, n in stacks:
        if frames and not is_root(frames[0], begins):
            bad[";".join(frames)] += n
    missed, approximate = sum(bad.values()), quality.get("approximate", 0)
    depth = sum(len(f) * n for f, n in stacks) / total
    wrong = []
    if missed > max(1, round((1 - share) * total)) + approximate:
        wrong.append(f"{missed} did not reach the root")
    if total < 30:
        wrong.append(f"{total} samples only")
    if approximate > max(50, total // 4):
        wrong.append(f"{approximate} approximate")
    return total, depth, 1 - missed / total, wrong, bad


def tell(name, by, share, command, folder):
    """Prints it; whether enough reach the root."""
    stacks, quality, begins = measure(by, command, folder)
    total, depth, rooted, wrong, bad = judge(stacks, quality, begins, share)
    print(f"{name:12} {total:6} {depth:7.1f} {rooted:8.2%} {share:7.1%} "
          f"{quality.get('approximate', 0):6}  {'; '.join(wrong) or 'ok'}", flush=True)
    for line, count in bad.most_common(3) if wrong else ():
        print(f"    {count:6} {line[:1500]}")
    return not wrong


def compared(args, other):
    """The names of those that are compared, as well as judged by where they end."""
    if not shutil.which(other):
        print(f"skipped: comparing with {other}, which is not installed")
        return ()
    return args or COMPARED


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--by", default="bpfprof", choices=samplers.SAMPLERS)
    parser.add_argument("--against", choices=samplers.SAMPLERS)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args(sys.argv[3:])
    truth.need_root_and_bpf()
    folder = tempfile.mkdtemp(prefix="bpfprof-unwind-")
    failed, tried, skipped = [], 0, 0
    also = compared(args.names, args.against or "perf") if args.by == "bpfprof" else ()
    print(f"{'program':12} {'stacks':>6} {'frames':>7} {'rooted':>8} {'asked':>7} {'approx':>6}")
    try:
        for name, share, command in Programs(folder):
            if args.names and name not in args.names:
                continue
            if not command or not os.path.exists(command[0]):
                print(f"{name:12} skipped: is not installed")
                skipped += 1
                continue
            tried += 1
            good = bool(args.against) or tell(name, args.by, share, command, folder)
            if name in also:
                good &= tell_agreement(name, args.against or "perf", command, folder)
            if not good:
                failed.append(name)
    finally:
        shutil.rmtree(folder, True)
    print(f"{tried} tried, {skipped} skipped" + (", failed: " + " ".join(failed) if failed else ""))
    return 1 if failed else 0 if tried else truth.SKIPPED


if __name__ == "__main__":
    sys.exit(main())
