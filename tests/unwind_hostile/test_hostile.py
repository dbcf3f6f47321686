#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs that do their worst, measured together with one that behaves: what bpfprof may take
for it, and that the other one's stacks stay whole.

Usage: test_hostile.py BPFPROF FOLDER-OF-PROGRAMS [NAME ...]
"""

import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "unwind_truth"))
import samplers  # noqa: E402
from chains import CUT, FALSE, WHOLE, Chains  # noqa: E402
import truth  # noqa: E402

SECONDS = 2.4
ASLEEP = 1.0          # the well-behaved one comes when the enemy is there
MAX_SHARE = 0.25      # of one CPU
MAX_RSS_KB = 256 << 10  # --max-memory

SANITIZED = "SANITIZED" in os.environ  # costs are not the product's


class Case:
    """What is run.

    steady  least share of the well-behaved program's samples that are whole
    share   what bpfprof may take of a CPU, beyond what it takes with no enemy there
    judge   of the enemy's own stacks: each is one of those that it says it has, or approximate
    """

    def __init__(self, name, *command, steady=0.99, share=MAX_SHARE, judge=None):
        self.name, self.command, self.steady, self.share = name, command, steady, share
        self.judge = judge


def sections(data):
    """Of a 64-bit ELF file: (name, offset, size)."""
    at, = struct.unpack_from("<Q", data, 40)
    size, nr, names = struct.unpack_from("<HHH", data, 58)
    heads = [struct.unpack_from("<IIQQQQ", data, at + i * size) for i in range(nr)]
    for head in heads:
        begin = heads[names][4] + head[0]
        yield data[begin:data.index(b"\0", begin)].decode(), head[4], head[5]


def records(data):
    """(offset, is an FDE) of what .eh_frame holds."""
    (begin, size), = [(o, s) for n, o, s in sections(data) if n == ".eh_frame"]
    at = begin
    while at + 8 <= begin + size:
        length, cie = struct.unpack_from("<II", data, at)
        if not length:
            return
        yield at, cie != 0
        at += 4 + length


def lying_lengths(data):
    for at, is_fde in list(records(data)):
        if is_fde:
            struct.pack_into("<I", data, at, 0xfffffff0)


def overlapping(data):
    for at, is_fde in list(records(data)):
        if is_fde:
            struct.pack_into("<I", data, at + 12, 0x7fffffff)


def other_build_id(data, path):
    """Takes the build-id of `path`."""
    with open(path, "rb") as f:
        other = bytearray(f.read())
    ids = {}
    for name, of in (("own", data), ("other", other)):
        ids[name], = [o for n, o, s in sections(of) if n == ".note.gnu.build-id"]
    data[ids["own"] + 16:ids["own"] + 36] = other[ids["other"] + 16:ids["other"] + 36]


def libc_path():
    with open("/proc/self/maps", encoding="utf-8") as f:
        return next(line.split()[-1] for line in f if re.search(r"/libc[.-]", line))


def patched(folder, name, source, patch, *args):
    with open(os.path.join(truth.PROGRAMS, source), "rb") as f:
        data = bytearray(f.read())
    patch(data, *args)
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o755)
    # Somebody's own.
    os.chown(path, 65534, 65534)
    return path


def cases(folder):
    def library(name):
        return os.path.join(truth.PROGRAMS, name + ".so")

    yield Case("nobody")
    yield Case("pointers", "pointers")
    yield Case("many", "mappings", "many", 65400)
    yield Case("churn", "mappings", "churn")
    yield Case("lists", "mappings", "lists", 200)
    yield Case("forks", "births", "forks")
    # Every sample is of a program that is new: each of two thousand a second is walked here.
    yield Case("execs", "births", "execs", share=0.5)
    yield Case("swaps", "swaps", library("first"), library("second"), judge="swaps")
    yield Case("swaps apart", "swaps", library("first"), library("second"), "apart", judge="chain")
    yield Case("crafted", "runs", *(library(f"crafted{kind}") for kind in range(7)),
               patched(folder, "lengths.so", "crafted0.so", lying_lengths),
               patched(folder, "overlaps.so", "crafted0.so", overlapping))
    yield Case("impostor", "runs", patched(folder, "impostor.so", "crafted5.so", other_build_id,
                                           libc_path()))


def start(name, *args):
    """The process, and what it says until it is ready."""
    process = subprocess.Popen([os.path.join(truth.PROGRAMS, name), *map(str, args)],
                               stdout=subprocess.PIPE, text=True, start_new_session=True)
    said = []
    for line in process.stdout:
        if line.startswith("ready"):
            return process, said
        said.append(line)
    raise samplers.Failed(f"{name} ended: {process.wait()}")


def stop(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    process.stdout.close()


def peak(pid):
    """Kilobytes that it had at most, when it has ended: what wait4() says is ours, where we had more
    before it was executed."""
    found = 0
    while not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
        with open(f"/proc/{pid}/status", encoding="utf-8") as f:
            said = re.search(r"VmHWM:\s+(\d+)", f.read())
        found = max(found, int(said.group(1)) if said else 0)
        time.sleep(0.01)
    return found


def measure(folder, during, *options):
    """Stacks, quality, CPU seconds and kilobytes of a run of bpfprof."""
    out, said = os.path.join(folder, "out.folded"), os.path.join(folder, "said")
    with open(said, "w", encoding="utf-8") as to:
        process = subprocess.Popen([truth.BPFPROF, "cpu", "-q", "-F", str(samplers.HZ), "-U",
                                    "--no-inline", "--json", "-d", str(SECONDS), "-o", out,
                                    *options],
                                   stdout=to, stderr=to)
        during()
        rss = peak(process.pid)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    with open(said, encoding="utf-8", errors="replace") as f:
        text = f.read()
    if process.returncode or "ERROR: " in text or "runtime error" in text:
        raise samplers.Failed(f"bpfprof exited with {process.returncode}: {text[-3000:]}")
    return truth.Folded.read(out), samplers.quality(text), used.ru_utime + used.ru_stime, rss


def whole(said, stacks, comm):
    """Counts by kind of a program's stacks, and the worst of them."""
    return Chains(said).count([(s.frames, s.count) for s in stacks if s.comm == comm])


