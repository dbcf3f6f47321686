#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# run.sh REPLAY PROTO CASE.textproto: encodes the case with protoc, replays it through pprof_read()
# and the exporters and compares with CASE.folded, CASE.json and CASE.pstats, as pstats.py shows it;
# then writes it as pprof, which protoc must decode and which must replay to the same. UPDATE=1
# writes what is expected anew.
set -eu
replay=$1 proto=$2 case=${3%.textproto}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

protoc --proto_path="${proto%/*}" --encode=pprof.Profile "$proto" <"$case.textproto" >"$tmp/plain.pb"
gzip <"$tmp/plain.pb" >"$tmp/one.pb.gz"
"$replay" "$tmp/one.pb.gz" pprof >"$tmp/two.pb.gz"

for format in folded json speedscope pstats; do
	for file in plain.pb one.pb.gz two.pb.gz; do
		"$replay" "$tmp/$file" $format >"$tmp/$file.$format"
		cmp "$tmp/plain.pb.$format" "$tmp/$file.$format"
	done
done
python3 "${0%/*}/pstats.py" "$tmp/one.pb.gz.pstats" >"$tmp/text"
mv "$tmp/text" "$tmp/one.pb.gz.pstats"
for format in folded json pstats; do
	[ -z "${UPDATE-}" ] || cp "$tmp/one.pb.gz.$format" "$case.$format"
	diff -u "$case.$format" "$tmp/one.pb.gz.$format"
done
python3 - "$tmp/one.pb.gz" <<'PY'
import json, sys
for suffix in ".json", ".speedscope":
    with open(sys.argv[1] + suffix, encoding="utf-8") as f:
        j = json.load(f)
profile = j["profiles"][0]
assert j["$schema"] == "https://www.speedscope.app/file-format-schema.json"
assert profile["type"] == "sampled" and profile["startValue"] == 0
assert len(profile["samples"]) == len(profile["weights"])
assert sum(profile["weights"]) == profile["endValue"]
assert all(i < len(j["shared"]["frames"]) for s in profile["samples"] for i in s)
PY
gzip -dc "$tmp/two.pb.gz" | protoc --proto_path="${proto%/*}" --decode=pprof.Profile "$proto" \
	>"$tmp/two.textproto"
# A field that our .proto lacks would be shown by its number.
! grep -E '^ *[0-9]+[:{ ]' "$tmp/two.textproto"
grep -q '^string_table: "bpfprof mode=' "$tmp/two.textproto"
