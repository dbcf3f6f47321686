/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Matching a command name with `*` and `?`, in bounded steps: the pattern is
 * walked once, and a mismatch goes back to the last `*` only. Pure C: the
 * host's tests compile it too.
 */
#pragma once

#include "abi.h"

enum { GLOB_STEPS = ABI_COMM_LEN * ABI_GLOB_LEN / 4 };

/* Both end at a NUL or at their array's end. */
static inline int glob_match(const char pattern[ABI_GLOB_LEN], const char text[ABI_COMM_LEN])
{
	unsigned p = 0, t = 0, star = ABI_GLOB_LEN, star_text = 0;

	for (unsigned step = 0; step < GLOB_STEPS; step++) {
		char want = p < ABI_GLOB_LEN ? pattern[p & (ABI_GLOB_LEN - 1)] : '\0';
		char have = t < ABI_COMM_LEN ? text[t & (ABI_COMM_LEN - 1)] : '\0';

		if (want == '*') {
			star = p++;
			star_text = t;
		} else if (have && (want == have || want == '?')) {
			p++;
			t++;
		} else if (!have && !want) {
			return 1;
		} else if (have && star < ABI_GLOB_LEN) {
			p = star + 1;
			t = ++star_text;
		} else {
			return 0;
		}
	}
	return 0;
}
