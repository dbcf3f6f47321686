# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Loaded by all .bats files: BPFPROF and MAKE_PROFILE come from ctest.
: "${BPFPROF:?path of the bpfprof under test}" "${MAKE_PROFILE:?path of make_profile}"

# fails STATUS command…: it ends with STATUS, prints nothing on standard output and exactly one
# line on standard error, which is left in $line.
fails() {
	local expected=$1 status=0
	shift
	"$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	line=$(<"$BATS_TEST_TMPDIR/err")
	[[ $status == "$expected" && ! -s $BATS_TEST_TMPDIR/out && -n $line && $line != *$'\n'* ]] ||
		{
			echo "status $status, expected $expected; standard error: $line"
			return 1
		}
}

# none command…: it fails. (A plain `! command` fails no test.)
none() {
	if "$@"; then
		return 1
	fi
}

# profile KIND: the path of what make_profile makes.
profile() {
	"$MAKE_PROFILE" "$1" >"$BATS_TEST_TMPDIR/$1.pb.gz"
	echo "$BATS_TEST_TMPDIR/$1.pb.gz"
}

# Names of the modes, as the usage line has them before the first command.
modes() {
	"$BPFPROF" 2>&1 | sed -n 's/^commands: \(.*\) dump.*/\1/p'
}
