#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The judge of the other tests beside this file: does it see what is wrong with a stack?"""

import sys
import unittest

import agreement
import samplers
from chains import CUT, EMPTY, FALSE, INTO, PART, WHOLE, Chains

SAID = ("chain: spin f1 f2*2 main", "chain: other ? main", "chain: spin body",
        "handler: burn handle", "into: malloc dl*")
BELOW = "_start;__libc_start_main;__libc_start_call_main;"


class Judge(unittest.TestCase):
    def check(self, expected, *stacks):
        for stack in stacks:
            self.assertEqual(Chains(SAID).judge(stack.split(";") if stack else []), expected, stack)

    def test_whole(self):
        self.check(WHOLE, BELOW + "main;f2;f2;f1;spin", BELOW + "main;[jit+0x123]_[j];other",
                   BELOW + "main;f2(int);f2(std::x<int> (*)(int));f1;spin", "body;spin",
                   "__start_context;body;spin")

    def test_part(self):
        self.check(PART, BELOW + "main;f2", BELOW + "main", "body",
                   BELOW + "main;f2;__restore_rt;handle", BELOW + "main;f2;__restore_rt")
        self.check(WHOLE, BELOW + "main;__restore_rt;handle;burn",
                   BELOW + "main;[libc.so.6+0x12];handle;burn")
        self.check(INTO, BELOW + "main;f2;malloc;_int_malloc", BELOW[:-1], "_start;dl_main;x")
        self.check(EMPTY, "")

    def test_cut(self):
        self.check(CUT, "spin", "f1;spin", "f2;f1;spin", "clone3", "main;f2;f2;f1;spin", "x;y",
                   "__libc_start_main;__libc_start_call_main;main;f2")

    def test_false(self):
        self.check(FALSE, BELOW + "main;f2;f2;f2;f1;spin", BELOW + "main;f2;f1;spin",
                   BELOW + "main;spin", BELOW + "f2;f2;f1;spin", BELOW + "main;f2;f2;f1;spin;x",
                   BELOW + "x;main;f2;f2;f1;spin", "f2;spin", "[deep+0x12];f1;spin",
                   BELOW + "main;__restore_rt;burn", BELOW + "main;[jit+0x123];[jit+0x1];other")


class Others(unittest.TestCase):
    def test_gdb(self):
        text = ("Thread 1 (process 7):\n#0  0x000055 in spin (x=...) at a.c:1\n"
                "#1  <signal handler called>\n#2  (anonymous namespace)::G::~G (this=...) at b\n"
                "#3  main () at a.c:9\n\nThread 2 (x):\n#0  0x01 in clone3 () from /libc.so.6\n")
        self.assertEqual(list(samplers.gdb_stacks(text)),
                         [("main", "(anonymous namespace)::G::~G", "<signal handler called>",
                           "spin"), ("clone3",)])

    def test_agreement(self):
        theirs = [(("_start", "main", "a", "b"), 50), (("_start", "main", "c"), 50)]
        self.assertEqual(agreement.unseen(theirs, theirs)[0], 0)
        share, worst = agreement.unseen([(("_start", "main", "a", "c"), 10),
                                         (("_start", "main", "a"), 30)], theirs)
        self.assertEqual((share, dict(worst)), (0.25, {("a", "c"): 10}))


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
