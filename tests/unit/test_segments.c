// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Runs of words in segments: where they stand, and when they are used again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/array.h"
#include "tracker_fixture.h"
#include "tables_fixture.h"

static struct segments *new_segments(size_t max_bytes)
{
	const struct segments_store s = store_new();
	struct segments *ret;

	assert_int_equal(segments_new(&ret, &s, max_bytes), 0);
	return ret;
}

static void reclaim(struct segments *s)
{
	segments_mark(s);
	segments_quiet(s);
	segments_reclaim(s);
}

static void test_first(void **state)
{
	struct segments *s = new_segments(8 << 20);
	struct segment_run run;

	(void)state;
	assert_int_equal(segments_get(s, SEGMENT_LISTS, 0, &run), -EINVAL);
	assert_int_equal(segments_get(s, SEGMENT_LISTS, ABI_BLOCK_WORDS + 1, &run), -EINVAL);
	assert_int_equal(store.nr_segments, 0);
	assert_int_equal(segments_get(s, SEGMENT_LISTS, 5, &run), 0);
	assert_int_not_equal(run.location, 0);
	assert_int_equal(run.location % 2, 0);
	assert_int_equal(run.words, 6);
	/* A pool has blocks of its own. */
	assert_int_equal(segments_get(s, SEGMENT_TABLES, 4, &run), 0);
	assert_int_equal(run.location / ABI_BLOCK_WORDS, 1);
	assert_int_equal(store.nr_segments, 1);
	segments_free(s);
}

static void test_steps(void **state)
{
	struct segments *s = new_segments(8 << 20);
	struct segment_run a, b, c;

	(void)state;
	assert_int_equal(segments_get(s, SEGMENT_LISTS, 100, &a), 0);
	assert_int_equal(segments_get(s, SEGMENT_LISTS, 100, &b), 0);
	segments_mark(s);
	segments_give_up(s, a); /* behind the mark */
	segments_quiet(s);
	segments_reclaim(s);
	assert_int_equal(segments_get(s, SEGMENT_LISTS, 100, &c), 0);
	assert_int_not_equal(c.location, a.location);
	segments_mark(s);
	segments_reclaim(s); /* walks may still read it */
	assert_int_equal(segments_get(s, SEGMENT_LISTS, 100, &c), 0);
	assert_int_not_equal(c.location, a.location);
	segments_quiet(s);
	assert_int_equal(segments_get(s, SEGMENT_LISTS, 100, &c), 0);
	assert_int_not_equal(c.location, a.location);
	segments_reclaim(s);
	assert_int_equal(segments_get(s, SEGMENT_LISTS, 100, &c), 0);
	assert_int_equal(c.location, a.location);
	/* One that nobody saw. */
	segments_put(s, b);
	assert_int_equal(segments_get(s, SEGMENT_LISTS, 100, &c), 0);
	assert_int_equal(c.location, b.location);
	segments_free(s);
}

static void test_bound(void **state)
{
	struct segments *s = new_segments((2 << 20) + 16384);
	struct segment_run runs[64];
	uint32_t nr = 0;

	(void)state;
	while (nr < 64 && !segments_get(s, SEGMENT_TABLES, ABI_BLOCK_WORDS, &runs[nr]))
		nr++;
	/* An eighth is kept for lists. */
	assert_int_equal(nr, 2 * ABI_SEGMENT_BLOCKS * 7 / 8);
	assert_int_equal(store.nr_segments, 2);
	assert_true(segments_map_bytes(s) >= 2 << 20);
	assert_int_equal(segments_room(s, SEGMENT_TABLES), 0);
	assert_int_equal(segments_get(s, SEGMENT_TABLES, 2, &runs[nr]), -ENOSPC);
	while (nr < 64 && !segments_get(s, SEGMENT_LISTS, ABI_BLOCK_WORDS, &runs[nr]))
		nr++;
	/* But for the very first block: the words at location 0 are nobody's. */
	assert_int_equal(nr, 2 * ABI_SEGMENT_BLOCKS - 1);
	assert_int_equal(segments_get(s, SEGMENT_LISTS, ABI_BLOCK_WORDS - 2, &runs[nr]), 0);
	assert_int_equal(runs[nr].location, 2);
	for (uint32_t i = 0; i <= nr; i++)
		segments_give_up(s, runs[i]);
	assert_int_equal(segments_room(s, SEGMENT_TABLES), segments_capacity(s, SEGMENT_TABLES));
	reclaim(s);
	/* Some are kept. */
	assert_int_equal(store.nr_segments, 2);
	/* A block that was the tables' can be the lists'. */
	for (nr = 0; !segments_get(s, SEGMENT_LISTS, ABI_BLOCK_WORDS, &runs[nr]);)
		nr++;
	assert_int_equal(nr, 2 * ABI_SEGMENT_BLOCKS / 8);
	segments_free(s);
}

