#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# report.sh BPFPROF PROTO CASE.WIDTH.report: encodes CASE.textproto with protoc and compares what
# `bpfprof report` shows of it, in a terminal of WIDTH columns, with the file: as ASCII below 80. Nothing
# may be wider. The flame graph must be well-formed and have all names. UPDATE=1 writes the file anew.
set -eu
bpfprof=$1 proto=$2 expected=$3
width=${expected%.report} width=${width##*.}
case=${expected%.*.report}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

protoc --proto_path="${proto%/*}" --encode=pprof.Profile "$proto" <"$case.textproto" >"$tmp/pb"
locale=C.UTF-8
[ "$width" -ge 80 ] || locale=C
COLUMNS=$width LC_ALL=$locale "$bpfprof" report "$tmp/pb" >"$tmp/report"
[ -z "${UPDATE-}" ] || cp "$tmp/report" "$expected"
diff -u "$expected" "$tmp/report"
[ "$(LC_ALL=C.UTF-8 wc -L <"$tmp/report")" -le "$width" ]

"$bpfprof" report "$tmp/pb" -q -f folded >"$tmp/folded"
"$bpfprof" report "$tmp/pb" -q -f svg >"$tmp/svg"
python3 - "$tmp/svg" "$tmp/folded" <<'PY'
import sys, xml.etree.ElementTree
with open(sys.argv[1], encoding="utf-8") as f:
    svg = f.read()
# What it draws stands in a script, as JSON: as text, names may be escaped there.
text = "".join(xml.etree.ElementTree.fromstring(svg).itertext())
for control in "\033", "\007":
    assert control not in text
with open(sys.argv[2], encoding="utf-8") as f:
    lines = [line.rsplit(" ", 1) for line in f]
assert lines
for stack, count in lines:
    for name in stack.split(";"):
        name = name.split(" (")[0]
        if name.isascii() and not set('\\<>&":') & set(name):
            assert name in text, name
PY
