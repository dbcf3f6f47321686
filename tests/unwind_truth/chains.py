# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What stacks a program may have, as it says itself (chain.h), and what those are that it is said
to have had."""

import collections
import fnmatch
import re

# What names of a C library's own are without its symbols; "??" is gdb's.
NAMELESS_LIBC = r"\[(libc|ld)[-.][^\]]*\]"
# Below what a program tells: the C library's and other languages' beginnings.
START = re.compile(
    r"_start|_start_c|__libc_start_main.*|__libc_start_call_main|libc_start_main_stage2"
    r"|start_thread|_?_?clone3?|(__)?start_context|_dl_start(_user|_final)?|_dl_relocate_static_pie"
    r"|runtime\.(goexit|rt0_go|mstart|mstart0|mcall|systemstack|main).*|_rt0_amd64.*"
    r"|std::.*|core::.*|<.*asstd::.*|<.*ascore::.*|__rust_.*|main|" + NAMELESS_LIBC + r"|\?\?")
ROOT = re.compile(r"_start|_?_?clone3?|__start_context|runtime\.goexit.*|runtime\.mstart.*"
                  r"|\?\?|" + NAMELESS_LIBC)
NAMELESS = re.compile(r"\[.*\]|0x[0-9a-f]+|\?\?")
TRAMPOLINE = re.compile(r"__restore_rt|restore_rt|__kernel_rt_sigreturn|<signalhandlercalled>")

WHOLE, PART, INTO, CUT, FALSE = "whole", "part", "into", "cut", "false"
# Who calls clone() returns from it too, where there is no call-frame information: by itself it may
# be a thread that was just born, or the end of what could be followed.
SYSTEM_CALL = re.compile(r"_?_?clone3?")
# A process that is ending has no memory any more.
EMPTY = "empty"


def plain(name):
    """Without spaces, a C++ function's parameters, and the hash of a Rust name."""
    name = name.replace(" ", "")
    name = re.sub(r"::h[0-9a-f]{16}$", "", name)
    # Not "(anonymous namespace)", which a name begins with.
    return re.sub(r"(?<=[\w>])\([^()]*(\([^()]*\)[^()]*)*\)(const)?(\[clone.*\])?$", "", name)


def pattern(word):
    if word == "?":
        return NAMELESS
    return re.compile(fnmatch.translate(word) if "*" in word else re.escape(word) + r"\Z")


def expand(words):
    """From the root to the leaf."""
    chain = []
    for word in words.split():
        name, _, times = word.rpartition("*")
        chain += [pattern(name)] * int(times) if name and times.isdigit() else [pattern(word)]
    return chain[::-1]


class Chains:
    def __init__(self, said, root=None):
        """Lines of a program's; `root` where its stacks end otherwise than in ROOT."""
        self.chains, self.handlers, self.into = [], [], []
        self.root = re.compile(root) if root else ROOT
        for line in said:
            what, _, words = line.strip().partition(": ")
            if what == "chain":
                self.chains.append(expand(words))
            elif what == "handler":
                self.handlers.append(expand(words))
            elif what == "into":
                self.into += [pattern(w) for w in words.split()]

    def untold(self, frames, at):
        """Whether what is not told begins there, or below."""
        return any(p.match(name) for p in self.into for name in frames[max(at - 1, 0):at + 1])

    def follow(self, chain, frames):
        """How far `frames` go as `chain` does, and what they are then."""
        n = 0
        while n < len(frames) and n < len(chain) and chain[n].match(frames[n]):
            n += 1
        if n == len(frames):
            return WHOLE if n == len(chain) else PART
        return INTO if n and self.untold(frames, n) else FALSE

    def best(self, chains, frames):
        judged = {self.follow(c, frames) for c in chains}
        return next(j for j in (WHOLE, PART, INTO, FALSE) if j in judged or j == FALSE)

    def segments(self, frames):
        """A stack, and what signals put upon it."""
        parts = [[]]
        for name, above in zip(frames, frames[1:] + [None]):
            if TRAMPOLINE.match(name) or self.is_trampoline(name, above):
                parts.append([])
            else:
                parts[-1].append(name)
        return parts

    def is_trampoline(self, name, above):
        """It has a symbol without a size, which is no name to everybody."""
        return bool(self.handlers and NAMELESS.match(name) and
                    (above is None or any(h[0].match(above) for h in self.handlers)))

    def judge(self, frames):
        """Of names from the root to the leaf."""
        if not frames:
            return EMPTY
        frames = [plain(f) for f in frames]
        first, *handlers = self.segments(frames)
        at = 0
        while at < len(first) and START.fullmatch(first[at]) and not self.begins(first[at]):
            at += 1
        rooted = bool(first) and (self.root.fullmatch(first[0]) or
                                  at == 0 and self.begins_own(first[0]))
        if not rooted or SYSTEM_CALL.fullmatch(";".join(frames)):
            return self.judge_cut(frames)
        judged = INTO if at == len(first) else self.best(self.chains, first[at:])
        if judged == FALSE and at and self.untold(first, at):
            judged = INTO
        for handler in handlers:
            if judged == FALSE:
                break
            judged = self.best(self.handlers, handler) if handler else PART
        return judged

    def begins(self, name):
        return any(c[0].match(name) and c[0] is not NAMELESS for c in self.chains)

    def begins_own(self, name):
        """Whether a stack may begin with it: a coroutine's does, main() never."""
        return any(c[0].match(name) for c in self.chains if not c[0].match("main"))

    def judge_cut(self, frames):
        """Is it the end of what a stack may be? Cut it may be in what is not told, too."""
        while frames and START.fullmatch(frames[0]) and not self.begins(frames[0]):
            frames = frames[1:]
        chains = self.chains + self.handlers
        if not any(p.match(f) for c in chains for p in c for f in frames):
            return CUT
        if any(self.follow(c[at:], frames) != FALSE for c in chains for at in range(len(c))):
            return CUT
        return FALSE

    def count(self, stacks):
        """(frames, count) to how many there were of each kind, and the worst of them."""
        counts, bad = collections.Counter(), collections.Counter()
        for frames, count in stacks:
            judged = self.judge(frames)
            counts[judged] += count
            if judged in (CUT, FALSE):
                bad[judged + " " + ";".join(frames)] += count
        return counts, bad
