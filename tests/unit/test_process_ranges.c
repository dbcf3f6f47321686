// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "process/ranges.h"

enum { PAGES = 64 };

/* What ranges are to be: a file and an offset for each page. */
struct model {
	uint32_t file[PAGES];
	uint64_t offset[PAGES];
};

static struct ranges_budget budget = { .max = 1 << 24 };

static struct range range(unsigned from, unsigned to, uint32_t file, uint64_t offset)
{
	return (struct range){ from, to, offset, file, 0 };
}

static void paint_model(struct model *m, const struct range *r, bool replace)
{
	for (uint64_t i = r->start; i < r->end; i++) {
		if (replace || !m->file[i]) {
			m->file[i] = r->file;
			m->offset[i] = r->offset + (i - r->start);
		}
	}
}

static void check(const struct ranges *r, const struct model *m)
{
	uint32_t hint = 0;

	for (uint32_t i = 0; r && i < r->nr; i++) {
		assert_true(r->r[i].start < r->r[i].end);
		if (i)
			assert_true(r->r[i - 1].end <= r->r[i].start);
	}
	for (uint64_t i = 0; i < PAGES; i++) {
		const struct range *found = ranges_find(r, i, &hint);

		assert_int_equal(found ? found->file : 0, m->file[i]);
		if (found)
			assert_int_equal(i - found->start + found->offset, m->offset[i]);
	}
}

static struct range any_range(void)
{
	unsigned from = (unsigned)rand() % (PAGES - 1),
		 to = from + 1 + (unsigned)rand() % (PAGES - from - 1);

	/* Few files and offsets that often run on, so that neighbours are joined. */
	return range(from, to, 1 + (unsigned)rand() % 3, (unsigned)rand() % 2 ? from : from + 7);
}

static void test_insert_model(void **state)
{
	(void)state;
	srand(1);
	for (int round = 0; round < 3000; round++) {
		struct ranges *r = NULL, *shared = NULL;
		struct model m = { 0 }, old = { 0 };

		for (int i = 0; i < 20; i++) {
			struct range new = any_range();

			if (i == 10) {
				shared = ranges_share(r);
				old = m;
			}
			assert_true(ranges_insert(&r, &new, &budget) >= 0);
			paint_model(&m, &new, true);
			check(r, &m);
		}
		check(shared, &old);
		ranges_drop(shared, &budget);
		ranges_drop(r, &budget);
		assert_int_equal(budget.used, 0);
	}
}

static void test_overlay_model(void **state)
{
	(void)state;
	srand(2);
	for (int round = 0; round < 20000; round++) {
		struct ranges *a = NULL, *b = NULL;
		struct model m = { 0 };
		bool replace = rand() % 2;
		int r;

		for (int i = rand() % 6; i > 0; i--) {
			struct range new = any_range();

			ranges_insert(&a, &new, &budget);
			paint_model(&m, &new, true);
		}
		for (int i = rand() % 6; i > 0; i--) {
			struct range new = any_range();

			ranges_insert(&b, &new, &budget);
		}
		for (uint32_t i = 0; b && i < b->nr; i++)
			paint_model(&m, &b->r[i], replace);
		r = b ? ranges_overlay(&a, b->r, b->nr, replace, &budget) : 0;
		assert_true(r >= 0);
		check(a, &m);
		if (b)
			assert_int_equal(ranges_overlay(&a, b->r, b->nr, replace, &budget), 0);
		ranges_drop(a, &budget);
		ranges_drop(b, &budget);
		assert_int_equal(budget.used, 0);
	}
}

static void test_join(void **state)
{
	struct range first = range(10, 20, 1, 100), second = range(20, 30, 1, 110),
		     other = range(30, 40, 1, 200), middle = range(15, 16, 1, 105);
	struct ranges *r = NULL;

	(void)state;
	ranges_insert(&r, &first, &budget);
	ranges_insert(&r, &second, &budget);
	assert_int_equal(r->nr, 1);
	ranges_insert(&r, &other, &budget);
	assert_int_equal(r->nr, 2);
	assert_int_equal(ranges_insert(&r, &middle, &budget), 0);
	assert_int_equal(r->nr, 2);
	ranges_drop(r, &budget);
}

static void test_bounds(void **state)
{
	struct ranges_budget small = { .max = 1000 };
	struct range far = { 1u << 30, 1u << 31, 0, 1, 0 };
	struct ranges *r = NULL;
	int err = 0;

	(void)state;
	for (unsigned i = 0; i < 2000 && err >= 0; i++) {
		struct range new = range(i * 2, i * 2 + 1, 1, 0);

		err = ranges_insert(&r, &new, &small);
	}
	assert_int_equal(err, -ENOSPC);
	assert_true(small.used <= small.max && r->nr > 5);
	ranges_drop(r, &small);
	assert_int_equal(small.used, 0);
	r = NULL;
	for (unsigned i = 0; i < RANGES_MAX; i++) {
		struct range new = range(i * 2, i * 2 + 1, 1, 0);

		assert_true(ranges_insert(&r, &new, &budget) >= 0);
	}
	assert_int_equal(ranges_insert(&r, &far, &budget), -ENOSPC);
	assert_int_equal(r->nr, RANGES_MAX);
	ranges_drop(r, &budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_insert_model),
		cmocka_unit_test(test_overlay_model),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
