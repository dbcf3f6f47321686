/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Log-linear buckets, for both halves: 16 to each power of two. A value below
 * 32 has a bucket of its own; above, a bucket is at most 1/16 as wide as its
 * lower edge, so that a percentile read from buckets is within about 3 %.
 */
#pragma once

enum { BUCKET_STEPS = 16, BUCKET_COUNT = 61 * BUCKET_STEPS };

/* Position of the highest set bit; `v` is not 0. BPF has no instruction for it. */
static inline unsigned bucket_log2(unsigned long long v)
{
	unsigned r = 0;

	if (v >> 32)
		v >>= 32, r += 32;
	if (v >> 16)
		v >>= 16, r += 16;
	if (v >> 8)
		v >>= 8, r += 8;
	if (v >> 4)
		v >>= 4, r += 4;
	if (v >> 2)
		v >>= 2, r += 2;
	return r + (v >> 1 ? 1 : 0);
}

static inline unsigned bucket_of(unsigned long long v)
{
	unsigned e;

	if (v < BUCKET_STEPS)
		return (unsigned)v;
	e = bucket_log2(v);
	return (e - 3) * BUCKET_STEPS + (unsigned)((v >> (e - 4)) & (BUCKET_STEPS - 1));
}

/* The smallest value of a bucket; its end is the next bucket's. */
static inline unsigned long long bucket_from(unsigned bucket)
{
	unsigned e = bucket / BUCKET_STEPS + 3;

	if (bucket < BUCKET_STEPS)
		return bucket;
	return ((unsigned long long)BUCKET_STEPS + bucket % BUCKET_STEPS) << (e - 4);
}
