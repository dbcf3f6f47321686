/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A distribution in the log-linear buckets of bucket.h. */
#pragma once
#include <stdint.h>

#include "bucket.h"

struct hist {
	uint64_t counts[BUCKET_COUNT];
	uint64_t count, total; /* all values: how many, their sum */
	uint64_t min, max;     /* exact; 0 while count is 0 */
};

/* Adds `count` values of one bucket, whose sum, smallest and largest are known. */
void hist_add(struct hist *h, unsigned bucket, uint64_t count, uint64_t total, uint64_t min,
	      uint64_t max);
void hist_merge(struct hist *into, const struct hist *from);
/*
 * The value below which `fraction` (0 to 1) of all values lie, in the
 * values' unit: linear inside its bucket, never outside min and max. 0 when empty.
 */
uint64_t hist_percentile(const struct hist *h, double fraction);
/* Where a bucket begins and ends (exclusive; UINT64_MAX for the last). */
uint64_t hist_bucket_from(unsigned bucket);
uint64_t hist_bucket_to(unsigned bucket);
