#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Is the judge right? Programs look at themselves from within, on every interpreter of the machine:
all that they see is right. Then it is made wrong, and the judge has to see that."""
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pythons  # noqa: E402
from runs import MODULES, Runner  # noqa: E402
from stacks import CUT, EMPTY, FALSE, WHOLE  # noqa: E402
import samplers  # noqa: E402
import truth  # noqa: E402

SECONDS = 0.4
PROGRAMS = {"split": (), "threads": (), "lines": (), "names": MODULES}


class JudgeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.runner = Runner()
        # Without a GIL other threads run on while their stacks are read from within.
        found = sorted((p for p in pythons.of_the_machine() if not p.free_threaded),
                       key=lambda p: p.version)
        few = [found[0], found[len(found) // 2], found[-1]]
        cls.pythons = found if os.environ.get("BPFPROF_LONG") else few

    @classmethod
    def tearDownClass(cls):
        cls.runner.done()

    def seen(self, python, program, by_line, *args):
        """What the program saw of itself."""
        out = self.runner.path("seen.folded")
        samplers.run([python.path, self.runner.path("within.py"), SECONDS, out,
                      "LINE" if by_line else "FIRST", self.runner.path(program + ".py"), *args], 60,
                     env=self.runner.env, cwd=self.runner.folder)
        return truth.Folded.read(out)

    def test_true_stacks(self):
        for python in self.pythons:
            for program, args in PROGRAMS.items():
                by_line = program != "names"
                with self.subTest(python=python.name, program=program):
                    stacks = self.seen(python, program, by_line, *args)
                    counts, bad = self.runner.judge(python, by_line).count(stacks)
                    self.assertGreater(counts[WHOLE], 20)
                    # A thread may go on while its stack is read from within.
                    self.assertGreaterEqual(counts[WHOLE], 0.985 * sum(counts.values()),
                                            bad.most_common(3))

    def judged(self, frames, by_line=True):
        python = self.pythons[-1]
        return self.runner.judge(python, by_line).judge(frames)[0]

    def test_false_stacks(self):
        path = self.runner.path("brief.py")
        with open(path, encoding="utf-8") as f:
            lines = f.readlines()
        call = 1 + [line.startswith("brief_work(") for line in lines].index(True)
        begin = 1 + [line.startswith("def brief_work(") for line in lines].index(True)
        module, work = "<module> (%s:%d)" % (path, call), "brief_work (%s:%d)" % (path, begin + 2)
        self.assertEqual(self.judged(["main", module, work]), WHOLE)
        self.assertEqual(self.judged(["main"]), EMPTY)
        self.assertEqual(self.judged(["main", work]), CUT)
        self.assertEqual(self.judged([module, work, work]), FALSE)
        self.assertEqual(self.judged([module, module]), FALSE)
        self.assertEqual(self.judged([module, "os (%s:9)" % path]), FALSE)
        self.assertEqual(self.judged([module, "brief_work (%s:%d)" % (path, call)]), FALSE)
        self.assertEqual(self.judged(["<module> (%s:%d)" % (path, call - 1), work]), FALSE)
        self.assertEqual(self.judged([module, "_PyEval_EvalFrameDefault", work]), FALSE)
        self.assertEqual(self.judged([module, "dumps (/usr/lib/json.py:3)"]), FALSE)
        self.assertEqual(self.judged(["dumps (/usr/lib/json.py:3)", work]), FALSE)
        self.assertEqual(self.judged([module, work, "_PyEval_EvalFrameDefault"]), WHOLE)
        first = ["<module> (%s:1)" % path, "brief_work (%s:%d)" % (path, begin)]
        self.assertEqual(self.judged(first, False), WHOLE)
        self.assertEqual(self.judged(first, True), FALSE)


if __name__ == "__main__":
    unittest.main()
