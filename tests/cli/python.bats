#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Interpreted frames in a saved profile; make_profile.c says what is in it.
load setup

export LC_ALL=C.UTF-8 COLUMNS=100

# A source of main.py with 8 lines.
source_file() {
	mkdir -p "$BATS_TEST_TMPDIR/app"
	printf 'def fib(n):\n\treturn fib(n - 1)\n\nclass Job:\n    def run(self):\n        fib(30)\n        pack(\033[31m"é")\r\n\n' \
		>"$BATS_TEST_TMPDIR/app/main.py"
	# Older than the measuring, which was in 2023.
	touch -d 2020-01-01 "$BATS_TEST_TMPDIR/app/main.py"
	echo "$BATS_TEST_TMPDIR/app/main.py"
}

@test "a function is one row, whatever line ran; its place is where it begins" {
	run "$BPFPROF" report "$(profile python)"
	[ "$status" -eq 0 ]
	grep -Eq '^ +30\.0 % +3\.00 s +30\.0 % +3\.00 s +fib +app/main\.py:1$' <<<"$output"
	[ "$(grep -c 'Job\.run' <<<"$output")" -eq 1 ]
	grep -Eq '^ +80\.0 % +8\.00 s +Job\.run +app/main\.py:5$' <<<"$output"
	[[ ${lines[-1]} == *"900 interpreted stacks"* ]]
	run "$BPFPROF" report "$(profile python)" -f folded
	grep -qF 'python3;<module> (/srv/lib/main.py:1);Job.run (/srv/app/main.py:5);deflate 400' \
		<<<"$output"
	grep -qF 'odd (/srv/\x1b[31m:x.py:1) 10' <<<"$output"
}

@test "--lines splits a function by line" {
	run "$BPFPROF" report --lines "$(profile python)"
	grep -Eq '^ +30\.0 % +3\.00 s +Job\.run +app/main\.py:6$' <<<"$output"
	grep -Eq '^ +50\.0 % +5\.00 s +Job\.run +app/main\.py:7$' <<<"$output"
	run "$BPFPROF" report --lines "$(profile python)" -f folded
	grep -qF 'Job.run (/srv/app/main.py:7);deflate 400' <<<"$output"
	run "$BPFPROF" report --lines "$(profile python)" --json
	grep -qF '"Job.run (/srv/app/main.py:7)", "kind": "interpreter", "file": "/srv/app/main.py"}, "line": 7,' \
		<<<"$output"
}

@test "--native=no: Python frames alone, where there are any" {
	run "$BPFPROF" report --native=no "$(profile python)" -f folded
	[ "$status" -eq 0 ]
	grep -Eq '^python3;<module> \(/srv/lib/main\.py:1\);Job\.run \(/srv/app/main\.py:5\) 500$' \
		<<<"$output"
	grep -qFx 'python3;deflate;do_page_fault_[k] 100' <<<"$output"
	[ "$(grep -c deflate <<<"$output")" -eq 1 ]
	run "$BPFPROF" report --native yes "$(profile python)" -f folded
	[ "$(grep -c deflate <<<"$output")" -eq 3 ]
	fails 2 "$BPFPROF" report --native=maybe "$(profile python)"
	[[ $line == *"yes or no, not 'maybe'"* ]]
}

@test "kinds, first lines and lines are in the file" {
	file=$(profile python)
	cd "$BATS_TEST_TMPDIR"
	"$BPFPROF" report -q "$file" -o again.pb.gz >/dev/null
	for options in '' --lines --native=no; do
		"$BPFPROF" report $options "$file" -f folded >one
		"$BPFPROF" report $options again.pb.gz -f folded | cmp - one
	done
	"$BPFPROF" report "$file" -f speedscope | python3 -c '
import json, sys
frames = json.load(sys.stdin)["shared"]["frames"]
assert {"name": "fib (/srv/app/main.py:1)", "file": "/srv/app/main.py", "line": 1} in frames'
}

