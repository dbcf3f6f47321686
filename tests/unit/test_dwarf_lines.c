// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Line programs written by hand after DWARF 5, 6.2: what a compiler seldom makes. */
#include <dwarf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "symbolize/dwarf_lines.h"

enum { CODE_START = 0x1000, CODE_END = 0x9000 };

static void add(struct strbuf *sb, uint64_t value, size_t size)
{
	strbuf_add(sb, &value, size);
}

/* Version 4, folders "/one" and "two", files 1 "a.c" in /one, 2 "b.c" in two, 3 "c.c" in 0. */
static void begin(struct strbuf *sb)
{
	static const char header[] =
		"\x01\x01\x01\xfb\x0e\x0d\x00\x01\x01\x01\x01\x00\x00\x00\x01\x00\x00\x01"
		"/one\0two\0\0"
		"a.c\0\x01\x00\x00"
		"b.c\0\x02\x00\x00"
		"c.c\0\x00\x00\x00";

	add(sb, 0, 4);
	add(sb, 4, 2);
	add(sb, sizeof(header), 4);
	strbuf_add(sb, header, sizeof(header));
}

static void set_address(struct strbuf *sb, uint64_t address)
{
	strbuf_add(sb, "\x00\x09\x02", 3);
	add(sb, address, 8);
}

static void set_file(struct strbuf *sb, uint8_t file)
{
	add(sb, DW_LNS_set_file, 1);
	add(sb, file, 1);
}

/* A row `lines` further on, then `bytes` of code. */
static void row(struct strbuf *sb, uint8_t lines, uint8_t bytes)
{
	add(sb, DW_LNS_advance_line, 1);
	add(sb, lines, 1);
	add(sb, DW_LNS_copy, 1);
	add(sb, DW_LNS_advance_pc, 1);
	add(sb, bytes, 1);
}

static void end_sequence(struct strbuf *sb)
{
	strbuf_add(sb, "\x00\x01\x01", 3);
}

static int read_table(struct line_table *t, struct strbuf *sb)
{
	uint32_t size = (uint32_t)sb->len - 4;
	struct budget budget = { .left_ns = 10000000000 };
	struct line_source source = { .code_start = CODE_START, .code_end = CODE_END };
	const uint8_t *bytes = (const uint8_t *)sb->buf;

	memcpy(sb->buf, &size, 4);
	source.line = (struct span){ bytes, bytes + sb->len };
	budget_begin(&budget);
	return line_table_read(t, &source, 0, &budget);
}

static void check(const struct line_table *t, uint64_t address, const char *path, uint32_t line)
{
	_cleanup_(strbuf_done) struct strbuf found = STRBUF_INIT;
	const struct line_row *r = line_table_find(t, address);

	if (!path) {
		assert_null(r);
		return;
	}
	assert_non_null(r);
	assert_true(line_table_path(t, r->file, "/made", &found));
	assert_string_equal(strbuf_str(&found), path);
	assert_int_equal(r->line, line);
}

static void test_gaps_and_paths(void **state)
{
	_cleanup_(strbuf_done) struct strbuf sb = STRBUF_INIT;
	struct line_table t;

	(void)state;
	begin(&sb);
	/* The later piece of code first. */
	set_address(&sb, 0x3000);
	set_file(&sb, 2);
	row(&sb, 4, 8);
	set_file(&sb, 3);
	row(&sb, 5, 8);
	end_sequence(&sb);
	set_address(&sb, 0x2000);
	row(&sb, 1, 0); /* two rows at one address: the last counts */
	row(&sb, 1, 4);
	row(&sb, 10, 4);
	row(&sb, 20, 0); /* and none at the end, where there is no code */
	end_sequence(&sb);
	assert_int_equal(read_table(&t, &sb), 0);
	check(&t, 0x1fff, NULL, 0);
	check(&t, 0x2000, "/one/a.c", 3);
	check(&t, 0x2003, "/one/a.c", 3);
	check(&t, 0x2007, "/one/a.c", 13);
	check(&t, 0x2008, NULL, 0);
	check(&t, 0x2fff, NULL, 0);
	check(&t, 0x3000, "/made/two/b.c", 5);
	check(&t, 0x300f, "/made/c.c", 10);
	check(&t, 0x3010, NULL, 0);
	line_table_done(&t);
}

