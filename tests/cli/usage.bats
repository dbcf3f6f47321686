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
	fails 2 "$BPFPROF" record -F 99
	[[ $line == *"did you mean cpu?"* ]]
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

@test "an option of another tool is answered with what does it here" {
	for mode in $(modes); do
		fails 2 "$BPFPROF" "$mode" -a
		[[ $line == *"no option -a: the whole system is measured"* ]]
		fails 2 "$BPFPROF" "$mode" --call-graph
		[[ $line == *"no option --call-graph: stacks are taken"* ]]
		# A name that only begins like one.
		fails 2 "$BPFPROF" "$mode" --call
		[[ $line == *"unknown option --call"* ]]
	done
	fails 2 "$BPFPROF" report -g
	[[ $line == *"unknown option -g"* ]]
}

@test "-U and -K exclude each other" {
	for options in '-U -K' '-KU' '--no-stacks -U' '-K --no-stacks'; do
		fails 2 "$BPFPROF" cpu $options
		[[ $line == *"--no-stacks"* ]]
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
		fails 2 "$BPFPROF" $name -o -
		[[ $line == *"needs a --format"* ]]
		fails 2 "$BPFPROF" $name -o - -f folded --json
		[[ $line == *"both want standard output"* ]]
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

@test "calls: words that name no function" {
	fails 2 "$BPFPROF" calls
	[[ $line == *"which functions?"*"libc:malloc"* ]]
	fails 2 "$BPFPROF" calls :malloc
	fails 2 "$BPFPROF" calls libc:
	fails 2 "$BPFPROF" calls "$BPFPROF"
	[[ $line == *"has no function"* ]]
	fails 2 "$BPFPROF" calls malloc
	[[ $line == *"in which file is 'malloc'? Write file:pattern"*"-p PID"* ]]
	fails 2 "$BPFPROF" calls python "$BPFPROF:main"
	fails 2 "$BPFPROF" calls --python malloc
	[[ $line == *"--python is for all calls of Python"* ]]
	for percent in -1 5x nan inf '' 1e9; do
		fails 2 "$BPFPROF" calls "$BPFPROF:main" --max-overhead "$percent"
	done
	fails 2 "$BPFPROF" calls "$BPFPROF:main" --slower 0
}

@test "calls: files and functions that are not there are told before anything is measured" {
	fails 1 "$BPFPROF" calls ./none:main
	[[ $line == *"cannot open ./none: No such file or directory"* ]]
	fails 1 "$BPFPROF" calls "$BATS_TEST_DIRNAME/usage.bats:main"
	[[ $line == *"usage.bats is no ELF program"* ]]
	fails 1 "$BPFPROF" calls no_such_name_at_all:main
	[[ $line == *"no process maps a file named 'no_such_name_at_all'"* ]]
	fails 1 "$BPFPROF" calls "$BPFPROF:mian"
	[[ $line == *"has no function 'mian': did you mean main"* ]]
	fails 1 "$BPFPROF" calls "$BPFPROF:xyzzy*"
	[[ $line == *"has no function that matches 'xyzzy*'"* ]]
	fails 1 "$BPFPROF" calls mian -- "$BPFPROF"
	[[ $line == *"did you mean main"* ]]
	fails 1 "$BPFPROF" calls main -- ./no/program
	fails 1 "$BPFPROF" calls -p 4194303 main
	[[ $line == *"there is no process 4194303"* ]]
	fails 1 "$BPFPROF" calls "$BPFPROF:"$'\e[1m'
	[[ $line != *$'\e'* ]]
}

@test "calls: a stripped program, and more functions than can be probed" {
	command -v objcopy >/dev/null || skip "objcopy is not installed"
	command -v gcc >/dev/null || skip "gcc is not installed"
	cd "$BATS_TEST_TMPDIR"
	objcopy --strip-all "$BPFPROF" stripped
	fails 1 "$BPFPROF" calls ./stripped:main
	[[ $line == *"stripped has no symbol table (stripped)"* ]]
	for ((i = 0; i < 10001; i++)); do
		echo ".globl f$i; .type f$i, %function; f$i: .skip 4; .size f$i, 4"
	done | gcc -shared -nostdlib -x assembler - -o many.so
	fails 1 "$BPFPROF" calls './many.so:*'
	[[ $line == *"'*' matches 10,001 functions of many.so: at most 10,000 at once; be more precise"* ]]
}
