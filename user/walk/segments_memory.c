// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Segments that no kernel half reads: stacks are walked here alone. */
#include <errno.h>
#include <stdlib.h>

#include "abi.h"
#include "walk/segments.h"

enum { SEGMENT_WORDS = ABI_SEGMENT_BLOCKS * ABI_BLOCK_WORDS };

struct memory {
	uint32_t *segments[ABI_MAX_SEGMENTS];
};

static void remove_segment(void *ctx, uint32_t segment)
{
	struct memory *m = ctx;

	free(m->segments[segment]);
	m->segments[segment] = NULL;
}

static int add(void *ctx, const uint32_t *segments, uint32_t nr)
{
	struct memory *m = ctx;

	for (uint32_t i = 0; i < nr; i++) {
		m->segments[segments[i]] = calloc(SEGMENT_WORDS, sizeof(uint32_t));
		if (m->segments[segments[i]])
			continue;
		while (i)
			remove_segment(m, segments[--i]);
		return -ENOMEM;
	}
	return 0;
}

static uint32_t *map(void *ctx, uint32_t segment, uint32_t block)
{
	struct memory *m = ctx;

	return m->segments[segment] + (size_t)block * ABI_BLOCK_WORDS;
}

static void unmap(void *ctx, uint32_t *words)
{
	(void)ctx;
	(void)words;
}

static void free_all(void *ctx)
{
	struct memory *m = ctx;

	for (uint32_t i = 0; i < ABI_MAX_SEGMENTS; i++)
		free(m->segments[i]);
	free(m);
}

int segments_store_memory(struct segments_store *ret)
{
	struct memory *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	*ret = (struct segments_store){ add, remove_segment, map, unmap, free_all, m };
	return 0;
}
