/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ranges of addresses that may overlap, flattened to disjoint ones: an
 * address belongs to the range with the highest rank that contains it, or to
 * none. A lookup is one binary search in 8 bytes a range.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define SPAN_NONE UINT32_MAX

struct span {
	uint64_t start, end; /* end is not part of it */
	uint32_t value;	     /* not SPAN_NONE */
	uint32_t rank;
};

struct spans {
	uint64_t *starts;
	uint32_t *values;
	uint32_t nr;
};

/* Sorts `spans` in place, skips empty ones. 0 or -ENOMEM. */
int spans_build(struct spans *ret, struct span *spans, size_t nr);
/* The value of the range that `address` belongs to, or SPAN_NONE. */
uint32_t spans_find(const struct spans *s, uint64_t address);
size_t spans_memory(const struct spans *s);
void spans_done(struct spans *s);
