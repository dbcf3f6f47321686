// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The parts that reports are made of; whole reports are tested in tests/cli/report.bats. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "view/bars.h"
#include "view/grid.h"
#include "view/stacks.h"
#include "view/text.h"
#include "view/view.h"

static void check(struct strbuf *sb, const char *expected)
{
	assert_string_equal(strbuf_str(sb), expected);
	strbuf_reset(sb);
}

static void test_text(void **state)
{
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	text_cut(&sb, "na\u00efve", 5);
	check(&sb, "na\u00efve");
	text_cut(&sb, "na\u00efve", 4);
	check(&sb, "na\u00ef\u2026");
	text_cut(&sb, "abc", 1);
	check(&sb, "\u2026");
	text_cut(&sb, "abc", 0);
	check(&sb, "");
	text_right(&sb, "1 \u00b5s", 6);
	check(&sb, "  1 \u00b5s");
	text_percent(&sb, 1, 3);
	check(&sb, "33.3 %");
	text_percent(&sb, 1, 100000);
	check(&sb, "<0.1 %");
	text_percent(&sb, 0, 3);
	check(&sb, "0.0 %");
	text_percent(&sb, 0, 0);
	check(&sb, "");
	text_value(&sb, "nanoseconds", 1290000);
	check(&sb, "1.29 ms");
	text_value(&sb, "bytes", 1536);
	check(&sb, "1.50 KiB");
	text_value(&sb, "count", 1536);
	check(&sb, "1,536");
	strbuf_done(&sb);
}

static void test_put(void **state)
{
	struct view_settings ascii = { .width = 80 }, utf8 = { .width = 80, .utf8 = true };
	struct strbuf sb = STRBUF_INIT;
	char *bytes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);

	(void)state;
	strbuf_adds(&sb, "1 \u00b5s \u2026 \u2190 \u00e9  \n\nlast ");
	text_put(&sb, &ascii, out);
	assert_int_equal(sb.len, 0);
	strbuf_adds(&sb, "1 \u00b5s\n");
	text_put(&sb, &utf8, out);
	fclose(out);
	assert_string_equal(bytes, "1 us ~ < ?\n\nlast\n1 \u00b5s\n");
	free(bytes);
	strbuf_done(&sb);
}

static void add_cells(struct grid *g, const char *const *cells, size_t nr)
{
	struct strbuf cell = STRBUF_INIT;

	for (size_t i = 0; i < nr; i++) {
		strbuf_adds(&cell, cells[i]);
		grid_add(g, &cell);
	}
	strbuf_done(&cell);
}

static void write_grid(const struct grid *g, unsigned width, struct strbuf *sb)
{
	strbuf_reset(sb);
	grid_write(g, &(struct view_settings){ .width = width, .utf8 = true }, sb);
}

static void test_grid(void **state)
{
	static const char *const cells[] = { "7.00 s",	 "",	      "a_long_function_name",
					     "here.c:7", "1 s",	      "",
					     "f",	 "there.c:11" };
	struct strbuf sb = STRBUF_INIT;
	struct grid g = { 0 };

	(void)state;
	grid_column(&g, (struct grid_column){ .title = "self", .right = true });
	grid_column(&g, (struct grid_column){ .title = "nothing" });
	grid_column(&g, (struct grid_column){ .title = "function", .least = 10 });
	grid_column(&g, (struct grid_column){ .title = "where", .least = 9, .drop = 1 });
	add_cells(&g, cells, 8);
	write_grid(&g, 80, &sb);
	assert_string_equal(strbuf_str(&sb), "    self  function              where     \n"
					     "  7.00 s  a_long_function_name  here.c:7  \n"
					     "     1 s  f                     there.c:11\n");
	/* The widest text gives first. */
	write_grid(&g, 32, &sb);
	assert_string_equal(strbuf_str(&sb), "    self  function    where     \n"
					     "  7.00 s  a_long_fu\u2026  here.c:7  \n"
					     "     1 s  f           there.c:11\n");
	/* Then a column goes, and there is room again. */
	write_grid(&g, 30, &sb);
	assert_string_equal(strbuf_str(&sb), "    self  function            \n"
					     "  7.00 s  a_long_function_name\n"
					     "     1 s  f                   \n");
	write_grid(&g, 10, &sb);
	assert_non_null(strstr(strbuf_str(&sb), "7.00 s  a_long_\u2026\n"));
	grid_done(&g);
	strbuf_done(&sb);
}

