# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Of what `ctest --verbose` prints: a line a test, all that a failed one said, and why one was
# skipped. Tests run side by side, so what each says waits for its end.
/^ *[0-9]+\/[0-9]+ Test +#[0-9]+:/ {
	print
	match($0, /#[0-9]+/)
	test = substr($0, RSTART + 1, RLENGTH - 1)
	if ($0 !~ / Passed /) {
		n = split(said[test], lines, "\n")
		for (i = 1; i < n; i++)
			if ($0 !~ /\*\*\*Skipped/ || lines[i] ~ /SKIP|[Ss]kip/)
				print "    " lines[i]
	}
	delete said[test]
	fflush()
	next
}
/^[0-9]+: / {
	test = $0
	sub(/:.*/, "", test)
	line = $0
	sub(/^[0-9]+: /, "", line)
	if (line !~ /^(Test command|Working Directory|Environment variables|Test timeout)/)
		said[test] = said[test] line "\n"
	next
}
/^ *Start +[0-9]+: |^test [0-9]+$|^[0-9]+: *$/ {
	next
}
/^(UpdateCTest|Internal ctest|Constructing a|Done con|Updating test|Added 0 |Checking test)/ {
	next
}
/^The following tests passed:/ {
	passed = 1
	next
}
passed && /^\t/ {
	next
}
{
	passed = 0
}
/tests passed, .* failed out of/ {
	closing = 1
}
# What ctest says of itself; blank lines only in its closing summary.
closing || NF {
	print
}
