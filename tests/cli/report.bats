#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# A saved profile, shown and converted; make_profile.c says what is in it.
load setup

export LC_ALL=C.UTF-8 COLUMNS=100

@test "cpu: self, total, function and place" {
	run "$BPFPROF" report "$(profile cpu)"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == "cpu: testhost, "*"10.0 s, 1,000 samples at 100 Hz"* ]]
	grep -Eq '^ +70\.0 % +7\.00 s +70\.0 % +7\.00 s +spin +spin\.c:7$' <<<"$output"
	grep -Eq '^ +20\.0 % +2\.00 s +20\.0 % +2\.00 s +vfs_read +\[kernel\]$' <<<"$output"
	grep -Eq '^ +79\.9 % +7\.99 s +main +main\.c:12$' <<<"$output"
	# Twice in one stack, counted once.
	grep -Eq '^ +40\.0 % +4\.00 s +outer<' <<<"$output"
	grep -Eq '9\.9 % .*\[libmystery\.so\.1\+0x1000\]' <<<"$output"
	grep -Eq '^ +79\.9 % +7\.99 s +app \(4242\)$' <<<"$output"
	[[ ${lines[-1]} == "quality: 1,000 events, 0 lost, 2,600 frames, 99 frames without a name" ]]
}

@test "names from a target are escaped" {
	run "$BPFPROF" report "$(profile cpu)"
	grep -qF '\x1b]0;owned\x07 naïve' <<<"$output"
	none grep -q $'[\e\a]' <<<"$output"
}

@test "nothing is wider than the terminal, at any width" {
	for what in 'cpu' 'io' 'io -L' 'io -D' 'gc' 'gc -L' 'gc -n1' 'no_gc' 'empty'; do
		set -- $what
		file=$(profile "$1")
		for columns in 40 60 80 100 200; do
			for locale in C C.UTF-8; do
				text=$(COLUMNS=$columns LC_ALL=$locale "$BPFPROF" report "$file" ${2-})
				widest=$(LC_ALL=C.UTF-8 wc -L <<<"$text")
				[ "$widest" -le "$columns" ] || {
					echo "$what at $columns: $widest"
					false
				}
			done
		done
	done
}

@test "without UTF-8 a report is ASCII" {
	for what in cpu io gc; do
		LC_ALL=C "$BPFPROF" report -L "$(profile $what)" >"$BATS_TEST_TMPDIR/text"
		LC_ALL=C none grep -P '[^\x00-\x7f]' "$BATS_TEST_TMPDIR/text"
	done
}

@test "io: a line for each device, operation and phase, then who caused it" {
	run "$BPFPROF" report "$(profile io)"
	[ "$status" -eq 0 ]
	# The 100 requests of vda took 1, 2 … 100 ms: percentiles are known to 3 %.
	row=$(grep -E '^ +vda +read +device +100 +10\.0 ' <<<"$output")
	read -r _ _ _ _ _ p50 _ p90 _ p99 _ p999 _ max _ mean _ <<<"$row"
	awk -v a="$p50" -v b="$p90" -v c="$p99" -v m="$max" -v n="$mean" 'BEGIN {
		exit !(a > 48.5 && a < 51.5 && b > 87.3 && b < 92.7 && c > 96 && c <= 100 &&
		       m == 100 && n == 50.5) }'
	grep -Eq '^ +vda +write +device +50 ' <<<"$output"
	grep -Eq ' 101 times  fio \(100\)$' <<<"$output"
	grep -q 'submit_bio_noacct ← ext4_mpage_readpages ← vfs_read' <<<"$output"
	[[ ${lines[-1]} == "quality: "*"3 merged" ]]
}

