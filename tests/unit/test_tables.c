// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What walks are given: tables of files, lists of mappings, entries of address spaces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <dirent.h>
#include <dlfcn.h>
#include <libgen.h>
#include <link.h>
#include <unistd.h>

#include <cmocka.h>

#include "tracker_fixture.h"
#include "tables_fixture.h"

/* Where this machine has them. */
static char libc[4096], libm[4096];
static const char shell[] = "/bin/sh";

static void find_library(const char *name, char path[4096])
{
	void *library = dlopen(name, RTLD_NOW);
	struct link_map *map;

	assert_non_null(library);
	assert_int_equal(dlinfo(library, RTLD_DI_LINKMAP, &map), 0);
	assert_non_null(realpath(map->l_name, path));
}

static int find_libraries(void **state)
{
	(void)state;
	find_library("libc.so.6", libc);
	find_library("libm.so.6", libm);
	return 0;
}

enum { TOKEN = 0x1234567800, OTHER_TOKEN = 0x8765432105 };
static const uint64_t base = 0x7f0000000000, other_base = 0x7f2000000000;

static size_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return ((size_t)st.st_size + 4095) & ~(size_t)4095;
}

/* As a loader maps it: each executable segment by whole pages. */
static void map_text(struct tables_fixture *t, uint64_t time, uint32_t pid, uint64_t bias,
		     const char *path, const struct unwind_table *u)
{
	for (uint32_t i = 0; i < u->nr_segments; i++) {
		const struct unwind_segment *s = &u->segments[i];
		uint64_t before = s->offset % 4096;

		map_file(t, time, pid, bias + s->address - before,
			 (s->size + before + 4095) & ~4095ull, s->offset - before, path);
	}
}

/* At random addresses of its code: the walk finds the rule that the table has. */
static void check_rules(struct tables_fixture *t, uint64_t token, uint64_t bias,
			const struct unwind_table *u)
{
	struct walk w;

	assert_true(find_list(t->entries, token, &w));
	srandom(1);
	for (int n = 0; n < 20000; n++) {
		const struct unwind_segment *s = &u->segments[(uint32_t)n % u->nr_segments];
		uint64_t address = s->address + ((uint64_t)random() << 16 ^ random()) % s->size;
		struct cfi_rule full, found;
		uint32_t index = 0, rule = unwind_table_rule(u, address, &full), got;

		assert_true(walk_find_mapping(&w, bias + address));
		if (w.kind == ABI_MAPPING_NO_TABLE) {
			assert_int_equal(rule, CFI_GAP);
			continue;
		}
		assert_int_equal(w.kind, ABI_MAPPING_TABLE);
		got = walk_find_rule(&w, bias + address, &index);
		assert_int_equal(got, rule);
		if (rule < CFI_FULL)
			continue;
		memcpy(&found,
		       walk_block(NULL, index) + index % ABI_BLOCK_WORDS -
			       CFI_RULE_WORDS * (rule - CFI_FULL + 1),
		       sizeof(found));
		assert_memory_equal(&found, &full, sizeof(full));
	}
}

static void test_rules(void **state)
{
	const char *const paths[] = { libc, shell, "/usr/lib/llvm-14/lib/libLLVM-14.so.1",
				      "/usr/bin/gdb", libm };
	struct tables_fixture *t = *state;
	uint64_t bias[5];

	for (uint32_t i = 0; i < 5; i++) {
		_cleanup_(unwind_table_freep) struct unwind_table *u = NULL;

		if (access(paths[i], R_OK) < 0)
			continue;
		u = compiled(paths[i]);
		bias[i] = base + i * 0x1000000000;
		map_text(t, 100 + i, PID, bias[i], paths[i], u);
		let_time_pass(t);
		ask(t, 200 + i, PID, TOKEN, bias[i] + u->segments[0].address + 100);
		drain(t);
		check_rules(t, TOKEN, bias[i], u);
	}
	for (uint32_t i = 0; i < 5; i++) {
		_cleanup_(unwind_table_freep) struct unwind_table *u = NULL;

		if (access(paths[i], R_OK) < 0)
			continue;
		u = compiled(paths[i]);
		check_rules(t, TOKEN, bias[i], u);
	}
}

