/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Matching a command name with `*` and `?`. A number holds, as bits, all places
 * of the text that the pattern so far may have come to, so that no index is
 * computed from what is read: to the verifiers up to 6.1 each value of an index
 * would be a path of its own. Pure C: the host's tests compile it too.
 */
#pragma once

#include "abi.h"

/* Bit i: byte i of `word` (in memory's order, little endian) is `c`. */
static inline __u32 glob_equal(__u64 word, unsigned char c)
{
	const __u64 low = 0x7f7f7f7f7f7f7f7full;
	__u64 x = word ^ c * 0x0101010101010101ull;

	x = ~(((x & low) + low) | x | low) >> 7;
	/* The multiplication gathers the lowest bits of the bytes in the highest byte. */
	return x * 0x0102040810204080ull >> 56;
}

/* Both end at a NUL or at their array's end. */
static inline int glob_match(const char pattern[ABI_GLOB_LEN], const char text[ABI_COMM_LEN])
{
	__u32 at = 1, end;
	__u64 words[2];

	_Static_assert(sizeof(words) == ABI_COMM_LEN, "the text's bytes are the bits of `at`");
	__builtin_memcpy(words, text, sizeof(words));
	end = glob_equal(words[0], 0) | glob_equal(words[1], 0) << 8 | 1u << ABI_COMM_LEN;
	end &= -end;
	for (unsigned i = 0; i < ABI_GLOB_LEN; i++) {
		unsigned char c = pattern[i];

		if (!c)
			break;
		if (c == '*')
			at |= -at; /* all from the first place on */
		else if (c == '?')
			at = (at & (end - 1)) << 1;
		else
			at = (at & (end - 1) &
			      (glob_equal(words[0], c) | glob_equal(words[1], c) << 8))
			     << 1;
	}
	return !!(at & end);
}