/* Code that the linker discarded stands at 0 and reaches into what is real. */
static void test_discarded(void **state)
{
	_cleanup_(strbuf_done) struct strbuf sb = STRBUF_INIT;
	struct line_table t;

	(void)state;
	begin(&sb);
	set_address(&sb, 0x1000);
	row(&sb, 1, 0x40);
	end_sequence(&sb);
	set_address(&sb, 0);
	for (int i = 0; i < 0x110; i++)
		row(&sb, 1, 0x10);
	end_sequence(&sb);
	set_address(&sb, UINT64_MAX);
	row(&sb, 1, 0x10);
	row(&sb, 1, 0x10);
	end_sequence(&sb);
	assert_int_equal(read_table(&t, &sb), 0);
	assert_int_equal(t.nr_rows, 2);
	check(&t, 0x1000, "/one/a.c", 2);
	check(&t, 0x103f, "/one/a.c", 2);
	check(&t, 0x1040, NULL, 0);
	check(&t, 0x20, NULL, 0);
	line_table_done(&t);
}

static void test_overlap_and_disorder(void **state)
{
	_cleanup_(strbuf_done) struct strbuf sb = STRBUF_INIT;
	struct line_table t;

	(void)state;
	begin(&sb);
	set_address(&sb, 0x2000);
	row(&sb, 1, 0x20);
	end_sequence(&sb);
	set_address(&sb, 0x2010);
	row(&sb, 7, 0x08);
	row(&sb, 7, 0x18);
	end_sequence(&sb);
	/* Goes backwards: nothing of it is true. */
	set_address(&sb, 0x4000);
	row(&sb, 1, 0x10);
	set_address(&sb, 0x3f00);
	row(&sb, 1, 0x10);
	set_address(&sb, 0x4020);
	end_sequence(&sb);
	/* Has no end. */
	set_address(&sb, 0x5000);
	row(&sb, 1, 0x10);
	assert_int_equal(read_table(&t, &sb), 0);
	check(&t, 0x2018, "/one/a.c", 2);
	check(&t, 0x2020, "/one/a.c", 15);
	check(&t, 0x202f, "/one/a.c", 15);
	check(&t, 0x2030, NULL, 0);
	check(&t, 0x3f00, NULL, 0);
	check(&t, 0x4000, NULL, 0);
	check(&t, 0x5000, NULL, 0);
	line_table_done(&t);
}

/* What can't be read is refused, and whatever the bytes are, nothing else happens. */
static void test_broken(void **state)
{
	_cleanup_(strbuf_done) struct strbuf sb = STRBUF_INIT;
	struct line_table t;
	unsigned seed = 3;

	(void)state;
	begin(&sb);
	set_address(&sb, 0x2000);
	row(&sb, 1, 0x20);
	end_sequence(&sb);
	for (int round = 0; round < 20000; round++) {
		_cleanup_(strbuf_done) struct strbuf bad = STRBUF_INIT;

		strbuf_add(&bad, sb.buf, 5 + (size_t)rand_r(&seed) % (sb.len - 4));
		for (int i = rand_r(&seed) % 6; i > 0; i--)
			bad.buf[4 + (size_t)rand_r(&seed) % (bad.len - 4)] = (char)rand_r(&seed);
		if (!read_table(&t, &bad)) {
			_cleanup_(strbuf_done) struct strbuf path = STRBUF_INIT;

			for (uint32_t i = 0; i < 8; i++)
				line_table_path(&t, i, NULL, &path);
			line_table_find(&t, 0x2000);
			line_table_done(&t);
		}
	}
	sb.buf[4] = 6; /* no such version */
	assert_int_equal(read_table(&t, &sb), -EBADMSG);
	sb.buf[4] = 1;
	assert_int_equal(read_table(&t, &sb), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gaps_and_paths),
		cmocka_unit_test(test_discarded),
		cmocka_unit_test(test_overlap_and_disorder),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
