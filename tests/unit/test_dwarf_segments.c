// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Segments against the definition: every address is asked of all ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "symbolize/dwarf_segments.h"

enum { MAX_RANGES = 40, MAX_ADDRESS = 64, ROUNDS = 3000 };

static uint32_t expected(const struct range *ranges, size_t nr, uint64_t address)
{
	uint32_t owner = SEGMENT_NONE;

	for (size_t i = 0; i < nr; i++)
		if (ranges[i].start <= address && address < ranges[i].end &&
		    (owner == SEGMENT_NONE || ranges[i].owner > owner))
			owner = ranges[i].owner;
	return owner;
}

static void check(struct range *ranges, size_t nr, uint64_t max)
{
	struct segments s;

	assert_int_equal(segments_paint(&s, ranges, nr), 0);
	for (uint64_t at = 0; at <= max; at++)
		assert_int_equal(segments_find(&s, at), expected(ranges, nr, at));
	/* No two neighbours are one, and none is empty. */
	for (size_t i = 1; i < s.nr; i++) {
		assert_true(s.all[i - 1].start < s.all[i].start);
		assert_int_not_equal(s.all[i - 1].owner, s.all[i].owner);
	}
	segments_done(&s);
}

static void test_random(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct range ranges[MAX_RANGES];
		size_t nr = (size_t)rand_r(&seed) % MAX_RANGES;

		for (size_t i = 0; i < nr; i++) {
			ranges[i].start = (uint64_t)rand_r(&seed) % MAX_ADDRESS;
			/* Some are empty, some end before they start. */
			ranges[i].end = ranges[i].start + (uint64_t)rand_r(&seed) % 24 -
					(ranges[i].start > 2 ? 2 : 0);
			ranges[i].owner = (uint32_t)rand_r(&seed) % (MAX_RANGES / 2);
		}
		check(ranges, nr, MAX_ADDRESS + 32);
	}
}

static void test_edges(void **state)
{
	struct range last = { UINT64_MAX - 1, UINT64_MAX, 3 }, all = { 0, UINT64_MAX, 0 };
	struct segments s;

	(void)state;
	check(NULL, 0, 2);
	assert_int_equal(segments_paint(&s, &last, 1), 0);
	assert_int_equal(segments_find(&s, UINT64_MAX - 1), 3);
	assert_int_equal(segments_find(&s, UINT64_MAX), SEGMENT_NONE);
	assert_int_equal(segments_find(&s, UINT64_MAX - 2), SEGMENT_NONE);
	segments_done(&s);
	assert_int_equal(segments_paint(&s, &all, 1), 0);
	assert_int_equal(segments_find(&s, 0), 0);
	assert_int_equal(segments_find(&s, UINT64_MAX - 1), 0);
	segments_done(&s);
}

/* Each range within the one before it: the time is that of sorting. */
static void test_deep(void **state)
{
	enum { DEEP = 200000 };
	struct range *ranges = calloc(DEEP, sizeof(*ranges));
	struct segments s;

	(void)state;
	assert_non_null(ranges);
	for (uint32_t i = 0; i < DEEP; i++)
		ranges[i] = (struct range){ i, 2 * DEEP - i, i };
	assert_int_equal(segments_paint(&s, ranges, DEEP), 0);
	assert_int_equal(s.nr, 2 * DEEP);
	assert_int_equal(segments_find(&s, DEEP), DEEP - 1);
	assert_int_equal(segments_find(&s, DEEP + 100), DEEP - 101);
	segments_done(&s);
	free(ranges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
