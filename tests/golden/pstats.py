#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""pstats.py FILE: a file of pstats as text, in its own order."""
import marshal
import sys

with open(sys.argv[1], "rb") as f:
    stats = marshal.load(f)
    assert not f.read(1)
for function, (primitive, calls, own, total, callers) in stats.items():
    print(*function, sep=":")
    print("  calls=%d primitive=%d self=%r total=%r" % (calls, primitive, own, total))
    for caller, (calls, primitive, own, total) in callers.items():
        assert caller in stats
        print("  <-", "%s:%s:%s" % caller)
        print("     calls=%d primitive=%d self=%r total=%r" % (calls, primitive, own, total))
