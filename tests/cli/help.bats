#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What bpfprof says about itself: help, man page, completion, all from its tables.
load setup

@test "the overview lists every mode and command" {
	run "$BPFPROF" help
	[ "$status" -eq 0 ]
	[ -n "$(modes)" ]
	for name in $(modes) dump report doctor help; do
		grep -Eq "^  $name +[a-z]" <<<"$output"
	done
	[ "$output" = "$("$BPFPROF" --help)" ]
	[ "$output" = "$("$BPFPROF" -h)" ]
}

@test "--help of a command is the same in all its forms and goes to standard output" {
	for name in $(modes) dump report doctor help; do
		run "$BPFPROF" "$name" --help
		[ "$status" -eq 0 ]
		[[ $output == "usage: bpfprof $name"* ]]
		[ "$output" = "$("$BPFPROF" help "$name")" ]
		[ "$output" = "$("$BPFPROF" "$name" -h 2>/dev/null)" ]
		[ "$(wc -L <<<"$output")" -le 100 ]
	done
	fails 2 "$BPFPROF" help nothing
}

@test "--help behind -- is the program's" {
	run "$BPFPROF" help --completion -- --help
	[ "$status" -eq 0 ] || [ "$status" -eq 2 ]
	[[ $output != usage:* ]]
}

@test "every mode documents the options that all modes take" {
	for mode in $(modes); do
		text=$("$BPFPROF" "$mode" --help)
		for option in --pid --tid --comm --cgroup --cpu --duration --output --format --json \
			--per-thread --max-memory --max-depth --verbose --quiet; do
			grep -q -- "$option\b" <<<"$text"
		done
	done
}

@test "--version is one line on standard output" {
	run "$BPFPROF" --version
	[ "$status" -eq 0 ]
	[[ $output =~ ^bpfprof\ [^\ ]+$ ]]
	[ "$output" = "$("$BPFPROF" -V)" ]
}

@test "help to a full disk fails with one line" {
	[ -w /dev/full ] || skip "no /dev/full"
	run sh -c '"$BPFPROF" help 2>&1 >/dev/full'
	[ "$status" -eq 1 ]
	[[ $output == *"No space left on device" ]]
}

@test "the man page has no warnings in groff" {
	command -v groff >/dev/null || skip "groff is not installed"
	"$BPFPROF" help --man >"$BATS_TEST_TMPDIR/bpfprof.1"
	for width in 60 80 120; do
		run groff -man -ww -rLL=${width}n -Tutf8 "$BATS_TEST_TMPDIR/bpfprof.1"
		[ "$status" -eq 0 ]
		none grep -E '^(troff|groff|grotty):|warning|error:' <<<"$output"
	done
}

@test "the man page has no errors or warnings in mandoc" {
	command -v mandoc >/dev/null || skip "mandoc is not installed"
	"$BPFPROF" help --man >"$BATS_TEST_TMPDIR/bpfprof.1"
	# It has no date: the page is the same whenever it is built.
	mandoc -T lint -W warning "$BATS_TEST_TMPDIR/bpfprof.1" |
		grep -v 'missing date' >"$BATS_TEST_TMPDIR/complaints" || true
	none grep -E ': (WARNING|ERROR|UNSUPP):' "$BATS_TEST_TMPDIR/complaints"
}

@test "the man page has its sections, every option and every format" {
	command -v groff >/dev/null || skip "groff is not installed"
	page=$("$BPFPROF" help --man | groff -man -rLL=200n -Tascii -P-c -P-b -P-u 2>/dev/null)
	for section in NAME SYNOPSIS DESCRIPTION MODES OPTIONS COMMANDS OUTPUT QUALITY \
		'EXIT STATUS' ENVIRONMENT FILES EXAMPLES 'SEE ALSO'; do
		grep -q "^$section\$" <<<"$page"
	done
	for name in $(modes) dump report doctor help; do
		for option in $("$BPFPROF" "$name" --help | grep -Eo '^  (-., |    )--[a-z-]+' |
			grep -o -- '--.*'); do
			grep -q -- "^ .*$option\b" <<<"$page"
		done
	done
	grep -q 'pprof (.pb.gz)' <<<"$page"
	grep -q DEBUGINFOD_URLS <<<"$page"
	grep -q 'lost (lost)' <<<"$page"
}

# offers WORD…: what bash completes for this command line, the last word unfinished.
offers() {
	bash -c 'set -eu
		source <("$BPFPROF" help --completion bash)
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
		compopt() { :; }
		_bpfprof
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}

@test "bash completes commands, options, formats and files" {
	commands=$(offers bpfprof '')
	for name in $(modes) dump report doctor help; do
		grep -qx "$name" <<<"$commands"
		for option in $("$BPFPROF" "$name" --help | grep -Eo '^  (-., |    )--[a-z-]+' |
			grep -o -- '--.*'); do
			offers bpfprof "$name" -- "$option" >/dev/null
			offers bpfprof "$name" "$option" | grep -qx -- "$option"
		done
	done
	mode=$(modes)
	mode=${mode%% *}
	offers bpfprof "$mode" --format fol | grep -qx folded
	offers bpfprof "$mode" -f fol | grep -qx folded
	offers bpfprof "$mode" --format = fol | grep -qx folded
	offers bpfprof report --view '' | grep -qx table
	offers bpfprof help rep | grep -qx report
	offers bpfprof "$mode" -p $$ | grep -qx "$$"
	offers bpfprof doctor -p $$ | grep -qx "$$"
	cd "$BATS_TEST_TMPDIR"
	touch 'with blank.pb.gz'
	offers bpfprof report with | grep -qx 'with blank.pb.gz'
	offers bpfprof "$mode" -o with | grep -qx 'with blank.pb.gz'
	offers bpfprof "$mode" -- ech | grep -qx echo
}

@test "the completion of bash is clean to shellcheck" {
	command -v shellcheck >/dev/null || skip "shellcheck is not installed"
	"$BPFPROF" help --completion bash >"$BATS_TEST_TMPDIR/bpfprof"
	shellcheck -s bash "$BATS_TEST_TMPDIR/bpfprof"
}

@test "zsh completes commands and options" {
	command -v zsh >/dev/null || skip "zsh is not installed"
	"$BPFPROF" help --completion zsh >"$BATS_TEST_TMPDIR/_bpfprof"
	zsh -n "$BATS_TEST_TMPDIR/_bpfprof"
	for words in 'bpfprof rep:report' 'bpfprof cpu --durat:--duration' \
		'bpfprof report --format fold:folded' 'bpfprof help doc:doctor'; do
		run python3 "$BATS_TEST_DIRNAME/zsh_complete.py" "$BATS_TEST_TMPDIR" "${words%:*}"
		[ "$status" -eq 0 ]
		[[ $output == *"${words#*:}"* ]]
	done
}

@test "fish completes commands and options" {
	command -v fish >/dev/null || skip "fish is not installed"
	"$BPFPROF" help --completion fish >"$BATS_TEST_TMPDIR/bpfprof.fish"
	offer() {
		HOME=$BATS_TEST_TMPDIR fish -c "source $BATS_TEST_TMPDIR/bpfprof.fish
			complete -C '$1'"
	}
	offer 'bpfprof rep' | grep -q '^report'
	offer 'bpfprof cpu --durat' | grep -q -- '^--duration'
	offer 'bpfprof report --format fold' | grep -q '^folded'
}
