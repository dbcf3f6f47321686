// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "walk/segments.h"

#include <errno.h>
#include <string.h>

#include "abi.h"
#include "base/array.h"

enum {
	SEGMENT_BYTES = ABI_SEGMENT_BLOCKS * ABI_BLOCK_WORDS * 4,
	/* The kernel's page of an array's own data stands before its values. */
	SEGMENT_COST = SEGMENT_BYTES + 4096,
	MAX_MAPPED = 32, /* blocks */
	MAX_AT_ONCE = 16,
	MAX_SPARE = 5,	 /* as many as are made before they are needed */
	WORD_BITS = 14,	 /* of a location, within a block */
	LISTS_SHARE = 8, /* one block in so many */
	NONE_YET = 2,	 /* words at location 0, which says "none" */
};

/* Free words of a block. */
struct extent {
	uint16_t at, words;
};

struct block {
	uint8_t pool;	     /* SEGMENT_POOLS: nobody's */
	struct extent *free; /* ascending, never touching */
	uint32_t nr_free, cap_free;
	uint32_t largest, nr_runs;
};

struct segment {
	uint32_t nr_runs;
	struct block blocks[ABI_SEGMENT_BLOCKS];
};

struct mapped_block {
	uint32_t *words;
	uint32_t block; /* of all segments */
	uint64_t used;
};

struct segments {
	struct segments_store store;
	uint32_t max_blocks[SEGMENT_POOLS], nr_blocks[SEGMENT_POOLS]; /* that are a pool's */
	size_t free_words[SEGMENT_POOLS], given_up_words[SEGMENT_POOLS];
	struct segment **segments; /* NULL: not there */
	uint32_t nr_segments, cap_segments, nr_there, max_segments;
	uint32_t nr_runs;
	struct segment_run *given_up; /* room for every run there is: giving up can't fail */
	uint32_t nr_given_up, nr_marked, nr_quiet, cap_given_up;
	struct mapped_block mapped[MAX_MAPPED];
	uint32_t nr_mapped;
	uint64_t clock;
	size_t memory;
};

_Static_assert(1 << WORD_BITS == ABI_BLOCK_WORDS, "a location");

int segments_new(struct segments **ret, const struct segments_store *store, size_t max_bytes)
{
	struct segments *s = calloc(1, sizeof(*s));
	uint32_t nr_blocks;

	if (!s) {
		store->free(store->ctx);
		return -ENOMEM;
	}
	s->store = *store;
	s->max_segments = ABI_MAX_SEGMENTS;
	if (max_bytes / SEGMENT_COST < s->max_segments)
		s->max_segments = (uint32_t)(max_bytes / SEGMENT_COST);
	if (!s->max_segments)
		s->max_segments = 1;
	nr_blocks = s->max_segments * ABI_SEGMENT_BLOCKS;
	s->max_blocks[SEGMENT_LISTS] = nr_blocks / LISTS_SHARE;
	s->max_blocks[SEGMENT_TABLES] = nr_blocks - nr_blocks / LISTS_SHARE;
	*ret = s;
	return 0;
}

static void free_segment(struct segments *s, uint32_t i)
{
	struct segment *g = s->segments[i];

	if (!g)
		return;
	for (uint32_t b = 0; b < ABI_SEGMENT_BLOCKS; b++) {
		s->memory -= g->blocks[b].cap_free * sizeof(struct extent);
		free(g->blocks[b].free);
	}
	free(g);
	s->memory -= sizeof(*g);
	s->segments[i] = NULL;
}

void segments_free(struct segments *s)
{
	if (!s)
		return;
	segments_trim(s, 0);
	for (uint32_t i = 0; i < s->nr_segments; i++)
		free_segment(s, i);
	s->store.free(s->store.ctx);
	free(s->segments);
	free(s->given_up);
	free(s);
}

static void measure(struct block *b)
{
	b->largest = 0;
	for (uint32_t i = 0; i < b->nr_free; i++)
		b->largest = b->free[i].words > b->largest ? b->free[i].words : b->largest;
}