/* Of those that are not needed any more a few stay. */
static void test_spare(void **state)
{
	enum { MADE = 7, SPARE = 5 };
	struct segments *s = new_segments((MADE + 2) << 20);
	struct segment_run runs[MADE * ABI_SEGMENT_BLOCKS - 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		assert_int_equal(segments_get(s, SEGMENT_TABLES, ABI_BLOCK_WORDS, &runs[i]), 0);
	assert_int_equal(store.nr_segments, MADE);
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		segments_give_up(s, runs[i]);
	reclaim(s);
	assert_int_equal(store.nr_segments, SPARE);
	assert_int_equal(segments_get(s, SEGMENT_TABLES, ABI_BLOCK_WORDS, &runs[0]), 0);
	assert_int_equal(store.nr_segments, SPARE);
	segments_free(s);
}

static void test_refused(void **state)
{
	struct segments *s = new_segments(8 << 20);
	struct segment_run run;
	uint32_t nr = 0;

	(void)state;
	store.most_segments = 1;
	while (!segments_get(s, SEGMENT_TABLES, ABI_BLOCK_WORDS, &run))
		nr++;
	assert_int_equal(nr, ABI_SEGMENT_BLOCKS - 1);
	assert_int_equal(segments_get(s, SEGMENT_LISTS, 100, &run), 0);
	assert_int_equal(segments_get(s, SEGMENT_TABLES, 2, &run), -ENOSPC);
	assert_int_equal(segments_capacity(s, SEGMENT_TABLES),
			 (ABI_SEGMENT_BLOCKS - 1) * ABI_BLOCK_WORDS);
	segments_free(s);
}

/* What is known to be needed comes at once, and no more than that. */
static void test_prepare(void **state)
{
	struct segments *s = new_segments(8 << 20);
	struct segment_run run;

	(void)state;
	segments_prepare(s, SEGMENT_TABLES, 3 * SEGMENT_WORDS - 100);
	assert_int_equal(store.nr_segments, 3);
	assert_int_equal(store.nr_adds, 1);
	segments_prepare(s, SEGMENT_TABLES, 3 * SEGMENT_WORDS);
	assert_int_equal(store.nr_segments, 3);
	assert_int_equal(segments_get(s, SEGMENT_TABLES, 100, &run), 0);
	assert_int_equal(store.nr_segments, 3);
	/* More than there may be: what is there has to be freed first. */
	segments_prepare(s, SEGMENT_TABLES, 8 * SEGMENT_WORDS);
	assert_int_equal(store.nr_segments, 3);
	segments_free(s);
}

static void test_mapped(void **state)
{
	struct segments *s = new_segments(16 << 20);
	struct segment_run runs[100];

	(void)state;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(segments_get(s, SEGMENT_TABLES, 12000, &runs[i]), 0);
		*segments_at(s, runs[i].location) = (uint32_t)i;
	}
	assert_true(store.most_mapped <= 32);
	for (int i = 0; i < 100; i++)
		assert_int_equal(*segments_at(s, runs[i].location), i);
	segments_trim(s, 3);
	assert_int_equal(store.nr_mapped, 3);
	segments_free(s);
}

/* Each run is filled with its own number; who overlaps is found out. */
static void test_random(void **state)
{
	enum { RUNS = 500, STEPS = 40000 };
	static struct segment_run runs[RUNS];
	struct segments *s = new_segments(24 << 20);

	(void)state;
	memset(runs, 0, sizeof(runs));
	srandom(7);
	for (int step = 0; step < STEPS; step++) {
		uint32_t i = (uint32_t)random() % RUNS;
		uint32_t words = (uint32_t)random() % (random() % 8 ? 500 : ABI_BLOCK_WORDS) + 1;
		uint32_t *at;

		if (runs[i].words) {
			at = segments_at(s, runs[i].location);
			for (uint32_t n = 0; n < runs[i].words; n++)
				assert_int_equal(at[n], i);
			segments_give_up(s, runs[i]);
			runs[i].words = 0;
		} else if (!segments_get(s, (enum segment_pool)(i % 2), words, &runs[i])) {
			assert_true(runs[i].location % ABI_BLOCK_WORDS + runs[i].words <=
				    ABI_BLOCK_WORDS);
			assert_true(runs[i].words >= words && runs[i].location);
			at = segments_at(s, runs[i].location);
			for (uint32_t n = 0; n < runs[i].words; n++)
				at[n] = i;
		} else {
			fail();
		}
		if (!(step % 64))
			reclaim(s);
	}
	for (uint32_t i = 0; i < RUNS; i++)
		if (runs[i].words)
			segments_give_up(s, runs[i]);
	reclaim(s);
	assert_int_equal(segments_room(s, SEGMENT_TABLES), segments_capacity(s, SEGMENT_TABLES));
	segments_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first),  cmocka_unit_test(test_steps),
		cmocka_unit_test(test_bound),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_mapped), cmocka_unit_test(test_prepare),
		cmocka_unit_test(test_spare),  cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
