/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Runs of 32-bit words in segments, the maps of 1 MB that walks read (abi.h):
 * a run lies within one 64 KB block and begins at an even word. Location 0 is
 * never handed out. What is given up may still be read by a walk: it is used
 * again in three steps. segments_mark(): all that is given up so far;
 * segments_quiet(): no walk reads what is marked any more; segments_reclaim():
 * nor does anybody ask what a walk has read there. Blocks are mapped to be written, a few at a
 * time: what is mapped counts as our memory too.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct bpf_object;

/* What segments stand in: maps of the kernel, or a test's memory. */
struct segments_store {
	/* Makes segments and shows them to walks: all, 0, or none, a negative errno. */
	int (*add)(void *ctx, const uint32_t *segments, uint32_t nr);
	/* Returns when no walk reads it any more. */
	void (*remove)(void *ctx, uint32_t segment);
	/* A block's words, to be written; NULL: no memory. */
	uint32_t *(*map)(void *ctx, uint32_t segment, uint32_t block);
	void (*unmap)(void *ctx, uint32_t *words);
	/* With all segments that are there: no walk runs any more. */
	void (*free)(void *ctx);
	void *ctx;
};

/*
 * Tables are large and stay, lists of mappings are small and change: each has its blocks. Lists
 * get no more than an eighth of all.
 */
enum segment_pool { SEGMENT_TABLES, SEGMENT_LISTS, SEGMENT_POOLS };

/* Words of a segment. A run's words are even, for they are handed out so. */
struct segment_run {
	uint32_t location, words;
};

struct segments;

/* Takes over `store`, also when it fails. max_bytes: of the kernel's maps; one is always had. */
int segments_new(struct segments **ret, const struct segments_store *store, size_t max_bytes);
void segments_free(struct segments *s);
DEFINE_CLEANUP(struct segments, segments_free)
/* 0, -ENOSPC (the bound is reached, or there is no new map), -EINVAL (over a block), -ENOMEM. */
int segments_get(struct segments *s, enum segment_pool pool, uint32_t words,
		 struct segment_run *ret);
/*
 * So many words are about to be wanted: makes the segments that they will need in any case, for
 * to make one takes about as long as to make many. What can't be had shows in segments_get().
 */
void segments_prepare(struct segments *s, enum segment_pool pool, size_t words);
/* A run's words, to be written; good until the next call. NULL: no memory. */
uint32_t *segments_at(struct segments *s, uint32_t location);
/* The whole block of any location, to be read; NULL: there is none. Good until the next call. */
const uint32_t *segments_block(struct segments *s, uint32_t location);
/* Nobody was shown the run: it can be used again at once. */
void segments_put(struct segments *s, struct segment_run run);
void segments_give_up(struct segments *s, struct segment_run run);
void segments_mark(struct segments *s);
void segments_quiet(struct segments *s);
void segments_reclaim(struct segments *s);
/* Unmaps all blocks but the `keep` used last. */
void segments_trim(struct segments *s, uint32_t keep);
/* Words of a pool that are free, or will be once all that is given up is, or could be made. */
size_t segments_room(const struct segments *s, enum segment_pool pool);
/* Words that a pool may have at most. */
size_t segments_capacity(const struct segments *s, enum segment_pool pool);
/* Bytes of the kernel's maps; of our own. */
size_t segments_map_bytes(const struct segments *s);
size_t segments_memory(const struct segments *s);

/* The kernel's: segments of the map `segments` of a loaded object. 0 or a negative errno. */
int segments_store_open(struct segments_store *ret, struct bpf_object *obj);
/* Of ordinary memory, for walks that are done here alone. 0 or -ENOMEM. */
int segments_store_memory(struct segments_store *ret);
