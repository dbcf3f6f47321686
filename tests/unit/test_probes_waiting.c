// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* In which order files that processes map are looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "probe/waiting.h"

enum { ENEMY = 1, OTHER = 2, SECOND = 1000000000 };

static struct waiting w;

static int tear_down(void **state)
{
	(void)state;
	waiting_done(&w);
	return 0;
}

static bool add(uint32_t tgid, uint64_t address)
{
	return waiting_add(&w, &(struct space_key){ tgid, 0 }, address, 0);
}

static uint32_t owner_of(void *ctx, const struct space_key *key)
{
	(void)ctx;
	return key->tgid;
}

static void sort(void)
{
	waiting_sort(&w, owner_of, NULL);
}

static void check_next(uint32_t tgid, uint64_t address)
{
	struct waiting_file f;

	assert_true(waiting_take(&w, &f));
	assert_int_equal(f.key.tgid, tgid);
	assert_int_equal(f.owner, tgid);
	assert_int_equal(f.address, address);
}

static void in_their_order(void **state)
{
	struct waiting_file f;

	(void)state;
	assert_false(waiting_any(&w));
	assert_false(waiting_take(&w, &f));
	for (uint64_t round = 0; round < 100; round++) {
		for (uint64_t i = 0; i < 30; i++)
			assert_true(add(1 + i % 3, 30 * round + i));
		sort();
		for (uint64_t i = 0; i < 30; i++) {
			assert_true(waiting_any(&w));
			check_next(1 + i % 3, 30 * round + i);
			/* What comes meanwhile comes behind. */
			if (i == 10)
				assert_true(add(7, 0));
		}
		assert_false(waiting_take(&w, &f));
		sort();
		check_next(7, 0);
		assert_false(waiting_any(&w));
	}
	assert_int_equal(w.refused, 0);
}

static void who_costs_much_waits_apart(void **state)
{
	struct waiting_file f;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		assert_true(add(ENEMY, i));
	sort();
	check_next(ENEMY, 0);
	waiting_spent(&w, ENEMY, SECOND);
	for (uint64_t i = 0; i < 70; i++)
		assert_true(add(OTHER, i));
	sort();
	assert_false(waiting_take_later(&w, &f));
	for (uint64_t i = 0; i < 70; i++)
		check_next(OTHER, i);
	assert_false(waiting_take(&w, &f));
	assert_true(add(ENEMY, 1000));
	sort();
	/* All of them come at last, in their order. */
	for (uint64_t i = 1; i <= 1000; i++) {
		assert_true(waiting_take_later(&w, &f));
		assert_int_equal(f.owner, ENEMY);
		assert_int_equal(f.address, i);
	}
	assert_false(waiting_any(&w));
}

static void there_is_room_for_others(void **state)
{
	struct waiting_file f;
	unsigned nr = 0;

	(void)state;
	waiting_spent(&w, ENEMY, SECOND);
	for (uint64_t i = 0; i < 3 * WAITING_MOST; i++) {
		add(ENEMY, i);
		if (i % 1000 == 0)
			sort();
	}
	assert_true(w.refused > WAITING_MOST);
	sort();
	assert_true(add(OTHER, 5));
	sort();
	check_next(OTHER, 5);
	while (waiting_take_later(&w, &f))
		nr++;
	assert_int_equal(nr, WAITING_MOST);
	assert_in_range(waiting_memory(&w), 1, 4 * WAITING_MOST * sizeof(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(in_their_order, tear_down),
		cmocka_unit_test_teardown(who_costs_much_waits_apart, tear_down),
		cmocka_unit_test_teardown(there_is_room_for_others, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
