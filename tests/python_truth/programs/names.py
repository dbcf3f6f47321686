# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Names and files in letters of one, two and four bytes. The test makes the modules, each a copy of
letters.py under another name."""
import importlib
import sys
import time

from rounds import begin, clock, ending, note, tell

LIMIT_S = 60
modules = [importlib.import_module(name) for name in sys.argv[1:]]  # > *
spent = {}
over = time.monotonic() + LIMIT_S
begin()  # > *
while not ending and time.monotonic() < over:
    for nr, module in enumerate(modules):
        for part in module.PARTS:
            began = clock()  # > *
            part(nr + 1)  # > größe функция 𐌰𐌱𐌲
            name = part.__name__ + " " + module.__name__
            spent[name] = spent.get(name, 0) + clock() - began  # > *
            note(spent)  # > *
tell(spent)  # > *
