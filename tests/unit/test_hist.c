// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/hist.h"

static void add(struct hist *h, uint64_t v)
{
	hist_add(h, bucket_of(v), 1, v, v, v);
}

static uint64_t next(uint64_t *s)
{
	*s ^= *s << 13, *s ^= *s >> 7, *s ^= *s << 17;
	return *s;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void empty_is_zero(void **state)
{
	struct hist h = { 0 };

	(void)state;
	assert_int_equal(hist_percentile(&h, 0.5), 0);
	hist_add(&h, 3, 0, 0, 7, 7);
	assert_int_equal(h.count, 0);
	assert_int_equal(h.min, 0);
}

static void one_value_is_every_percentile(void **state)
{
	const uint64_t values[] = { 0, 1, 31, 100, 12345678, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		struct hist h = { 0 };

		add(&h, values[i]);
		for (double f = 0; f <= 1; f += 0.125)
			assert_int_equal(hist_percentile(&h, f), values[i]);
	}
}

/* The oracle is the sorted values themselves. */
static void percentiles_are_within_three_percent(void **state)
{
	static const double fractions[] = { 0.01, 0.1, 0.5, 0.9, 0.99, 0.999 };
	enum { NR = 50000 };
	uint64_t *values = calloc(NR, sizeof(*values)), seed = 4101842887655102017u;
	struct hist *h = calloc(1, sizeof(*h));
	uint64_t total = 0, last = 0;

	(void)state;
	for (unsigned i = 0; i < NR; i++) {
		/* As latencies are: over several powers of ten, heavier at the low end. */
		values[i] = 50000 + next(&seed) % (1000ull << (next(&seed) % 16));
		total += values[i];
		add(h, values[i]);
	}
	qsort(values, NR, sizeof(*values), compare);
	assert_int_equal(h->count, NR);
	assert_int_equal(h->total, total);
	assert_int_equal(h->min, values[0]);
	assert_int_equal(h->max, values[NR - 1]);
	for (size_t i = 0; i < 6; i++) {
		uint64_t got = hist_percentile(h, fractions[i]);
		double want = (double)values[(size_t)(fractions[i] * NR)];

		assert_true((double)got > want * 0.97 && (double)got < want * 1.03);
		assert_true(got >= last);
		last = got;
	}
	assert_int_equal(hist_percentile(h, 0), values[0]);
	assert_int_equal(hist_percentile(h, 1), values[NR - 1]);
	free(values);
	free(h);
}

static void merge_is_the_sum(void **state)
{
	struct hist a = { 0 }, b = { 0 }, both = { 0 }, empty = { 0 };
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t v = next(&seed) >> 40;

		add(i % 3 ? &a : &b, v);
		add(&both, v);
	}
	hist_merge(&a, &b);
	assert_memory_equal(&a, &both, sizeof(a));
	hist_merge(&a, &empty);
	assert_memory_equal(&a, &both, sizeof(a));
	hist_merge(&empty, &both);
	assert_memory_equal(&empty, &both, sizeof(empty));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_is_zero),
		cmocka_unit_test(one_value_is_every_percentile),
		cmocka_unit_test(percentiles_are_within_three_percent),
		cmocka_unit_test(merge_is_the_sum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
