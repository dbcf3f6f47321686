/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ranges that nest or overlap, made into segments that do neither: each
 * address belongs to the owner with the largest number among the ranges that
 * hold it. With numbers given from the outside in, that is the innermost.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { SEGMENT_NONE = UINT32_MAX };

struct range {
	uint64_t start, end; /* end exclusive */
	uint32_t owner;
};

/* From `start` up to the start of the next segment. Packed: there are millions. */
struct segment {
	uint64_t start;
	uint32_t owner; /* SEGMENT_NONE: a gap */
} __attribute__((packed));

struct segments {
	struct segment *all;
	size_t nr;
};

/* Sorts `ranges` in place; empty ones are left out. O(n log n). 0 or -ENOMEM. */
int segments_paint(struct segments *ret, struct range *ranges, size_t nr);
void segments_done(struct segments *s);
/* The owner at an address, or SEGMENT_NONE. */
uint32_t segments_find(const struct segments *s, uint64_t address);