/* Only what was asked for gets a table; what has one gets it in every space. */
static void test_lazy(void **state)
{
	struct tables_fixture *t = *state;
	struct walk w;

	map_file(t, 100, PID, base, size_of(libc), 0, libc);
	map_file(t, 101, PID, other_base, size_of(libm), 0, libm);
	map_file(t, 102, OTHER, base, size_of(libm), 0, libm);
	assert_false(find_list(t->entries, TOKEN, &w));
	ask(t, 200, PID, TOKEN, base + 0x40000);
	assert_int_equal(kind_in(t, TOKEN, base + 0x40000), ABI_MAPPING_TABLE);
	assert_int_equal(kind_in(t, TOKEN, other_base + 0x40000), ABI_MAPPING_UNKNOWN);
	ask(t, 201, OTHER, OTHER_TOKEN, base + 0x40000);
	assert_int_equal(kind_in(t, OTHER_TOKEN, base + 0x40000), ABI_MAPPING_TABLE);
	drain(t);
	assert_int_equal(kind_in(t, TOKEN, other_base + 0x40000), ABI_MAPPING_TABLE);
	/* A third space gets both at once, whatever it asks for. */
	map_file(t, 300, THIRD, base, size_of(libc), 0, libc);
	map_file(t, 301, THIRD, other_base, size_of(libm), 0, libm);
	ask(t, 400, THIRD, 77, 0x1000);
	assert_int_equal(kind_in(t, 77, base + 0x40000), ABI_MAPPING_TABLE);
	assert_int_equal(kind_in(t, 77, other_base + 0x40000), ABI_MAPPING_TABLE);
}

static void test_no_tables(void **state)
{
	struct tables_fixture *t = *state;
	struct tables_counts counts;

	map_file(t, 100, PID, base, 0x10000, 0, "/no/such/file");
	map_file(t, 101, PID, base + 0x20000, 0x10000, 0, "//anon");
	map_file(t, 102, PID, base + 0x40000, 0x1000, 0, "[uprobes]");
	ask(t, 200, PID, TOKEN, base + 0x30000);
	assert_int_equal(kind_in(t, TOKEN, base), ABI_MAPPING_UNKNOWN);
	assert_int_equal(kind_in(t, TOKEN, base + 0x20000), ABI_MAPPING_NO_TABLE);
	assert_int_equal(kind_in(t, TOKEN, base + 0x40fff), ABI_MAPPING_NO_TABLE);
	assert_int_equal(kind_in(t, TOKEN, base + 0x41000), ABI_MAPPING_UNKNOWN);
	let_time_pass(t);
	ask(t, 201, PID, TOKEN, base + 0x1000);
	assert_int_equal(kind_in(t, TOKEN, base + 0x1000), ABI_MAPPING_NO_TABLE);
	tables_count(t->tables, &counts);
	assert_int_equal(counts.no_table, 1);
}

static void test_vdso(void **state)
{
	struct tables_fixture *t = *state;

	map_file(t, 100, PID, base, 0x2000, 0, "[vdso]");
	ask(t, 200, PID, TOKEN, base + 0x800);
	assert_int_equal(kind_in(t, TOKEN, base + 0x800), ABI_MAPPING_TABLE);
}

/* dlclose and dlopen: other code at the same address. */
static void test_replaced(void **state)
{
	struct tables_fixture *t = *state;
	struct walk before, after;

	map_file(t, 100, PID, base, 0x100000, 0, libc);
	ask(t, 200, PID, TOKEN, base + 0x40000);
	assert_true(find_list(t->entries, TOKEN, &before));
	assert_true(tables_is_current(t->tables, TOKEN, before.mappings));
	/* More is mapped: what was walked by the list was right. */
	map_file(t, 300, PID, other_base, 0x1000, 0, "//anon");
	assert_true(tables_is_current(t->tables, TOKEN, before.mappings));
	drain(t);
	assert_true(find_list(t->entries, TOKEN, &after));
	assert_int_not_equal(after.mappings, before.mappings);
	assert_int_equal(after.nr_mappings, before.nr_mappings + 1);
	/* The one before is as good, for those who still had it. */
	assert_true(tables_is_current(t->tables, TOKEN, before.mappings));
	assert_true(tables_is_current(t->tables, TOKEN, after.mappings));
	map_file(t, 400, PID, base, 0x80000, 0, libm);
	assert_false(tables_is_current(t->tables, TOKEN, before.mappings));
	assert_false(tables_is_current(t->tables, TOKEN, after.mappings));
	let_time_pass(t);
	before = after;
	drain(t);
	assert_true(find_list(t->entries, TOKEN, &after));
	assert_true(tables_is_current(t->tables, TOKEN, after.mappings));
	assert_false(tables_is_current(t->tables, TOKEN, before.mappings));
	assert_false(tables_is_current(t->tables, OTHER_TOKEN, before.mappings));
	/* libm was not asked for. */
	assert_int_equal(kind_in(t, TOKEN, base + 0x40000), ABI_MAPPING_UNKNOWN);
	assert_int_equal(kind_in(t, TOKEN, base + 0x90000), ABI_MAPPING_TABLE);
}

