// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Processes that just started, and execute what is known to have an interpreter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/now.h"
#include "tracker_fixture.h"
#include "tables_fixture.h"
#include "walk/runtimes.h"

enum { TOKEN = 0x1234567800, NR_RUNTIMES = 8 };
static const uint64_t base = 0x7f0000000000;

static struct abi_runtime entries[NR_RUNTIMES];

static struct published *start(struct tables_fixture *t, uint64_t time)
{
	struct abi_ask a = { .type = ABI_START, .tgid = PID, .space = TOKEN, .time = time };

	map_file(t, time - 1, PID, base, 0x1000, 0, "//anon");
	assert_int_equal(tables_start(t->tables, &a), 0);
	return tables_find(t->tables, TOKEN);
}

/* Its libraries are mapped while nobody asks. */
static void test_looked_at(void **state)
{
	struct tables_fixture *t = *state;
	struct published *p;
	struct walk w;

	assert_int_equal(runtimes_new(&t->tables->runtimes, entries, NR_RUNTIMES, t->f.tracker,
				      &t->f.capture),
			 0);
	p = start(t, now_ns());
	assert_non_null(p);
	assert_true(find_list(t->entries, TOKEN, &w));
	for (int i = 0; i < 3; i++) {
		drain(t);
		assert_true(tables_pending(t->tables));
	}
	/* It has none, after all. */
	p->starts = now_ns();
	drain(t);
	assert_false(tables_pending(t->tables));
}

/* What was said too late is over. */
static void test_too_late(void **state)
{
	struct tables_fixture *t = *state;

	assert_int_equal(runtimes_new(&t->tables->runtimes, entries, NR_RUNTIMES, t->f.tracker,
				      &t->f.capture),
			 0);
	assert_non_null(start(t, now_ns() - 1000000000));
	drain(t);
	assert_false(tables_pending(t->tables));
}

/* Nobody waits where interpreters are not looked for. */
static void test_nothing_to_look_for(void **state)
{
	struct tables_fixture *t = *state;

	assert_non_null(start(t, now_ns()));
	drain(t);
	assert_false(tables_pending(t->tables));
}

/* Where looking at all takes long, those that can't wait are looked at all the same. */
static void test_many(void **state)
{
	struct tables_fixture *t = *state;
	struct published *p, *other;
	struct abi_ask a = { .type = ABI_ASK, .tgid = PID + 1, .space = 5, .time = now_ns() };

	assert_int_equal(runtimes_new(&t->tables->runtimes, entries, NR_RUNTIMES, t->f.tracker,
				      &t->f.capture),
			 0);
	map_file(t, a.time - 1, PID + 1, base, 0x1000, 0, "//anon");
	assert_int_equal(tables_answer(t->tables, &a), 0);
	other = tables_find(t->tables, 5);
	p = start(t, now_ns());
	drain(t);
	map_file(t, now_ns(), PID, base + 0x10000, 0x1000, 0, "//anon");
	map_file(t, now_ns(), PID + 1, base + 0x10000, 0x1000, 0, "//anon");
	let_time_pass(t);
	t->tables->scan_again = UINT64_MAX;
	assert_int_equal(tables_tend(t->tables), 0);
	assert_int_equal(kind_in(t, TOKEN, base + 0x10000), ABI_MAPPING_NO_TABLE);
	assert_int_equal(kind_in(t, 5, base + 0x10000), ABI_MAPPING_UNKNOWN);
	assert_true(tables_pending(t->tables));
	drain(t);
	assert_int_equal(kind_in(t, 5, base + 0x10000), ABI_MAPPING_NO_TABLE);
	assert_true(p->made > 1 && other->made > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLES_TEST(test_looked_at),
		TABLES_TEST(test_too_late),
		TABLES_TEST(test_nothing_to_look_for),
		TABLES_TEST(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
