#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Bad usage: exit status 2 and one line that says what would be right.
load setup

@test "no argument: a short usage on standard error" {
	run "$BPFPROF"
	[ "$status" -eq 2 ]
	[[ $output == usage:* ]]
	"$BPFPROF" >"$BATS_TEST_TMPDIR/out" 2>/dev/null || true
	[ ! -s "$BATS_TEST_TMPDIR/out" ]
}

@test "an unknown command is answered with the nearest" {
	fails 2 "$BPFPROF" reprot
	[[ $line == *"did you mean report?"* ]]
	fails 2 "$BPFPROF" xyzzy
	[[ $line != *"did you mean"* ]]
	fails 2 "$BPFPROF" ''
	fails 2 "$BPFPROF" --pid 1
	[[ $line == *"a command comes first"* ]]
}

@test "an unknown option is answered with the nearest, for every mode and command" {
	for name in $(modes) report doctor help; do
		fails 2 "$BPFPROF" "$name" --no-such-option
		fails 2 "$BPFPROF" "$name" -%
	done
	for mode in $(modes); do
		fails 2 "$BPFPROF" "$mode" --duratoin 1
		[[ $line == *"--duration"* ]]
	done
}

@test "options with bad values" {
	for mode in $(modes); do
		fails 2 "$BPFPROF" "$mode" --duration
		fails 2 "$BPFPROF" "$mode" --duration soon
		fails 2 "$BPFPROF" "$mode" --pid one
		fails 2 "$BPFPROF" "$mode" --cpu 3-1
		fails 2 "$BPFPROF" "$mode" --max-memory lots
		fails 2 "$BPFPROF" "$mode" --json=yes
		fails 2 "$BPFPROF" "$mode" -- # no program
	done
}

@test "doctor: what is no process" {
	for pid in one '' 0 -1 1,2 1.5 4194304 99999999999999999999 '1 '; do
		fails 2 "$BPFPROF" doctor -p "$pid"
		[[ $line == *"--pid takes the number of a process such as 812"* ]]
	done
	fails 2 "$BPFPROF" doctor -p
	fails 2 "$BPFPROF" doctor --pid=
	fails 2 "$BPFPROF" doctor $$
	[[ $line == *"-p PID"* ]]
	fails 1 "$BPFPROF" doctor -p 4194303
	[[ $line == *"there is no process 4194303"* ]]
	fails 1 "$BPFPROF" doctor --json -p 4194303
}

@test "doctor: a process without an interpreter, by any user" {
	run "$BPFPROF" doctor -p $$
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "process $$:" ]
	[[ $output == *"missing  interpreter "* ]]
	run "$BPFPROF" doctor --json --pid $$
	[ "$status" -eq 1 ]
	[[ $output == *'"pid": '$$,* && $output == *'"name": "interpreter"'* ]]
}

@test "output: a format that nobody knows is told before anything is measured" {
	for name in $(modes) "report $(profile cpu)"; do
		fails 2 "$BPFPROF" $name -o out.xyz
		[[ $line == *.pb.gz* && $line == *.folded* ]]
		fails 2 "$BPFPROF" $name -f flded
		[[ $line == *"did you mean folded?"* ]]
	done
}

@test "output: a folder that is missing or no folder is told before anything is measured" {
	touch "$BATS_TEST_TMPDIR/file"
	for name in $(modes) "report $(profile cpu)"; do
		fails 1 "$BPFPROF" $name -o "$BATS_TEST_TMPDIR/none/out.folded"
		[[ $line == *"No such file or directory"* ]]
		fails 1 "$BPFPROF" $name -o "$BATS_TEST_TMPDIR/file/out.folded"
		fails 1 "$BPFPROF" $name -f folded -o "$BATS_TEST_TMPDIR"
		[[ $line == *"Is a directory"* ]]
	done
}

@test "control characters of an argument do not reach the terminal" {
	fails 2 "$BPFPROF" $'\e]0;owned\a'
	[[ $line == *'\x1b]0;owned\x07'* ]]
}
