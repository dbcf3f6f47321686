# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the verifier took for each program, beside what verifier.table says that it takes.

A row is (clang, object, settings, program); counts are {row: instructions}. verifier_load prints
what it found, a line a program.
"""
import os
import re

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "verifier.table")
UPDATE = "tests/vm/verifier --update FOLDER"
ABSENT = "-"
REFUSED = "refused"
DEARER = 1.25
CHEAPER = 0.95
HEAD = ["clang", "object", "settings", "program"]


class Table:
    """verifier.table: its comments, the limit, the kernels' names, {kernel: counts}."""

    def __init__(self, path=PATH):
        self.comments, self.limit, self.kernels, self.counts = [], 0, [], {}
        with open(path, encoding="utf-8") as f:
            for line in f:
                self.line(line)

    def line(self, line):
        words = line.split()
        if line.startswith("#"):
            self.comments.append(line)
        elif words[:1] == ["limit"]:
            self.limit = int(words[1])
        elif words[:4] == HEAD:
            self.kernels = words[4:]
            self.counts = {kernel: {} for kernel in self.kernels}
        elif words:
            for kernel, count in zip(self.kernels, words[4:], strict=True):
                if count != ABSENT:
                    self.counts[kernel][tuple(words[:4])] = int(count)

    def rows(self):
        return {row for counts in self.counts.values() for row in counts}

    def text(self):
        """Rows in the order of their names; clang by clang, object by object."""
        lines = [HEAD + self.kernels]
        for row in sorted(self.rows()):
            lines.append(list(row) + [str(self.counts[kernel].get(row, ABSENT))
                                      for kernel in self.kernels])
        widths = [max(map(len, column)) for column in zip(*lines)]
        body = "".join("  ".join(word.ljust(width) if i < len(HEAD) else word.rjust(width)
                                 for i, (word, width) in enumerate(zip(words, widths))) + "\n"
                       for words in lines)
        return "%slimit %d\n%s" % ("".join(self.comments), self.limit, body)


def name_of(path):
    """(clang, object) of CLANG/OBJECT.bpf.o."""
    folder, name = os.path.split(path)
    return os.path.basename(folder), re.sub(r"\.bpf\.o$", "", name)


def parse(said):
    """The counts that verifier_load printed, and the rows that it says were refused."""
    counts, refused = {}, []
    for line in said.splitlines():
        path, settings, program, count = line.split()
        row = (*name_of(path), settings, program)
        if count == REFUSED:
            refused.append(row)
        else:
            counts[row] = int(count)
    return counts, refused


def compare(table, kernel, counts, check):
    """Each row found, once, to `check(good, what)`. Of a clang that is not here nothing is said."""
    clangs = {row[0] for row in counts}
    wanted = {row: n for row, n in table.counts.get(kernel, {}).items() if row[0] in clangs}
    cheaper = []
    wrong = 0
    for row in sorted(counts.keys() | wanted.keys()):
        n, known = counts.get(row), wanted.get(row)
        if n is None:
            said = "is in verifier.table, and was not loaded"
        elif known is None:
            said = "takes %d instructions, and is not in verifier.table" % n
        elif n > known * DEARER:
            said = "takes %d instructions, verifier.table says %d" % (n, known)
        elif n > table.limit:
            said = "takes %d instructions, the limit is %d" % (n, table.limit)
        else:
            if n < known * CHEAPER:
                cheaper.append("%s %d (%d)" % (" ".join(row), n, known))
            continue
        wrong += 1
        check(False, "verifier: %s: %s" % (" ".join(row), said))
    if wrong:
        print("      '%s' writes the table anew" % UPDATE)
    check(bool(counts) and not wrong, "verifier: %d counts are as verifier.table has them"
          % (len(counts) - wrong))
    if cheaper:
        print("hint  cheaper than verifier.table says, which '%s' corrects: %s"
              % (UPDATE, "; ".join(cheaper)))


def compare_limit(table, counts, check):
    """For a kernel that the table doesn't name: all that every kernel loads, below the limit."""
    every = set.intersection(*(set(c) for c in table.counts.values()))
    clangs = {row[0] for row in counts}
    lacking = sorted(row for row in every - counts.keys() if row[0] in clangs)
    check(not lacking, "verifier: of what all kernels of the table load not loaded here: %s"
          % ("; ".join(" ".join(row) for row in lacking) or "nothing"))
    row = max(counts, key=counts.get, default=None)
    check(row and counts[row] <= table.limit, "verifier: at most %d instructions (%s), the limit "
          "is %d" % (counts.get(row, 0), " ".join(row or ["nothing"]), table.limit))


def say_clangs(table, objects):
    """Names the clangs of the table that nothing was built with."""
    had = {name_of(path)[0] for path in objects}
    for clang in sorted({row[0] for row in table.rows()} - had):
        print("SKIP  verifier: %s was not installed when this was built" % clang)