/* A list that walks may read is not written to before a barrier and the drain behind it. */
static void test_list_stays(void **state)
{
	struct tables_fixture *t = *state;
	struct walk first, w;
	uint64_t words[3];

	map_file(t, 100, PID, base, 0x1000, 0, "//anon");
	ask(t, 200, PID, TOKEN, base);
	assert_true(find_list(t->entries, TOKEN, &first));
	memcpy(words, walk_block(NULL, first.mappings) + first.mappings % ABI_BLOCK_WORDS, 24);
	for (uint32_t i = 0; i < 20; i++) {
		map_file(t, 300 + i, PID, base + 0x10000 * (i + 1), 0x1000, 0, "//anon");
		let_time_pass(t);
		ask(t, 300 + i, PID, TOKEN, base);
		assert_int_equal(tables_tend(t->tables), 0);
		assert_true(find_list(t->entries, TOKEN, &w));
		assert_int_equal(w.nr_mappings, i + 2);
		assert_memory_equal(
			words, walk_block(NULL, first.mappings) + first.mappings % ABI_BLOCK_WORDS,
			24);
	}
	assert_true(t->tables->nr_published == 1);
	tables_barrier(t->tables);
	assert_memory_equal(
		words, walk_block(NULL, first.mappings) + first.mappings % ABI_BLOCK_WORDS, 24);
	assert_int_equal(tables_tend(t->tables), 0);
	/* Now one of one mapping is put where the first was. */
	map_file(t, 400, OTHER, base, 0x1000, 0, "//anon");
	ask(t, 401, OTHER, OTHER_TOKEN, base);
	assert_true(find_list(t->entries, OTHER_TOKEN, &w));
	assert_int_equal(w.mappings, first.mappings);
}

static void test_ends(void **state)
{
	struct tables_fixture *t = *state;
	struct walk w;

	map_file(t, 100, PID, base, 0x1000, 0, "//anon");
	ask(t, 200, PID, TOKEN, base);
	happen(&t->f, PROCESS_EXIT, 300, PID, PID, 0);
	drain(t);
	assert_true(find_list(t->entries, TOKEN, &w));
	tracker_forget(t->f.tracker, 2000000000);
	drain(t);
	assert_false(find_list(t->entries, TOKEN, &w));
	assert_int_equal(t->tables->nr_published, 1);
	tables_barrier(t->tables);
	assert_int_equal(t->tables->nr_published, 1);
	assert_int_equal(tables_tend(t->tables), 0);
	assert_int_equal(t->tables->nr_published, 0);
}

/* After an exec its token is another one; the ask's time says which space is meant. */
static void test_exec(void **state)
{
	struct tables_fixture *t = *state;

	map_file(t, 100, PID, base, 0x1000, 0, "//anon");
	happen(&t->f, PROCESS_EXEC, 200, PID, PID, 0);
	map_file(t, 201, PID, other_base, 0x1000, 0, "//anon");
	ask(t, 150, PID, TOKEN, base);
	ask(t, 250, PID, OTHER_TOKEN, other_base);
	assert_int_equal(kind_in(t, TOKEN, base), ABI_MAPPING_NO_TABLE);
	assert_int_equal(kind_in(t, TOKEN, other_base), ABI_MAPPING_UNKNOWN);
	assert_int_equal(kind_in(t, OTHER_TOKEN, other_base), ABI_MAPPING_NO_TABLE);
	assert_int_equal(kind_in(t, OTHER_TOKEN, base), ABI_MAPPING_UNKNOWN);
}