/* Letters of two columns, and such as take none. */
static void test_wide(void **state)
{
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	text_cut(&sb, "\u6f22\u5b57\u6f22\u5b57", 8);
	assert_string_equal(strbuf_str(&sb), "\u6f22\u5b57\u6f22\u5b57");
	strbuf_reset(&sb);
	text_cut(&sb, "\u6f22\u5b57\u6f22\u5b57", 6);
	assert_string_equal(strbuf_str(&sb), "\u6f22\u5b57\u2026");
	strbuf_reset(&sb);
	text_right(&sb, "\u5b57e\u0301", 5);
	assert_string_equal(strbuf_str(&sb), "  \u5b57e\u0301");
	setlocale(LC_CTYPE, "C");
	strbuf_done(&sb);
}

static unsigned count_lines(const struct strbuf *sb)
{
	unsigned n = 0;

	for (const char *s = strbuf_str(sb); (s = strchr(s, '\n')); s++)
		n++;
	return n;
}

static void test_bars(void **state)
{
	struct view_settings ascii = { .width = 60 }, utf8 = { .width = 60, .utf8 = true };
	struct strbuf sb = STRBUF_INIT;
	struct hist *h = calloc(1, sizeof(*h));

	(void)state;
	assert_non_null(h);
	bars_write(h, "count", &ascii, &sb);
	check(&sb, "");
	hist_add(h, bucket_of(5), 16, 80, 5, 5);
	hist_add(h, bucket_of(6), 8, 48, 6, 6);
	hist_add(h, bucket_of(7), 1, 7, 7, 7);
	hist_add(h, bucket_of(20), 1, 20, 20, 20);
	bars_write(h, "count", &ascii, &sb);
	check(&sb, "          5 \u2013        6  16   61.5 %  #######################\n"
		   "          6 \u2013        7   8   30.8 %  ############\n"
		   "          7 \u2013        8   1    3.8 %  #\n"
		   "          \u2026\n"
		   "         20 \u2013       21   1    3.8 %  #\n");
	bars_write(h, "count", &utf8, &sb);
	/* 8 of 16 is half of 23 columns: 11 and four eighths. */
	assert_non_null(strstr(strbuf_str(&sb), "30.8 %  "
						"\u2588\u2588\u2588\u2588\u2588\u2588\u2588\u2588"
						"\u2588\u2588\u2588\u258c\n"));
	strbuf_reset(&sb);
	/* However wide the values range, it stays readable, and nothing is left out. */
	for (unsigned i = 0; i < BUCKET_COUNT; i++)
		hist_add(h, i, 1, bucket_from(i), bucket_from(i), bucket_from(i));
	bars_write(h, "nanoseconds", &utf8, &sb);
	assert_in_range(count_lines(&sb), BARS_MAX_LINES / 2, BARS_MAX_LINES);
	strbuf_done(&sb);
	free(h);
}

static uint32_t add_frame(struct profile *p, enum frame_kind kind, const char *name)
{
	struct frame f = { .kind = kind };
	uint32_t id = 0;

	assert_int_equal(profile_string(p, name, &f.function), 0);
	assert_int_equal(profile_frame(p, &f, &id), 0);
	return id;
}

static struct profile *make_profile(void)
{
	struct profile_info info = {
		.mode = "io", .values = { { "latency", "nanoseconds" }, { "requests", "count" } }
	};
	struct profile *p = NULL;
	struct who who = { .pid = 7, .tid = 7 };
	uint32_t frames[7], stack, who_id;