@test "--annotate: the source, with what each line took" {
	source=$(source_file)
	run "$BPFPROF" report --annotate app/main.py --source "$source" "$(profile python)"
	[ "$status" -eq 0 ]
	grep -qF '/srv/app/main.py: 840 of 1,000 samples (84.0 %)' <<<"$output"
	# Recursion is counted once; tabs are blanks.
	grep -Eq '^ +30\.0 % +300 +30\.0 % +300 +30\.0 % +2          return fib\(n - 1\)$' <<<"$output"
	grep -Eq '^ +30\.0 % +300 +30\.0 % +6          fib\(30\)$' <<<"$output"
	# What a line calls is its own, unless that is Python.
	grep -Eq '^ +50\.0 % +500 +50\.0 % +500 +40\.0 % +10\.0 % +7          pack\(\\x1b\[31m"é"\)$' \
		<<<"$output"
	grep -Eq '^ +3$' <<<"$output"
	grep -Eq '^ +4  class Job:$' <<<"$output"
	grep -Eq '^ +4\.0 % +40 +4\.0 % +40 +4\.0 % +50$' <<<"$output"
	[[ $output == *"1 line that ran is past the end of this source"* ]]
	[[ ${lines[-1]} == quality:* ]]
	none grep -q $'[\e\r\t]' <<<"$output"
	# Wide: numbers of all parts. Narrow: nothing is wider than the terminal.
	COLUMNS=140 run "$BPFPROF" report -a app/main.py --source "$source" "$(profile python)"
	grep -Eq ' 40\.0 % +400 +10\.0 % +100 +7 ' <<<"$output"
	file=$(profile python)
	cd "$BATS_TEST_TMPDIR"
	for columns in 40 60 80 100 200; do
		text=$(COLUMNS=$columns "$BPFPROF" report -a app/main.py "$file")
		[ "$(wc -L <<<"$text")" -le "$columns" ]
	done
}

@test "--annotate: which file is meant" {
	file=$(profile python)
	source=$(source_file)
	for name in /srv/app/main.py app/main.py ./app/main.py; do
		run "$BPFPROF" report -a "$name" --source "$source" "$file"
		[ "$status" -eq 0 ]
		[[ $output == *"/srv/app/main.py: 840"* ]]
	done
	fails 1 "$BPFPROF" report -a main.py "$file"
	[[ $line == *"/srv/app/main.py"*"/srv/lib/main.py"* ]]
	fails 1 "$BPFPROF" report -a mian.py "$file"
	[[ $line == *"did you mean "*"main.py?"* ]]
	fails 1 "$BPFPROF" report -a nothing_of_it.py "$file"
	[[ $line == *"/srv/app/main.py"* ]]
	fails 1 "$BPFPROF" report -a "$(printf '\033[1m')" "$file"
	[[ $line != *$'\e'* ]]
	fails 1 "$BPFPROF" report -a main.py "$(profile cpu)"
	[[ $line == *"no interpreted frames"* ]]
}

@test "--annotate: where the source is" {
	file=$(profile python)
	source=$(source_file)
	folder=$BATS_TEST_TMPDIR
	export COLUMNS=500 # no line is broken
	# The numbers are there in any case.
	run "$BPFPROF" report -a app/main.py "$file"
	[ "$status" -eq 0 ]
	[[ $output == *"could not be read (No such file or directory); --source"* ]]
	grep -Eq '^ +50\.0 % +500 +50\.0 % +500 +40\.0 % +400 +10\.0 % +100 +7$' <<<"$output"
	[ "$(grep -c '^ .* [0-9]$' <<<"$output")" -eq 3 ]
	# In a folder, by the longest end of its path; or as it was given.
	run "$BPFPROF" report -a app/main.py --source "$folder" "$file"
	[[ $output == *"source from $folder/app/main.py"* && $output == *"class Job:"* ]]
	cd "$folder"
	run "$BPFPROF" report -a app/main.py "$file"
	[[ $output == *"source from app/main.py"* && $output == *"class Job:"* ]]
	touch app/main.py
	run "$BPFPROF" report -a app/main.py "$file"
	[[ $output == *"changed after the measuring"* ]]
	# What never ends is not read.
	mkfifo pipe
	run timeout 5 "$BPFPROF" report -a app/main.py --source pipe "$file"
	[ "$status" -eq 0 ]
	[[ $output == *"could not be read"* ]]
	: >empty.py
	run "$BPFPROF" report -a app/main.py --source empty.py "$file"
	[[ $output == *"4 lines that ran are past the end"* ]]
}

@test "--annotate goes with a report for people" {
	file=$(profile python)
	fails 2 "$BPFPROF" report -a main.py --json "$file"
	fails 2 "$BPFPROF" report -a main.py -f folded "$file"
	fails 2 "$BPFPROF" report -a main.py --view table "$file"
	fails 2 "$BPFPROF" report -a '' "$file"
	fails 2 "$BPFPROF" report --source x.py "$file"
	[[ $line == *"--annotate"* ]]
	run "$BPFPROF" report -q -a app/main.py -o "$BATS_TEST_TMPDIR/x.folded" "$file"
	[ "$status" -eq 0 ]
	[ -s "$BATS_TEST_TMPDIR/x.folded" ]
}
