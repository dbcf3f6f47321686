// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bucket.h"

static void check(uint64_t v)
{
	unsigned b = bucket_of(v);

	assert_true(b < BUCKET_COUNT);
	assert_true(bucket_from(b) <= v);
	if (b + 1 < BUCKET_COUNT)
		assert_true(v < bucket_from(b + 1));
}

static void log2_is_the_compilers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(bucket_log2(1ull << i), i);
		assert_int_equal(bucket_log2(UINT64_MAX >> i), 63 - i);
		assert_int_equal(bucket_log2(1ull << i | 0x1234567 % (1ull << i)),
				 63 - __builtin_clzll(1ull << i | 0x1234567 % (1ull << i)));
	}
}

static void every_value_is_in_its_bucket(void **state)
{
	uint64_t v = 88172645463325252u;

	(void)state;
	for (uint64_t i = 0; i < 70000; i++)
		check(i);
	for (unsigned i = 0; i < 64; i++) {
		check(1ull << i);
		check((1ull << i) - 1);
		check((1ull << i) + 1);
	}
	check(UINT64_MAX);
	for (unsigned i = 0; i < 100000; i++) {
		v ^= v << 13, v ^= v >> 7, v ^= v << 17;
		check(v >> (i % 64));
	}
}

static void buckets_ascend_and_are_narrow(void **state)
{
	(void)state;
	for (unsigned b = 0; b + 1 < BUCKET_COUNT; b++) {
		uint64_t from = bucket_from(b), to = bucket_from(b + 1);

		assert_true(from < to);
		assert_int_equal(bucket_of(from), b);
		if (from < 32)
			assert_int_equal(to - from, 1);
		else
			assert_true((to - from) * 16 <= from);
	}
	assert_int_equal(bucket_of(UINT64_MAX), BUCKET_COUNT - 1);
	/* The edges that the JSON report's example shows. */
	assert_int_equal(bucket_from(bucket_of(61441)), 61440);
	assert_int_equal(bucket_from(bucket_of(61440) + 1), 63488);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log2_is_the_compilers),
		cmocka_unit_test(every_value_is_in_its_bucket),
		cmocka_unit_test(buckets_ascend_and_are_narrow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