@test "io --latency: histograms whose counts are those of the row" {
	run "$BPFPROF" report -L "$(profile io)"
	[ "$status" -eq 0 ]
	sum=$(awk '/^ +[0-9].* – / { n += $6 } END { print n }' <<<"$output")
	[ "$sum" -eq 151 ]
	grep -q '█' <<<"$output"
	run env LC_ALL=C "$BPFPROF" report -L "$(profile io)"
	grep -q '##' <<<"$output"
	run "$BPFPROF" report --by op "$(profile io)"
	grep -Eq '^ +read +101 ' <<<"$output"
	grep -Eq '^ +write +50 ' <<<"$output"
}

@test "gc: a block for each process, and its share of the process's time" {
	run "$BPFPROF" report "$(profile gc)"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == "gc: testhost, "*"10.0 s, 7.11 s pause (0.71 at any time), 117 collections" ]]
	[ "${lines[1]}" = "  python3 (4242), python" ]
	grep -Eq '^  7\.05 s in 104 collections, 70\.5 % of the 10\.0 s .*88\.1 % of its 8\.00 s' <<<"$output"
	grep -Eq '^ +0 +heap +100 +10\.0 .* 100 ms +5\.05 s +50\.5 % +63\.1 %$' <<<"$output"
	grep -Eq '^ +2 +manual +2 +0\.2 .* 1\.00 s +10\.0 % +12\.5 %$' <<<"$output"
	grep -qx '  1.00 ms in 1 collection' <<<"$output"
	grep -qF '  naïve\x1b[2J (77), python' <<<"$output"
	grep -q '200 µs in 10 collections, <0.1 % of the 2.00 s it was measured$' <<<"$output"
	grep -qx ' *gc_collect_main' <<<"$output"
	grep -qx ' *Graph.grow (app/gräph.py:10) ← load (app/main.py:1)' <<<"$output"
	none grep -q $'\e' <<<"$output"
	run "$BPFPROF" report -n 1 "$(profile gc)"
	[[ $output == *"and 3 more processes: 61.2 ms in 13 collections"* ]]
	run "$BPFPROF" report --by reason "$(profile gc)"
	grep -Eq '^ +heap +102 ' <<<"$output"
	run "$BPFPROF" report -L "$(profile gc)"
	sum=$(awk '/^ +[0-9].* – / { n += $6 } END { print n }' <<<"$output")
	[ "$sum" -eq 117 ]
	run "$BPFPROF" report "$(profile no_gc)"
	[[ $output == *"no collections"* ]]
}

@test "an empty profile says so" {
	run "$BPFPROF" report "$(profile empty)"
	[ "$status" -eq 0 ]
	[[ $output == *"nothing was seen: no samples"* && $output == *"0 events, 0 lost"* ]]
}

@test "- is standard input, and standard output" {
	cd "$BATS_TEST_TMPDIR"
	"$BPFPROF" report "$(profile cpu)" -f folded >by_format
	"$BPFPROF" report - -f folded -o - -o beside.folded <"$(profile cpu)" >by_dash 2>/dev/null
	[ -s by_format ]
	cmp by_format by_dash
	cmp by_format beside.folded
	[ ! -e ./- ]
	cat "$(profile cpu)" | "$BPFPROF" report - -o - -f folded | cmp - by_format
	fails 1 "$BPFPROF" report - </dev/null
}

@test "--rows and --view" {
	run "$BPFPROF" report -n 1 "$(profile cpu)"
	[[ $output == *"and 5 more functions"* ]]
	run "$BPFPROF" report --view hist "$(profile cpu)"
	[ "$status" -eq 0 ]
	fails 2 "$BPFPROF" report --view tabel "$(profile cpu)"
	[[ $line == *"did you mean table?"* ]]
	fails 2 "$BPFPROF" report -n 0 "$(profile cpu)"
	fails 1 "$BPFPROF" report --by nope "$(profile io)"
	[[ $line == *"the label 'nope'; there are"*device* ]]
	fails 1 "$BPFPROF" report -D "$(profile cpu)"
	[[ $line == *"it has no labels"* ]]
}

