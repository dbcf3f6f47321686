# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a Python program's stacks may be, as its comments (programs/rounds.py) and its interpreter's
own compiler say, and what those are that it is said to have had."""
import collections
import os
import re

POINTS = 3.0
COMPLETE = 0.995
LEAST = 100  # samples that say anything
WHOLE, CUT, EMPTY, FALSE = "whole", "cut", "empty", "false"
# A Python frame; native ones may have a line too, but of other files.
FRAME = re.compile(r"(.+) \((.*\.py|<[^<>]*>):(\d+)\)")
# The loop itself, and what compilers split off it.
LOOP = re.compile(r"_PyEval_EvalFrameDefault(\.cold)?(_\[i\])?")
LEFT_OUT = re.compile(r"\[.*left out.*\]")
WITHIN = re.compile(r".*<(listcomp|setcomp|dictcomp|genexpr)>")
BOOTSTRAP = re.compile(r"(Thread\.)?_bootstrap")

# What the programs are measured with is no part of them.
NOT_JUDGED = ("rounds.py", "codes.py", "within.py")

Frame = collections.namedtuple("Frame", "name file line")


def parse(text):
    """A Frame, or None of what is not Python's."""
    found = FRAME.fullmatch(text)
    return Frame(found.group(1), found.group(2), int(found.group(3))) if found else None


class Code:
    def __init__(self, said, comments):
        self.short, self.qualified = said["name"], said["qualname"]
        self.first, self.lines = said["first"], set(said["lines"]) | {said["first"]}
        self.calls = {}
        for line in self.lines:
            self.calls[line] = set(comments[line - 1][0]) if line <= len(comments) else set()
        below = comments[self.first - 1][1] if self.first <= len(comments) else ()
        self.from_library = "library" in below or self.short == "<module>"
        self.is_root = "root" in below or self.short == "<module>"

    def may_call(self, name, line):
        """line: None: from any."""
        if line is not None:
            return name in self.calls.get(line, ())
        return any(name in names for names in self.calls.values())


def comments(path):
    """By line: (what is called, what calls)."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().splitlines()
        parts = re.search(r"^PARTS = \[([^]]*)\]", "\n".join(lines), re.M)
        for text in lines:
            above = re.search(r"# > (.*)", text)
            below = re.search(r"# < (.*)", text)
            calls = above.group(1).split() if above else []
            if "PARTS" in calls:
                calls += re.findall(r"\w+", parts.group(1))
            # What is imported, where it is.
            if re.match(r"\s*(import|from) ", text):
                calls.append("*")
            yield calls, below.group(1).split() if below else ()


class Judge:
    """said: what codes.py printed; by_line: frames have the line that runs, not the first one."""

    def __init__(self, said, by_line, version):
        self.by_line = by_line
        self.codes = collections.defaultdict(list)
        for path, codes in said.items():
            if os.path.basename(path) in NOT_JUDGED:
                continue
            known = list(comments(path))
            for code in codes:
                made = Code(code, known)
                name = made.qualified if version >= (3, 11) else made.short
                self.codes[name, path].append(made)
        self.files = {path for _, path in self.codes}

    def code(self, frame):
        """Its code object; None: there is no such one."""
        fitting = [c for c in self.codes.get((frame.name, frame.file), ())
                   if (frame.line in c.lines if self.by_line else frame.line == c.first)]
        return fitting[0] if fitting else None

    def wrong_pair(self, caller, callee):
        """Why the one can't have called the other, or None."""
        above = callee.file in self.files and self.code(callee)
        if caller.file not in self.files:
            return "not called by a library" if above and not above.from_library else None
        below = self.code(caller)
        line = caller.line if self.by_line else None
        if not above:
            return None if below.may_call("*", line) else "calls no library there"
        if WITHIN.fullmatch(above.short) and above.first in below.lines:
            return None if line in (None, above.first) else "not from that line"
        return None if below.may_call(above.short, line) else "does not call it there"

    def judge(self, names):
        """Of names from the root to the leaf: (verdict, why)."""
        frames, loops = [], []
        for at, text in enumerate(names):
            frame = parse(text)
            if frame and frame.file in self.files and not self.code(frame):
                return FALSE, "no such code: " + text
            if LOOP.fullmatch(text):
                loops.append(at)
            if frame or LEFT_OUT.fullmatch(text):
                frames.append(frame)
                last = at
        if not frames or not frames[0]:
            return EMPTY, "no Python frame"
        # At the leaf it may have been entered, or be about to be left, without a frame to run.
        if loops[1:] or loops and loops[0] < last:
            return FALSE, "the loop itself"
        for caller, callee in zip(frames, frames[1:]):
            why = caller and callee and self.wrong_pair(caller, callee)
            if why:
                return FALSE, "%s > %s: %s" % (caller, callee, why)
        root = frames[0]
        if root.file in self.files:
            good = self.code(root).is_root
        else:
            good = (root.name == "<module>" or BOOTSTRAP.fullmatch(root.name) and
                    os.path.basename(root.file) == "threading.py")
        return (WHOLE, "") if good else (CUT, "begins with " + root.name)

    def count(self, stacks):
        """truth.Folded: (samples by verdict, the worst ones)."""
        counts, bad = collections.Counter(), collections.Counter()
        for s in stacks:
            verdict, why = self.judge(s.frames)
            counts[verdict] += s.count
            if verdict != WHOLE:
                bad["%s (%s): %s" % (verdict, why, ";".join(s.frames)[-600:])] += s.count
        return counts, bad


