# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""loaded.py FILE: what marshal reads of it, as JSON: [[function, [cc, nc, tt, ct, [[caller,
[nc, cc, tt, ct]], ...]]], ...], sorted. Any Python since 2.7."""
import json
import marshal
import sys

with open(sys.argv[1], "rb") as f:
    stats = marshal.load(f)
    assert not f.read(1), "something behind its end"
text = type(u"")
for key, value in stats.items():
    assert type(key[0]) in (str, text) and type(key[2]) in (str, text), key
    assert type(value[2]) is float and type(value[3]) is float, value
json.dump(sorted([key, list(value[:4]) + [sorted(value[4].items())]]
                 for key, value in stats.items()), sys.stdout)