@test "formats by suffix and by name, several at once" {
	file=$(profile cpu)
	cd "$BATS_TEST_TMPDIR"
	run "$BPFPROF" report "$file" -o a.folded -oa.json --output=again.pb.gz
	[ "$status" -eq 0 ]
	[[ $output == *"wrote a.folded"* && $output == *"wrote a.json"* ]]
	grep -Eq '^app;main;spin 300$' a.folded
	[ "$(awk '{ n += $NF } END { print n }' a.folded)" -eq 1000 ]
	python3 -c 'import json; assert json.load(open("a.json"))["mode"] == "cpu"'
	"$BPFPROF" report "$file" -f folded | cmp - a.folded
	"$BPFPROF" report again.pb.gz -f folded | cmp - a.folded
	"$BPFPROF" report "$file" --json | cmp - a.json
	"$BPFPROF" report -q "$file" -f folded -o odd.name 2>err >out
	cmp odd.name a.folded
	[ ! -s err ]
	grep -q '^quality' out
	fails 2 "$BPFPROF" report "$file" --json -f folded
}

@test "a missing, truncated or foreign file: status 1 and one line" {
	file=$(profile io)
	cd "$BATS_TEST_TMPDIR"
	fails 1 "$BPFPROF" report nothing.pb.gz
	[[ $line == *nothing.pb.gz* ]]
	fails 1 "$BPFPROF" report .
	for size in 0 1 10 50 200; do
		head -c $size "$file" >cut.pb.gz
		fails 1 "$BPFPROF" report cut.pb.gz
		[[ $line == *cut.pb.gz* ]]
	done
	head -c 5000 /dev/urandom >noise.pb.gz
	fails 1 "$BPFPROF" report noise.pb.gz
	echo 'int main(void)' | gzip >text.pb.gz
	fails 1 "$BPFPROF" report text.pb.gz
}

@test "which file, and only one" {
	fails 2 "$BPFPROF" report
	fails 2 "$BPFPROF" report a b
	cp "$(profile cpu)" "$BATS_TEST_TMPDIR/--json"
	cd "$BATS_TEST_TMPDIR"
	run "$BPFPROF" report -- --json
	[ "$status" -eq 0 ]
}

@test "a full disk: the old file stays whole" {
	[ "$(id -u)" -eq 0 ] || skip "mounting needs root"
	file=$(profile io)
	disk=$BATS_TEST_TMPDIR/disk
	mkdir "$disk"
	mount -t tmpfs -o size=64k none "$disk" || skip "tmpfs cannot be mounted"
	echo old >"$disk/a.json"
	head -c 1M /dev/zero >"$disk/filler" 2>/dev/null || true
	status=0
	cd "$BATS_TEST_TMPDIR"
	"$BPFPROF" report "$file" -o "$disk/a.json" >/dev/null 2>err || status=$?
	left=$(ls -A "$disk" | tr '\n' ' ')
	old=$(cat "$disk/a.json")
	umount "$disk"
	[ "$status" -eq 1 ]
	[ "$(wc -l <err)" -eq 1 ]
	grep -q 'No space left on device' err
	[ "$old" = old ]
	[ "$left" = 'a.json filler ' ]
}

@test "standard output that is full, or that nobody reads" {
	file=$(profile cpu)
	status=0
	"$BPFPROF" report "$file" >/dev/full 2>"$BATS_TEST_TMPDIR/err" || status=$?
	[ "$status" -eq 1 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -eq 1 ]
	# The reader is gone before a byte is written; the file is written all the same.
	run bash -c '{ sleep 0.2; "$BPFPROF" report "$1" -q -o "$2"; echo "status $?" >&2; } | true' \
		bash "$file" "$BATS_TEST_TMPDIR/after.folded"
	[ "$output" = "status 0" ]
	[ -s "$BATS_TEST_TMPDIR/after.folded" ]
}

@test "what is no file of the disk is written in place" {
	run "$BPFPROF" report "$(profile cpu)" -q -f folded -o /dev/null
	[ "$status" -eq 0 ]
	[ -c /dev/null ]
}
