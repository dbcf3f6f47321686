// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One of two libraries with the same code at the same places, but for their frames' sizes. */
#include "chain.h"

#define PASTE(a, b)	    a##b
#define NAMED(letter, name) PASTE(letter, name)
#define OWN(name)	    NAMED(LETTER, name)

FRAME uint64_t OWN(_spin)(uint64_t x)
{
	SPIN_BODY(20000);
}
LINK(OWN(_low), OWN(_spin), BYTES)
LINK(OWN(_middle), OWN(_low), BYTES * 2)

uint64_t entry(uint64_t x);
FRAME uint64_t entry(uint64_t x)
{
	x = OWN(_middle)(x + 1);
	AFTER_CALL;
	return x;
}