/* Room for one more extent than runs, so that freeing needs no memory. */
static int reserve_extents(struct segments *s, struct block *b)
{
	uint32_t before = b->cap_free;

	if (array_reserve(b->free, b->cap_free, b->nr_runs + 3u) < 0)
		return -ENOMEM;
	s->memory += (b->cap_free - before) * sizeof(struct extent);
	return 0;
}

/* All free, and nobody's. */
static int init_blocks(struct segments *s, struct segment *g, bool is_first)
{
	for (uint32_t i = 0; i < ABI_SEGMENT_BLOCKS; i++) {
		struct block *b = &g->blocks[i];
		uint16_t at = is_first && !i ? NONE_YET : 0;

		if (reserve_extents(s, b) < 0)
			return -ENOMEM;
		b->pool = SEGMENT_POOLS;
		b->free[0] = (struct extent){ at, (uint16_t)(ABI_BLOCK_WORDS - at) };
		b->nr_free = 1;
		b->largest = ABI_BLOCK_WORDS - at;
	}
	return 0;
}

/* A segment of ours, which the store has not got yet. */
static int new_segment(struct segments *s, uint32_t *ret)
{
	struct segment *g;
	uint32_t i = 0;

	while (i < s->nr_segments && s->segments[i])
		i++;
	if (array_reserve(s->segments, s->cap_segments, i + 1u) < 0)
		return -ENOMEM;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	s->memory += sizeof(*g);
	s->segments[i] = g;
	s->nr_segments = i < s->nr_segments ? s->nr_segments : i + 1;
	if (init_blocks(s, g, !i) < 0) {
		free_segment(s, i);
		return -ENOMEM;
	}
	*ret = i;
	return 0;
}

static int add_segments(struct segments *s, uint32_t nr)
{
	uint32_t added[MAX_AT_ONCE], n = 0;
	int r = 0;

	nr = nr < MAX_AT_ONCE ? nr : MAX_AT_ONCE;
	if (nr > s->max_segments - s->nr_there)
		nr = s->max_segments - s->nr_there;
	if (!nr)
		return -ENOSPC;
	while (!r && n < nr) {
		r = new_segment(s, &added[n]);
		n += !r;
	}
	if (!r && s->store.add(s->store.ctx, added, n) < 0) {
		/* The kernel, or who limits us, gives no more: the bound is where we are. */
		if (n == 1)
			s->max_segments = s->nr_there;
		r = -ENOSPC;
	}
	while (r && n)
		free_segment(s, added[--n]);
	s->nr_there += n;
	return r;
}

void segments_prepare(struct segments *s, enum segment_pool pool, size_t words)
{
	size_t blocks, free_blocks = s->nr_there * (size_t)ABI_SEGMENT_BLOCKS, there;

	for (int i = 0; i < SEGMENT_POOLS; i++)
		free_blocks -= s->nr_blocks[i];
	there = s->free_words[pool] + free_blocks * ABI_BLOCK_WORDS;
	if (words <= there)
		return;
	blocks = (words - there) / ABI_BLOCK_WORDS;
	if (blocks + s->nr_blocks[pool] + free_blocks > s->max_blocks[pool])
		return;
	add_segments(s, (uint32_t)(blocks / ABI_SEGMENT_BLOCKS + 1));
}

/* The pool's block whose largest hole is the smallest that will do; else one that is nobody's. */
static bool best_block(const struct segments *s, enum segment_pool pool, uint32_t words,
		       uint32_t *ret)
{
	bool may_add = s->nr_blocks[pool] < s->max_blocks[pool];
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; i < s->nr_segments; i++) {
		for (uint32_t n = 0; s->segments[i] && n < ABI_SEGMENT_BLOCKS; n++) {
			const struct block *b = &s->segments[i]->blocks[n];
			bool is_free = may_add && b->pool == SEGMENT_POOLS;
			uint32_t cost = is_free ? ABI_BLOCK_WORDS + 1 : b->largest;

			if ((b->pool != pool && !is_free) || b->largest < words || cost >= best)
				continue;
			best = cost;
			*ret = i * ABI_SEGMENT_BLOCKS + n;
			if (best == words)
				return true;
		}
	}
	return best != UINT32_MAX;
}

