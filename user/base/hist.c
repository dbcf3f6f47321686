// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/hist.h"

#include <assert.h>

void hist_add(struct hist *h, unsigned bucket, uint64_t count, uint64_t total, uint64_t min,
	      uint64_t max)
{
	assert(bucket < BUCKET_COUNT);
	if (!count)
		return;
	if (!h->count || min < h->min)
		h->min = min;
	if (!h->count || max > h->max)
		h->max = max;
	h->counts[bucket] += count;
	h->count += count;
	h->total += total;
}

void hist_merge(struct hist *into, const struct hist *from)
{
	if (!from->count)
		return;
	if (!into->count || from->min < into->min)
		into->min = from->min;
	if (!into->count || from->max > into->max)
		into->max = from->max;
	for (unsigned i = 0; i < BUCKET_COUNT; i++)
		into->counts[i] += from->counts[i];
	into->count += from->count;
	into->total += from->total;
}

uint64_t hist_percentile(const struct hist *h, double fraction)
{
	double rank = fraction * (double)h->count, below = 0, value;
	unsigned i = 0;

	if (!h->count)
		return 0;
	while (i < BUCKET_COUNT - 1 && below + (double)h->counts[i] < rank)
		below += (double)h->counts[i++];
	while (i < BUCKET_COUNT - 1 && !h->counts[i])
		i++;
	value = (double)hist_bucket_from(i);
	if (h->counts[i])
		value += (double)(hist_bucket_to(i) - hist_bucket_from(i)) * (rank - below) /
			 (double)h->counts[i];
	if (value <= (double)h->min)
		return h->min;
	return value >= (double)h->max ? h->max : (uint64_t)value;
}

uint64_t hist_bucket_from(unsigned bucket)
{
	return bucket_from(bucket);
}

uint64_t hist_bucket_to(unsigned bucket)
{
	return bucket + 1 < BUCKET_COUNT ? bucket_from(bucket + 1) : UINT64_MAX;
}
