# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""test_checks.py ROOT CHECK: does a check of tools/ pass a good tree, and fail each bad one with the
line that says why? In what a file holds, ROOT is where the tree lies."""
import os
import shutil
import subprocess
import sys
import tempfile

SPDX = " SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"
H = "/*" + SPDX + " */\n#pragma once\n"
C = "//" + SPDX + "\n"
PY = "#" + SPDX + "\n"
BODY = "int f(void)\n{\n%s\treturn 0;\n}\n"

GOOD = {
    "user/main.c": C + '#include "cmd/cmd.h"\n\n' + BODY % "",
    "user/cmd/cmd.h": H + '#include "mode/mode.h"\n#include "view/view.h"\n',
    "user/mode/mode.h": H + '#include <bpf/libbpf.h>\n#include "collect/live.h"\n',
    "user/collect/live.h": H + '#include <bpf/bpf.h>\n#include "abi.h"\n#include "model/m.h"\n',
    "user/symbolize/elf.c": C + '#include <gelf.h>\n#include <elfutils/libdw.h>\n',
    "user/view/view.h": H + '#include "model/m.h"\n',
    "user/model/m.h": H + '#include "base/b.h"\n#include "bucket.h"\n',
    "user/base/b.h": H,
    "bpf/abi.h": H,
    "bpf/bucket.h": H,
    "bpf/io.bpf.c": C + '#include "abi.h"\n\n' + BODY % ("\tf();\n" * 50),
    "tools/tool": "#!/usr/bin/env python3\n" + PY + "def f():\n    return 0\n",
}


def python_function(nr_lines):
    return "def f():\n" + "    f()\n" * (nr_lines - 1)


# check: [(path, content, what it must say)]
BAD = {
    "layers": [
        ("user/base/x.c", '#include "model/m.h"\n', "base may not include model"),
        ("user/model/x.c", '#include "collect/live.h"\n', "model may not include collect"),
        ("user/view/x.c", '#  include "collect/live.h"\n', "view may not include collect"),
        ("user/export/x.c", '#include "symbolize/s.h"\n', "export may not include symbolize"),
        ("user/collect/x.c", '#include "mode/mode.h"\n', "collect may not include mode"),
        ("user/probe/x.c", '#include "walk/tables.h"\n', "probe may not include walk"),
        ("user/walk/x.c", '#include "collect/live.h"\n', "walk may not include collect"),
        ("user/collect/x.c", '#include "doctor/d.h"\n', "collect may not include doctor"),
        ("user/mode/x.c", '#include "cmd/cmd.h"\n', "mode may not include cmd"),
        ("user/main.c", '#include "mode/mode.h"\n', "main.c may not include mode"),
        ("user/cmd/x.c", "#include <bpf/libbpf.h>\n", "cmd includes bpf/libbpf.h"),
        ("user/view/x.c", '#include <bpf/bpf.h>\n', "view includes bpf/bpf.h"),
        ("user/collect/x.c", "#include <libelf.h>\n", "collect includes libelf.h"),
        ("user/cmd/x.c", "#include <elfutils/libdw.h>\n", "cmd includes elfutils/libdw.h"),
        ("user/model/x.c", "#include <dwarf.h>\n", "model includes dwarf.h"),
        ("user/cmd/x.c", '#include "io.skel.h"\n', "cmd includes io.skel.h"),
        ("user/view/x.c", '#include "abi.h"\n', "view includes bpf/abi.h"),
        ("user/cmd/x.c", '#include "../collect/live.h"\n', "is in no layer"),
        ("user/attic/x.c", '#include "base/b.h"\n', "not in the table"),
        ("bpf/x.bpf.c", '#include "base/b.h"\n', "the kernel half includes base/b.h"),
    ],
    "size": [
        ("user/base/x.c", "int x;\n" * 501, "501 lines, 500 are allowed"),
        ("user/main.c", "int x;\n" * 81, "81 lines, 80 are allowed"),
        ("bpf/x.bpf.c", "int x;\n" * 101, "101 lines, 100 are allowed"),
        ("user/base/x.c", BODY % ("\tf();\n" * 58), "f() has 61 lines"),
        ("user/base/x.h", "static inline " + BODY % ("\tf();\n" * 58), "f() has 61 lines"),
        ("tests/x.py", python_function(61), "f() has 61 lines"),
        ("tools/x", "#!/usr/bin/python3\n" + python_function(61), "f() has 61 lines"),
        ("tools/x", "#!/bin/sh\n" + ":\n" * 500, "501 lines, 500 are allowed"),
    ],
    "format": [
        ("user/base/x.c", "int f(void) {\n    return 0; }\n", "user/base/x.c:1"),
        ("bpf/x.h", "struct x {\n  int  y;\n};\n", "bpf/x.h:1"),
    ],
    "tree": [
        ("user/base/x.c", "int x;\n", "x.c: line 1 is not //"),
        ("user/base/x.h", C, "x.h: line 1 is not /*"),
        ("tools/x", "#!/bin/sh\ntrue\n", "x: line 2 is not #"),
        ("tests/x.py", "x = 1\n", "x.py: line 1 is not #"),
        ("user/base/x.c", C + 'char *x = "/home/' + 'joe/src/x";\n', "x.c:2: names a place"),
        ("docs/x.md", "Run `/home/" + "joe/bin/x`\n", "x.md:1: names a place"),
        ("docs/x.md", "Logs are in /ro" + "ot/logs\n", "x.md:1: names a place"),
        ("docs/x.md", "Run ROOT/build/bpfprof\n", "x.md:1: names a place"),
        ("bpf/x.skel.h", H, "x.skel.h: is generated"),
        ("build/Makefile", "all:\n", "build/Makefile: is generated"),
        ("tests/x", "\x7fELF", "x: is a program"),
        ("tests/golden/x.folded", "a;b 1\n" * 100000, "has 600000 bytes"),
    ],
}


def run(root, check, tree):
    """The exit status of a check of `tree`, and what it said."""
    with tempfile.TemporaryDirectory(prefix="bpfprof-checks-") as folder:
        shutil.copy(os.path.join(root, ".clang-format"), folder)
        for path, content in tree.items():
            path = os.path.join(folder, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(content.replace("ROOT", os.path.realpath(folder)))
        done = subprocess.run([os.path.join(root, "tools", "check-" + check), folder],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    return done.returncode, done.stdout


def main():
    root, check = sys.argv[1:]
    status, said = run(root, check, GOOD)
    if status == 77:
        print(said)
        return 77
    wrong = [] if status == 0 else ["the good tree fails:\n" + said]
    for path, content, why in BAD[check]:
        status, said = run(root, check, {**GOOD, path: content})
        if status != 1 or why not in said:
            wrong.append("%s with %r: exit status %d, said %r; wanted %r"
                         % (path, content[:60], status, said, why))
    if run(root, check, {})[0] != 1:
        wrong.append("an empty tree passes")
    print("\n".join(wrong) or "%d bad trees fail" % (len(BAD[check]) + 1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
