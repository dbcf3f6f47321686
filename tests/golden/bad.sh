#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# bad.sh REPLAY PROTO CASE.textproto: a damaged profile gives exit status 1 and the one line that
# stands behind "# " in the first line of the case.
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

protoc --proto_path="${2%/*}" --encode=pprof.Profile "$2" <"$3" >"$tmp/bad.pb"
sed -n '1s/^# //p' "$3" >"$tmp/want"
status=0
(cd "$tmp" && "$1" bad.pb folded >out 2>err) || status=$?
[ $status -eq 1 ] || { echo "exit status $status"; cat "$tmp/out" "$tmp/err"; exit 1; }
diff -u "$tmp/want" "$tmp/err"
[ ! -s "$tmp/out" ]