/* Tokens that want the same entries: the one that was used longest ago leaves. */
static void test_entries(void **state)
{
	struct tables_fixture *t = *state;
	struct walk w;

	for (uint32_t i = 0; i < ABI_SPACE_PROBES; i++) {
		map_file(t, 100 + i, PID + i, base, 0x1000, 0, "//anon");
		ask(t, 200 + i, PID + i, NR_ENTRIES * (i + 1) - 1, base);
		assert_int_equal(kind_in(t, NR_ENTRIES * (i + 1) - 1, base), ABI_MAPPING_NO_TABLE);
	}
	assert_true(find_list(t->entries, NR_ENTRIES - 1, &w));
	assert_true(tables_is_current(t->tables, NR_ENTRIES - 1, w.mappings));
	map_file(t, 300, PID + 10, base, 0x1000, 0, "//anon");
	ask(t, 400, PID + 10, NR_ENTRIES * 10 - 1, base);
	assert_false(find_list(t->entries, NR_ENTRIES * 10 - 1, &w));
	assert_true(find_list(t->entries, NR_ENTRIES - 1, &w));
	assert_false(find_list(t->entries, NR_ENTRIES * 2 - 1, &w));
	/* It comes by itself once its entry is free. */
	drain(t);
	assert_false(find_list(t->entries, NR_ENTRIES * 10 - 1, &w));
	drain(t);
	assert_int_equal(kind_in(t, NR_ENTRIES * 10 - 1, base), ABI_MAPPING_NO_TABLE);
}

/* More mappings than a list has room for. */
static void test_many(void **state)
{
	struct tables_fixture *t = *state;
	struct tables_counts counts;
	struct walk w;

	for (uint32_t i = 0; i < 5000; i++) {
		map_file(t, 100 + i, PID, base + i * 0x2000ull, 0x1000, 0, "//anon");
		map_file(t, 100 + i, OTHER, base + i * 0x100000ull, 0x10000, 0x40000, libc);
	}
	ask(t, 9000, PID, TOKEN, base);
	assert_true(find_list(t->entries, TOKEN, &w));
	assert_int_equal(w.nr_mappings, 1);
	assert_int_equal(kind_in(t, TOKEN, base + 4999 * 0x2000ull), ABI_MAPPING_NO_TABLE);
	tables_count(t->tables, &counts);
	assert_int_equal(counts.left_out, 0);
	ask(t, 9000, OTHER, OTHER_TOKEN, base);
	assert_true(find_list(t->entries, OTHER_TOKEN, &w));
	assert_int_equal(w.nr_mappings, ABI_MAX_MAPPINGS);
	assert_int_equal(kind_in(t, OTHER_TOKEN, base), ABI_MAPPING_TABLE);
	assert_int_equal(kind_in(t, OTHER_TOKEN, base + (ABI_MAX_MAPPINGS - 1) * 0x100000ull),
			 ABI_MAPPING_TABLE);
	tables_count(t->tables, &counts);
	assert_int_equal(counts.left_out, 5000 - ABI_MAX_MAPPINGS);
}

/* Who maps all the time is published less and less often, and loses nothing but that. */
static void test_loop(void **state)
{
	struct tables_fixture *t = *state;
	uint32_t nr = 0, last = 0;
	struct walk w;

	map_file(t, 100, PID, base, 0x1000, 0, "//anon");
	ask(t, 200, PID, TOKEN, base);
	for (uint32_t i = 0; i < 100; i++) {
		map_file(t, 300 + i, PID, base + 0x10000 * (i + 1), 0x1000, 0, "//anon");
		usleep(2000);
		drain(t);
		assert_true(find_list(t->entries, TOKEN, &w));
		nr += w.nr_mappings != last;
		last = w.nr_mappings;
	}
	assert_in_range(nr, 2, 20);
	assert_true(t->tables->published[0]->wait >= 40000000);
}

static uint64_t any_number(void)
{
	uint64_t n = (uint64_t)random() << 32 ^ (uint64_t)random() << 16 ^ (uint64_t)random();

	switch (random() % 4) {
	case 0:
		return n % 0x200000;
	case 1:
		return -(n % 0x2000);
	case 2:
		return n >> random() % 64;
	default:
		return n & ~0xfffull;
	}
}