def part_of(stack, parts, version):
    """The first of `parts` (names of functions) on the stack."""
    for text in stack.frames:
        frame = parse(text)
        if frame:
            name = frame.name.split(".")[-1] if version >= (3, 11) else frame.name
            if name in parts:
                return name
    return None


def shares(stacks, key):
    """Samples by key(stack), as shares of those that have one."""
    found = collections.Counter()
    for s in stacks:
        of = key(s)
        if of is not None:
            found[of] += s.count
    total = sum(found.values()) or 1
    return {k: n / total for k, n in found.items()}


def farthest(measured, spent):
    """(points, part): where shares are farthest from the truth."""
    total = sum(spent.values()) or 1
    return max((abs(measured.get(part, 0) - used / total) * 100, part)
               for part, used in spent.items())


def allowed(counts):
    """How far from the truth a share may be: 3 points, or more where chance alone does more."""
    return max(POINTS, 3 * 100 * (0.25 / max(sum(counts.values()), 1)) ** 0.5)


def late_allowed(total):
    return max(25, 0.02 * total)


def verdict(counts, apart, quality):
    """What is wrong, in words."""
    total = sum(counts.values())
    if total < LEAST:
        yield "%d samples only" % total
    if counts[FALSE]:
        yield "%d that it never had" % counts[FALSE]
    # What is sampled while it gets to know a process has no Python frames, and is said to be so.
    late = min(quality.get("interpreted_late", 0), counts[EMPTY])
    if late > late_allowed(total):
        yield "%d late" % late
    if counts[WHOLE] < COMPLETE * (total - late):
        yield "%d not complete, of which %d were late" % (total - counts[WHOLE], late)
    if apart[0] > allowed(counts):
        yield "%.1f points from the truth" % apart[0]
    if quality.get("lost"):
        yield "%d lost" % quality["lost"]
    # It has to know itself how good it was. Before native tables are there, nothing fits for sure.
    unjoined = quality.get("unjoined", 0) - quality.get("approximate", 0)
    if unjoined > (1 - COMPLETE) * total or quality.get("code_lost"):
        yield "%d unjoined, %d without names" % (unjoined, quality["code_lost"])
    if quality.get("interpreted", total) < COMPLETE * counts[WHOLE]:
        yield "says that %d were interpreted" % quality["interpreted"]
