# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""codes.py FILE …: the code objects of sources as this very interpreter compiles them. JSON: file
to a list of {name, qualname, first, lines}."""
import dis
import json
import sys
import types


def codes(code):
    lines = sorted({line for _, line in dis.findlinestarts(code) if line})
    yield {"name": code.co_name, "qualname": getattr(code, "co_qualname", code.co_name),
           "first": code.co_firstlineno, "lines": lines}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            for inner in codes(constant):
                yield inner


def main():
    found = {}
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as f:
            found[path] = list(codes(compile(f.read(), path, "exec")))
    print(json.dumps(found))


main()