/* Whatever a file says of its segments: lists ascend, and name pages that the table has. */
static void test_hostile_segments(void **state)
{
	struct tables_fixture *t = *state;
	struct table *table;
	uint32_t object;

	map_file(t, 100, PID, base, 0x400000, 0, libc);
	ask(t, 200, PID, TOKEN, base + 0x40000);
	for (object = 0; !t->tables->tables[object]; object++)
		;
	table = t->tables->tables[object];
	for (uint32_t n = 0; n < 20000; n++) {
		uint64_t before = 0;

		table->first_page = any_number() >> CFI_PAGE_SHIFT;
		for (uint32_t i = 0; i < table->nr_segments; i++)
			table->segments[i] = (struct unwind_segment){ any_number(), any_number(),
								      any_number() };
		map_file(t, 300 + n, PID, base, 0x400000, any_number() & ~0xfffull, libc);
		let_time_pass(t);
		assert_int_equal(tables_publish(t->tables, t->tables->published[0]), 0);
		for (uint32_t i = 0; i < t->tables->nr_list; i++) {
			const struct abi_mapping *l = &t->tables->list[i];
			uint64_t pages = (l->low + (l->end - l->start) + 0xffff) >> CFI_PAGE_SHIFT;

			assert_true(l->start >= before && l->end > l->start);
			before = l->end;
			if (l->kind == ABI_MAPPING_TABLE)
				assert_true(l->page >= table->runs[0].location &&
					    l->page + pages <=
						    table->runs[0].location + table->nr_pages);
		}
		assert_true(before <= base + 0x400000);
	}
}

static int small(void **state)
{
	return tables_set_up_with(state, 1 << 20);
}

enum { LIBRARIES = 40 };

/* Libraries of this machine, that together have more tables than the store has room for. */
static uint32_t some_libraries(char paths[LIBRARIES][4096])
{
	char *copy = strdup(libc), *folder = dirname(copy);
	_cleanup_closedir_ DIR *dir = opendir(folder);
	const struct dirent *e;
	uint32_t nr = 0;

	assert_non_null(dir);
	while (nr < LIBRARIES && (e = readdir(dir))) {
		struct stat st;

		snprintf(paths[nr], sizeof(paths[nr]), "%s/%s", folder, e->d_name);
		nr += strstr(e->d_name, ".so") && !lstat(paths[nr], &st) && S_ISREG(st.st_mode) &&
		      st.st_size > 200000;
	}
	free(copy);
	return nr;
}

/* One after the other has to leave for the next; what is asked for is there in the end. */
static void test_leave(void **state)
{
	static char paths[LIBRARIES][4096];
	struct tables_fixture *t = *state;
	uint32_t nr = some_libraries(paths), loaded = 0;
	struct tables_counts counts;

	for (uint32_t i = 0; i < 3 * nr; i++) {
		uint64_t at = base + i % nr * 0x100000000;
		uint32_t n;

		map_file(t, 100, PID, at, size_of(paths[i % nr]), 0, paths[i % nr]);
		ask(t, 200, PID, TOKEN, at + 0x1000);
		for (n = 0; n < 8; n++) {
			let_time_pass(t);
			drain(t);
		}
		for (n = 0; n < t->tables->nr_list; n++)
			if (t->tables->list[n].start >= at &&
			    t->tables->list[n].end <= at + 0x100000000 &&
			    t->tables->list[n].kind == ABI_MAPPING_TABLE)
				break;
		loaded += n < t->tables->nr_list;
		assert_true(tables_memory(t->tables) < 1400 << 10);
	}
	tables_count(t->tables, &counts);
	print_message("%u libraries, left %lu, no room %lu, there %u of %u\n", nr,
		      (unsigned long)counts.left, (unsigned long)counts.no_room, loaded, 3 * nr);
	assert_true(counts.left > 0);
	assert_true(loaded > 2 * nr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TABLES_TEST(test_rules),
		TABLES_TEST(test_lazy),
		TABLES_TEST(test_no_tables),
		TABLES_TEST(test_vdso),
		TABLES_TEST(test_replaced),
		TABLES_TEST(test_list_stays),
		TABLES_TEST(test_ends),
		TABLES_TEST(test_exec),
		TABLES_TEST(test_entries),
		TABLES_TEST(test_many),
		TABLES_TEST(test_loop),
		TABLES_TEST(test_hostile_segments),
		cmocka_unit_test_setup_teardown(test_leave, small, tables_tear_down),
	};

	return cmocka_run_group_tests(tests, find_libraries, NULL);
}
