# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Do two who looked at the same process agree on who calls whom? Programs in a steady state call
the same functions all the time: a frame that was made up shows as a pair that nobody else sees."""

import collections

from chains import START, plain

# Not seen all the same by chance: one pair in 55.
EXPECTED = 4


def pairs(stacks):
    """(caller, callee) to how many samples have it."""
    found = collections.Counter()
    for frames, n in stacks:
        names = [plain(f) for f in frames]
        for pair in set(zip(names, names[1:])):
            found[pair] += n
    return found


def unseen(ours, theirs, least=0.002):
    """Share of samples of ours that have a pair which they never saw, and the heaviest of those
    pairs. What is rarer than `least` of the samples may be chance, or what they would be expected
    to see less than EXPECTED times in as many samples as they took; and names that one of both
    doesn't know are not compared."""
    total, theirs_total = (sum(n for _, n in stacks) or 1 for stacks in (ours, theirs))
    least = max(2, least * total, EXPECTED * total / theirs_total)
    known = pairs(theirs)
    names = {name for pair in known for name in pair}
    worst = collections.Counter()
    for pair, n in pairs(ours).items():
        comparable = all(name in names for name in pair)
        if pair not in known and comparable and n >= least:
            worst[pair] = n
    hit = sum(n for frames, n in ours
              if worst.keys() & set(zip(map(plain, frames), map(plain, frames[1:]))))
    return hit / total, worst


def depth(stacks):
    """Frames a sample, without those below main()."""
    total = sum(n for _, n in stacks) or 1
    return sum(n * sum(1 for f in frames if not START.fullmatch(plain(f)))
               for frames, n in stacks) / total
