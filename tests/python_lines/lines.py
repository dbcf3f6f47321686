# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""lines.py ASK.so [EVERY]: run by the Python under test; writes what CPython itself says of the lines
of its standard library to standard output: of each code object a head (format, first line, bytes of
its table, number of answers), the table, and PyCode_Addr2Line() from -2 on, at each even offset.
EVERY: only each so-manieth module. Runs from 3.6 on."""
import ctypes
import importlib.util
import marshal
import os
import struct
import sys
import types

FROM, BEYOND = -2, 6  # a frame that has not begun; and what lies behind the last instruction
END = 0xffffffff
NOT_ITS_OWN = ("site-packages", "dist-packages")
FORMAT = 1 if sys.version_info < (3, 10) else 2 if sys.version_info < (3, 11) else 3
PYC_HEAD = 12 if sys.version_info < (3, 7) else 16


def modules(folder):
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in NOT_ITS_OWN)
        for name in sorted(names):
            if name.endswith(".py") and os.path.isfile(os.path.join(base, name)):
                yield os.path.join(base, name)


def code_of(path):
    """What the module is compiled to, from the cache if it is there; None: it is no Python."""
    try:
        with open(importlib.util.cache_from_source(path), "rb") as f:
            whole = f.read()
        if whole[:4] == importlib.util.MAGIC_NUMBER:
            return marshal.loads(whole[PYC_HEAD:])
    except (OSError, ValueError, EOFError, TypeError):
        pass
    try:
        with open(path, "rb") as f:
            return compile(f.read(), path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, UnicodeError):
        return None  # of the compiler's own tests


def main():
    every = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    ask = ctypes.PyDLL(sys.argv[1]).ask
    ask.restype = None
    ask.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
    line_at = ctypes.cast(ctypes.pythonapi.PyCode_Addr2Line, ctypes.c_void_p)
    out = sys.stdout.buffer
    sys.setrecursionlimit(10000)
    nr = 0
    for i, path in enumerate(modules(os.path.dirname(os.__file__))):
        todo = [code_of(path)] if i % every == 0 else []
        while todo:
            code = todo.pop()
            if code is None:
                continue
            todo += [c for c in code.co_consts if isinstance(c, types.CodeType)]
            table = code.co_lnotab if FORMAT == 1 else code.co_linetable
            n = (len(code.co_code) - FROM + BEYOND) // 2
            lines = (ctypes.c_int * n)()
            ask(line_at, code, FROM, n, lines)
            out.write(struct.pack("=IiII", FORMAT, code.co_firstlineno, len(table), n))
            out.write(table)
            out.write(lines)
            nr += 1
    out.write(struct.pack("=IiII", END, 0, 0, nr))


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    main()