	assert_int_equal(profile_new(&p, &info), 0);
	frames[0] = add_frame(p, FRAME_KERNEL, "submit_bio_noacct");
	frames[1] = add_frame(p, FRAME_KERNEL, "ext4_mpage_readpages");
	frames[2] = add_frame(p, FRAME_KERNEL, "vfs_read");
	frames[3] = add_frame(p, FRAME_KERNEL, "ksys_read");
	frames[4] = add_frame(p, FRAME_KERNEL, "do_syscall_64");
	frames[5] = add_frame(p, FRAME_NATIVE, "pread64");
	frames[6] = add_frame(p, FRAME_NATIVE, "main");
	assert_int_equal(profile_string(p, "fio", &who.comm), 0);
	/* Two threads of a process are one row. */
	for (who.tid = 7; who.tid < 9; who.tid++) {
		assert_int_equal(profile_who(p, &who, &who_id), 0);
		assert_int_equal(profile_stack(p, &(struct stack){ 7, frames }, &stack), 0);
		assert_int_equal(profile_add(p, &(struct sample){ .stack = stack,
								  .who = who_id,
								  .bucket = BUCKET_NONE,
								  .count = 2,
								  .total = 3000 }),
				 0);
	}
	return p;
}

static void test_stacks(void **state)
{
	struct strbuf sb = STRBUF_INIT;
	struct profile *p = make_profile();

	(void)state;
	assert_int_equal(stacks_write(p, &(struct view_settings){ .width = 50 }, 5, &sb), 0);
	check(&sb, "\n  heaviest stacks by latency, leaf first\n"
		   "  100.0 %   6.00 \u00b5s         4 times  fio (7)\n"
		   "      submit_bio_noacct \u2190 ext4_mpage_readpages\n"
		   "       \u2190 vfs_read \u2190 ksys_read \u2190 do_syscall_64\n"
		   "      pread64 \u2190 main\n");
	assert_int_equal(stacks_write(p, &(struct view_settings){ .width = 40 }, 5, &sb), 0);
	/* Some are shown however long they are. */
	assert_non_null(strstr(strbuf_str(&sb),
			       "      submit_bio_noacct\n"
			       "       \u2190 ext4_mpage_readpages\n"
			       "       \u2190 vfs_read \u2190 ksys_read \u2190 \u2026\n"
			       "      pread64 \u2190 main\n"));
	strbuf_done(&sb);
	profile_free(p);
}

/* An interpreted function's place is the end of its path: many files are called __init__.py. */
static void test_interpreted(void **state)
{
	static const struct {
		const char *function, *file, *whole, *where;
		uint32_t first_line;
	} cases[] = {
		{ "f", "/usr/lib/json/__init__.py", "f (json/__init__.py:7)", "json/__init__.py:7",
		  7 },
		{ "f", "a.py", "f (a.py)", "a.py", 0 },
		{ "f", "/a.py", "f (/a.py:7)", "/a.py:7", 7 },
		{ "f", "b/a.py", "f (b/a.py:7)", "b/a.py:7", 7 },
		{ "f", "/", "f (/:7)", "/:7", 7 },
		{ "f", "x//", "f (x//:7)", "x//:7", 7 },
		{ "f", "<frozen a>", "f (<frozen a>:7)", "<frozen a>:7", 7 },
		{ "f", "", "f", "", 7 },
		{ "\033", "\n/\t.py", "\\x1b (\\x0a/\\x09.py:7)", "\\x0a/\\x09.py:7", 7 },
		{ "", "/x/a.py", "[interpreted] (/x/a.py:7)", "x/a.py:7", 7 },
	};
	struct strbuf sb = STRBUF_INIT;
	struct profile *p = make_profile();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame f = { .kind = FRAME_INTERPRETER,
				   .line = 9,
				   .first_line = cases[i].first_line };
		uint32_t id;

		assert_int_equal(profile_string(p, cases[i].function, &f.function), 0);
		assert_int_equal(profile_string(p, cases[i].file, &f.file), 0);
		assert_int_equal(profile_frame(p, &f, &id), 0);
		text_frame(&sb, p, id);
		check(&sb, cases[i].whole);
		text_where(&sb, p, id);
		check(&sb, cases[i].where);
		text_function(&sb, p, id);
		check(&sb, *cases[i].function == 'f' ? "f"
			   : *cases[i].function	     ? "\\x1b"
						     : cases[i].whole);
	}
	strbuf_done(&sb);
	profile_free(p);
}

