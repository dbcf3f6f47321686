#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# go_pprof.sh REPLAY PROTO CASE.textproto: `go tool pprof` reads what we write.
set -eu
replay=$1 proto=$2 case=$3
go tool -n pprof >/dev/null 2>&1 || { echo "skipped: no go tool pprof"; exit 77; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export PPROF_TMPDIR="$tmp" HOME="$tmp"

show() { # prints a report, without a look for the binaries on this machine
	go tool pprof -symbolize=none "$@" "$tmp/two.pb.gz" 2>"$tmp/err" || { cat "$tmp/err"; exit 1; }
}
expect() { # file, then lines that it must have
	file=$1
	shift
	for line; do
		grep -qF -- "$line" "$file" || { echo "no '$line' in:"; cat "$file"; exit 1; }
	done
}

protoc --proto_path="${proto%/*}" --encode=pprof.Profile "$proto" <"$case" >"$tmp/one.pb"
"$replay" "$tmp/one.pb" pprof >"$tmp/two.pb.gz"
show -top >"$tmp/top"
show -raw >"$tmp/raw"
show -tags >"$tmp/tags"
show -comments >"$tmp/comments"
tr -s ' ' <"$tmp/top" >"$tmp/top1"
# flat, flat%, sum%, cum, cum%, name: as the samples of cpu.textproto add up.
expect "$tmp/top1" 'Type: samples' 'Duration: 10s, Total samples = 14' \
	' 7 50.00% 50.00% 7 50.00% do_syscall_64' \
	' 7 50.00% app::work(char const*)' '(inline)' \
	' 4 28.57% 78.57% 4 28.57% [stack lost]' \
	' 9 64.29% run' \
	' 2 14.29% 92.86% 10 71.43% [app]' \
	'[kernel+0xffffffff81000020]' 'LazyCompile:*tick'
show -top -sample_index=cpu >"$tmp/cpu"
expect "$tmp/cpu" 'Type: cpu' 'Total samples = 141.41ms'
expect "$tmp/raw" 'PeriodType: cpu nanoseconds' 'Period: 10101010' \
	'samples/count[dflt] cpu/nanoseconds' 'comm:[app]' 'pid:[100]' 'container:[4ab0c1]' \
	'/usr/bin/app 0123456789abcdef0123456789abcdef01234567' 'src/app.cc:57'
expect "$tmp/tags" 'app' 'node'
expect "$tmp/comments" 'bpfprof mode=cpu' 'bpfprof quality events=14 lost=2'
