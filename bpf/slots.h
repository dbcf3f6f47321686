/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of samples: open addressing in one CPU's region, no lock. A slot
 * whose epoch is not the region's is empty, so user space empties a region by
 * one addition. Pure C: the host's tests compile it too.
 */
#pragma once
#include "abi.h"
#include "hash.h"

enum { SLOTS_PROBES = 8 };

static inline __u64 slots_hash(const struct abi_key *k)
{
	__u64 h = k->who ^ k->stack;

	h = hash_word(h, k->tag);
	return hash_word(h, k->bucket);
}

static inline int slots_same(const struct abi_key *a, const struct abi_key *b)
{
	return a->stack == b->stack && a->who == b->who && a->tag == b->tag &&
	       a->bucket == b->bucket;
}

/* Adds one event of `value`. `mask`: slots minus 1. 1: done, 0: no slot within reach. */
static inline int slots_add(struct abi_region *r, __u32 mask, const struct abi_key *key,
			    __u64 value)
{
	__u32 at = (__u32)slots_hash(key), epoch = r->epoch;

#pragma unroll
	for (int i = 0; i < SLOTS_PROBES; i++) {
		struct abi_slot *s = &r->slots[(at + i) & mask];

		if (s->key.epoch != epoch) {
			s->key.who = key->who;
			s->key.stack = key->stack;
			s->key.tag = key->tag;
			s->key.bucket = key->bucket;
			s->key.epoch = epoch;
			s->count = 1;
			s->total = s->min = s->max = value;
			r->used++;
			return 1;
		}
		if (slots_same(&s->key, key)) {
			s->count++;
			s->total += value;
			if (value < s->min)
				s->min = value;
			if (value > s->max)
				s->max = value;
			return 1;
		}
	}
	return 0;
}