/* Of a readable name of C++ what tells overloads apart is left out; of others nothing. */
static void test_parameters(void **state)
{
	static const char *const cases[][2] = {
		{ "a::b(int, char*)", "a::b" },
		{ "a::b() const", "a::b" },
		{ "f(int) [clone .cold]", "f" },
		{ "f(void (*)(int))", "f" },
		{ "(anonymous namespace)::f(int)", "(anonymous namespace)::f" },
		{ "f(int)::{lambda(int)#1}::operator()(int) const",
		  "f(int)::{lambda(int)#1}::operator()" },
		{ "a::operator()", "a::operator()" },
		{ "a::(anonymous namespace)", "a::(anonymous namespace)" },
		{ "(x)", "(x)" },
		{ "main.(*T).f", "main.(*T).f" },
		{ "<T as a::B<(u8, u8)>>::f", "<T as a::B<(u8, u8)>>::f" },
		{ "f)", "f)" },
		{ "f)(", "f)(" },
		{ "f(int", "f(int" },
		{ "read", "read" },
	};
	struct strbuf sb = STRBUF_INIT;
	struct profile *p = make_profile();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame f = { .kind = FRAME_NATIVE };
		uint32_t id;

		assert_int_equal(profile_string(p, cases[i][0], &f.function), 0);
		assert_int_equal(profile_frame(p, &f, &id), 0);
		text_frame(&sb, p, id);
		check(&sb, cases[i][1]);
		f.kind = FRAME_JIT;
		assert_int_equal(profile_frame(p, &f, &id), 0);
		text_frame(&sb, p, id);
		check(&sb, cases[i][0]);
	}
	strbuf_done(&sb);
	profile_free(p);
}

static void test_head(void **state)
{
	struct strbuf sb = STRBUF_INIT;
	struct profile *p = make_profile();

	(void)state;
	text_head(&sb, p, &(struct view_settings){ .width = 44 });
	check(&sb, "io: 0 ns, 6.00 \u00b5s latency, 4 requests\n");
	text_head(&sb, p, &(struct view_settings){ .width = 36, .color = true });
	check(&sb, STYLE_HEAD "io: 0 ns, 6.00 \u00b5s latency, 4\n"
			      "    requests" STYLE_END "\n");
	strbuf_done(&sb);
	profile_free(p);
}

/* A Python whose calls can't be counted, or that made none. */
static void test_no_calls(void **state)
{
	struct profile_info info = { .mode = "calls",
				     .values = { { "latency", "nanoseconds" },
						 { "calls", "count" } },
				     .quality.n[QUALITY_NO_START] = 1 };
	struct view_settings settings = { .width = 80, .utf8 = true };
	struct profile *p = NULL;
	char *bytes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);

	(void)state;
	assert_int_equal(profile_new(&p, &info), 0);
	assert_int_equal(view_pycalls.show(p, NULL, &settings, out), 0);
	fclose(out);
	assert_string_equal(bytes,
			    "calls: 0 ns, 0 ns latency, 0 calls\n\n"
			    "  nothing was seen: no calls of Python functions\n\n"
			    "quality: 0 events, 0 lost, 0 frames, 1 begun before the measuring\n");
	free(bytes);
	profile_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	    cmocka_unit_test(test_put),
		cmocka_unit_test(test_wide),	    cmocka_unit_test(test_grid),
		cmocka_unit_test(test_bars),	    cmocka_unit_test(test_stacks),
		cmocka_unit_test(test_parameters),  cmocka_unit_test(test_head),
		cmocka_unit_test(test_interpreted), cmocka_unit_test(test_no_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