static uint32_t take(struct block *b, uint32_t words)
{
	struct extent *e = b->free, *best = NULL;
	uint32_t at;

	for (; e < b->free + b->nr_free; e++)
		if (e->words >= words && (!best || e->words < best->words))
			best = e;
	at = best->at;
	best->at = (uint16_t)(best->at + words);
	best->words = (uint16_t)(best->words - words);
	if (!best->words) {
		memmove(best, best + 1, (size_t)(b->free + b->nr_free - best - 1) * sizeof(*best));
		b->nr_free--;
	}
	b->nr_runs++;
	measure(b);
	return at;
}

int segments_get(struct segments *s, enum segment_pool pool, uint32_t words,
		 struct segment_run *ret)
{
	struct segment *g;
	struct block *b;
	uint32_t n;
	int r;

	words = (words + 1) & ~1u;
	if (!words || words > ABI_BLOCK_WORDS)
		return -EINVAL;
	if (!best_block(s, pool, words, &n)) {
		r = s->nr_blocks[pool] < s->max_blocks[pool] ? add_segments(s, 1) : -ENOSPC;
		if (r < 0)
			return r;
		best_block(s, pool, words, &n);
	}
	g = s->segments[n / ABI_SEGMENT_BLOCKS];
	b = &g->blocks[n % ABI_SEGMENT_BLOCKS];
	if (reserve_extents(s, b) < 0 ||
	    array_reserve(s->given_up, s->cap_given_up, s->nr_runs + 1u) < 0)
		return -ENOMEM;
	if (b->pool == SEGMENT_POOLS) {
		b->pool = (uint8_t)pool;
		s->nr_blocks[pool]++;
		s->free_words[pool] += b->largest;
	}
	*ret = (struct segment_run){ n << WORD_BITS | take(b, words), words };
	g->nr_runs++;
	s->nr_runs++;
	s->free_words[pool] -= words;
	return 0;
}

static void unmap(struct segments *s, uint32_t i)
{
	s->store.unmap(s->store.ctx, s->mapped[i].words);
	s->mapped[i] = s->mapped[--s->nr_mapped];
}

static uint32_t least_used(const struct segments *s)
{
	uint32_t least = 0;

	for (uint32_t i = 1; i < s->nr_mapped; i++)
		if (s->mapped[i].used < s->mapped[least].used)
			least = i;
	return least;
}

uint32_t *segments_at(struct segments *s, uint32_t location)
{
	uint32_t block = location >> WORD_BITS, at = location & (ABI_BLOCK_WORDS - 1), *words;

	for (uint32_t i = 0; i < s->nr_mapped; i++) {
		if (s->mapped[i].block != block)
			continue;
		s->mapped[i].used = ++s->clock;
		return s->mapped[i].words + at;
	}
	if (s->nr_mapped == MAX_MAPPED)
		unmap(s, least_used(s));
	words = s->store.map(s->store.ctx, block / ABI_SEGMENT_BLOCKS, block % ABI_SEGMENT_BLOCKS);
	if (!words)
		return NULL;
	s->mapped[s->nr_mapped++] = (struct mapped_block){ words, block, ++s->clock };
	return words + at;
}

const uint32_t *segments_block(struct segments *s, uint32_t location)
{
	uint32_t segment = (location >> WORD_BITS) / ABI_SEGMENT_BLOCKS;

	if (segment >= s->nr_segments || !s->segments[segment])
		return NULL;
	return segments_at(s, location & ~(uint32_t)(ABI_BLOCK_WORDS - 1));
}

void segments_trim(struct segments *s, uint32_t keep)
{
	while (s->nr_mapped > keep)
		unmap(s, least_used(s));
}

/* Joins a freed run with the holes that it touches. */
static void put_back(struct block *b, uint32_t at, uint32_t words)
{
	struct extent *e;
	uint32_t i = 0;

	while (i < b->nr_free && b->free[i].at < at)
		i++;
	e = &b->free[i];
	if (i && e[-1].at + e[-1].words == at) {
		e[-1].words = (uint16_t)(e[-1].words + words);
		if (i < b->nr_free && e[0].at == at + words) {
			e[-1].words = (uint16_t)(e[-1].words + e[0].words);
			memmove(e, e + 1, (--b->nr_free - i) * sizeof(*e));
		}
	} else if (i < b->nr_free && e[0].at == at + words) {
		e[0] = (struct extent){ (uint16_t)at, (uint16_t)(e[0].words + words) };
	} else {
		memmove(e + 1, e, (b->nr_free++ - i) * sizeof(*e));
		e[0] = (struct extent){ (uint16_t)at, (uint16_t)words };
	}
	b->nr_runs--;
	measure(b);
}

