#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""bpfprof gc of a program whose operations have names that no JVM has.

Usage: test_operations.py BPFPROF FOLDER
"""
import collections
import json
import os
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "truth"))
import truth  # noqa: E402

# As operations.c has them: each so often, and what can't be read.
EACH, UNREADABLE = 100, 60
NAMES = ["plain", "\033[2J\\xff name", "a name of 48 bytes, which is all that is shown .",
         "a name of 49 bytes, of which the last isn't show…", "x" * 48 + "…"]
# Of texts, those that are kept: texts.h.
KEPT = 4096


class Operations(truth.Case):
    def measure(self, different):
        report = json.loads(self.bpfprof("gc", "-q", "--json", "--", self.need("operations"),
                                         different).stdout)
        names = collections.Counter()
        for row in report["rows"]:
            if row["labels"].get("kind") == "VM operation":
                names[row["labels"].get("operation")] += row["count"]
        return names, report["quality"]

    def test_names(self):
        names, quality = self.measure(0)
        self.assertEqual(names, {**{n: EACH for n in NAMES}, "[unknown]": UNREADABLE})
        self.assertEqual((quality["text_lost"], quality["lost"]), (UNREADABLE, 0))

    def test_many(self):
        """Each has its name or none, and who has none is counted."""
        names, quality = self.measure(6000)
        unknown = names.pop("[unknown]")
        self.assertEqual(sum(names.values()) + unknown, 6000 + 5 * EACH + UNREADABLE)
        self.assertEqual(quality["text_lost"], unknown)
        self.assertTrue(KEPT - 10 <= len(names) <= KEPT, len(names))
        for name in NAMES:
            self.assertEqual(names[name], EACH)


if __name__ == "__main__":
    truth.need_root_and_bpf()
    truth.main()