def judge_swaps(said, stacks, quality):
    """Both run for the same time. What is said of the one in place of the other is approximate;
    stacks that are whole but short of being right must be among those."""
    counts, bad = whole(said, stacks, "swaps")
    first = sum(s.count for s in stacks if s.comm == "swaps" and s.has("a_spin"))
    second = sum(s.count for s in stacks if s.comm == "swaps" and s.has("b_spin"))
    approximate = quality.get("approximate", 0)
    off = abs(first - second) / 2
    if counts[FALSE] > approximate + 2:
        yield f"{counts[FALSE]} false, {approximate} approximate"
        yield "\n    ".join(f"{n} {line[:300]}" for line, n in bad.most_common(3))
    if off > approximate + (first + second) / 12:
        yield f"{first} of the first and {second} of the second, {approximate} approximate"


def judge_chain(said, stacks, quality):
    counts, bad = whole(said, stacks, "swaps")
    approximate = quality.get("approximate", 0)
    if counts[FALSE] + counts[CUT] > approximate + 2:
        yield f"{counts[FALSE]} false, {counts[CUT]} cut, {approximate} approximate"
        yield "\n    ".join(f"{n} {line[:300]}" for line, n in bad.most_common(3))


JUDGES = {"swaps": judge_swaps, "chain": judge_chain}


class Runner:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bpfprof-hostile-")
        os.chmod(self.folder, 0o755)
        self.alone = None  # CPU seconds of a run without an enemy
        self.start = 0     # the well-behaved one's samples that are not whole in such a run

    def run(self, case):
        steady, steady_said = start("steady", 60)
        enemy, said = start(case.command[0], 30, *case.command[1:]) if case.command else (None, [])
        os.kill(steady.pid, signal.SIGSTOP)

        def during():
            time.sleep(ASLEEP)
            os.kill(steady.pid, signal.SIGCONT)

        try:
            stacks, quality, cpu, rss = measure(self.folder, during)
        finally:
            stop(steady)
            if enemy:
                stop(enemy)
        share = (cpu - (self.alone or cpu)) / SECONDS
        counts, bad = whole(steady_said, stacks, "steady")
        total = sum(counts.values())
        if self.alone is None:
            # Before its tables are there; that takes longer where there is more to do.
            self.alone, self.start = cpu, 2 * (total - counts[WHOLE]) + 80
        wrong = list(self.verdict(case, counts, quality, share, rss))
        if case.judge:
            wrong += JUDGES[case.judge](said, stacks, quality)
        notes = {k: v for k, v in quality.items() if v and k not in
                 ("user_stacks", "unwound_to_root", "frames", "unsymbolized_frames")}
        print(f"{case.name:12} {total:6} {(counts[WHOLE] / max(total, 1)):7.1%} {share:7.1%} "
              f"{rss >> 10:5} {' '.join(f'{k}={v}' for k, v in notes.items())}  "
              f"{'; '.join(wrong) or 'ok'}", flush=True)
        if counts[WHOLE] < case.steady * total - self.start or counts[FALSE]:
            for line, count in bad.most_common(3):
                print(f"    {count:6} {line[:300]}")
        return not wrong

    def verdict(self, case, counts, quality, share, rss):
        """What is wrong, in words; nothing if nothing is. Part of a chain is not whole: 35 calls of
        deep.c are made in no time, so that there are few."""
        total = sum(counts.values())
        if total < 100:
            yield f"{total} samples of the well-behaved one"
        if counts[FALSE] > total // 100 + 2:
            yield f"{counts[FALSE]} of {total} false"
        if quality.get("lost", 0) > quality.get("events", 0) // 1000:
            yield f"{quality['lost']} lost"
        if SANITIZED:
            return
        if counts[WHOLE] < case.steady * total - self.start:
            yield f"{counts[WHOLE]} of {total} whole"
        if share > case.share:
            yield f"{share:.0%} of a CPU"
        if rss > MAX_RSS_KB:
            yield f"{rss >> 10} MB"


def main():
    truth.need_root_and_bpf()
    runner, failed, names = Runner(), [], sys.argv[3:]
    print(f"{'enemy':12} {'steady':>6} {'whole':>7} {'CPU':>7} {'MB':>5}")
    try:
        for case in cases(runner.folder):
            if names and case.name not in names and case.name != "nobody":
                continue
            try:
                good = runner.run(case)
            except samplers.Failed as e:
                good = False
                print(f"{case.name:12} {e}", flush=True)
            if not good:
                failed.append(case.name)
    finally:
        shutil.rmtree(runner.folder, True)
    if failed:
        print("failed: " + ", ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