static struct block *block_of(const struct segments *s, struct segment_run run)
{
	uint32_t n = run.location >> WORD_BITS;

	return &s->segments[n / ABI_SEGMENT_BLOCKS]->blocks[n % ABI_SEGMENT_BLOCKS];
}

void segments_put(struct segments *s, struct segment_run run)
{
	struct block *b = block_of(s, run);

	put_back(b, run.location & (ABI_BLOCK_WORDS - 1), run.words);
	s->segments[(run.location >> WORD_BITS) / ABI_SEGMENT_BLOCKS]->nr_runs--;
	s->nr_runs--;
	s->free_words[b->pool] += run.words;
	if (b->nr_runs)
		return;
	s->free_words[b->pool] -= b->largest;
	s->nr_blocks[b->pool]--;
	b->pool = SEGMENT_POOLS;
}

void segments_give_up(struct segments *s, struct segment_run run)
{
	s->given_up_words[block_of(s, run)->pool] += run.words;
	s->given_up[s->nr_given_up++] = run;
}

void segments_mark(struct segments *s)
{
	s->nr_marked = s->nr_given_up;
}

void segments_quiet(struct segments *s)
{
	s->nr_quiet = s->nr_marked;
}

/* A segment without runs goes, but for a few: to make one, or to remove it, takes some 10 ms. */
static void remove_empty(struct segments *s)
{
	uint32_t nr_spare = 0;

	for (uint32_t i = 0; i < s->nr_segments; i++) {
		struct segment *g = s->segments[i];

		if (!g || g->nr_runs || nr_spare++ < MAX_SPARE)
			continue;
		for (uint32_t m = s->nr_mapped; m--;)
			if (s->mapped[m].block / ABI_SEGMENT_BLOCKS == i)
				unmap(s, m);
		s->nr_there--;
		s->store.remove(s->store.ctx, i);
		free_segment(s, i);
	}
}

void segments_reclaim(struct segments *s)
{
	if (!s->nr_quiet)
		return;
	for (uint32_t i = 0; i < s->nr_quiet; i++) {
		struct segment_run run = s->given_up[i];

		s->given_up_words[block_of(s, run)->pool] -= run.words;
		segments_put(s, run);
	}
	s->nr_given_up -= s->nr_quiet;
	s->nr_marked -= s->nr_quiet;
	memmove(s->given_up, s->given_up + s->nr_quiet, s->nr_given_up * sizeof(*s->given_up));
	s->nr_quiet = 0;
	remove_empty(s);
}

/* Blocks that a pool may have at most, beside those that the other one has. */
static uint32_t most_blocks(const struct segments *s, enum segment_pool pool)
{
	uint32_t all = s->max_segments * ABI_SEGMENT_BLOCKS, others = 0;

	for (int i = 0; i < SEGMENT_POOLS; i++)
		others += i != (int)pool ? s->nr_blocks[i] : 0;
	return all - others < s->max_blocks[pool] ? all - others : s->max_blocks[pool];
}

size_t segments_room(const struct segments *s, enum segment_pool pool)
{
	return s->free_words[pool] + s->given_up_words[pool] +
	       (size_t)(most_blocks(s, pool) - s->nr_blocks[pool]) * ABI_BLOCK_WORDS;
}

size_t segments_capacity(const struct segments *s, enum segment_pool pool)
{
	return (size_t)most_blocks(s, pool) * ABI_BLOCK_WORDS;
}

size_t segments_map_bytes(const struct segments *s)
{
	return s->nr_there * (size_t)SEGMENT_COST;
}

size_t segments_memory(const struct segments *s)
{
	return sizeof(*s) + s->memory + s->cap_segments * sizeof(*s->segments) +
	       s->cap_given_up * sizeof(*s->given_up);
}
