// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When compiled tables go to disk: behind what a sample waits for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <dirent.h>
#include <unistd.h>

#include <cmocka.h>

#include "tracker_fixture.h"
#include "tables_fixture.h"

enum { TOKEN = 7, SIZE = 1 << 20 };
static const uint64_t start = 0x7f0000000000, other_start = 0x7f1000000000;
static const char shell[] = "/bin/sh", list[] = "/bin/ls";
static char folder[64];

static int cache_set_up(void **state)
{
	struct tables_fixture *t;

	if (tables_set_up(state))
		return -1;
	t = *state;
	strcpy(folder, "/tmp/bpfprof-test-tables-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(unwind_cache_open(&t->tables->cache, folder, 64 << 20), 0);
	return 0;
}

/* Files in the folder, which it removes. */
static unsigned take_files(void)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	unsigned nr = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		assert_int_equal(unlinkat(dirfd(d), e->d_name, 0), 0);
		nr++;
	}
	closedir(d);
	return nr;
}

static int cache_tear_down(void **state)
{
	int r = tables_tear_down(state);

	take_files();
	return r ? r : rmdir(folder);
}

static void ask_for(struct tables_fixture *t, uint64_t address)
{
	let_time_pass(t);
	ask(t, 200, PID, TOKEN, address);
	assert_int_equal(kind_in(t, TOKEN, address), ABI_MAPPING_TABLE);
}

static void test_behind_the_answer(void **state)
{
	struct tables_fixture *t = *state;

	map_file(t, 100, PID, start, SIZE, 0, shell);
	ask_for(t, start + 0x8000);
	assert_int_equal(take_files(), 0);
	drain(t);
	assert_int_equal(take_files(), 1);
	drain(t);
	assert_int_equal(take_files(), 0);
}

/* One compiled table is kept in memory, not many. */
static void test_one_at_a_time(void **state)
{
	struct tables_fixture *t = *state;
	size_t before;

	map_file(t, 100, PID, start, SIZE, 0, shell);
	map_file(t, 101, PID, other_start, SIZE, 0, list);
	ask_for(t, start + 0x8000);
	ask_for(t, other_start + 0x8000);
	assert_int_equal(take_files(), 1);
	before = tables_memory(t->tables);
	drain(t);
	assert_int_equal(take_files(), 1);
	assert_true(tables_memory(t->tables) < before);
}

/* What was compiled last is there at the next start, and is not written again. */
static void test_next_start(void **state)
{
	struct tables_fixture *t = *state;
	struct unwind_cache *cache;

	map_file(t, 100, PID, start, SIZE, 0, shell);
	ask_for(t, start + 0x8000);
	tables_keep(t->tables);
	cache = t->tables->cache;
	t->tables->cache = NULL;
	tables_tear_down(state);
	assert_int_equal(tables_set_up(state), 0);
	t = *state;
	t->tables->cache = cache;
	map_file(t, 100, PID, start, SIZE, 0, shell);
	ask_for(t, start + 0x8000);
	assert_null(t->tables->fresh);
	assert_int_equal(take_files(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_behind_the_answer, cache_set_up,
						cache_tear_down),
		cmocka_unit_test_setup_teardown(test_one_at_a_time, cache_set_up, cache_tear_down),
		cmocka_unit_test_setup_teardown(test_next_start, cache_set_up, cache_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
