// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Line tables by hand, from CPython's descriptions of them, and tables that are none. That
 * python_line() says what CPython says is tests/python_lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbolize/python_lines.h"

#define CODE(format_, first_, ...)                                                 \
	(&(struct raw_code){ .format = (format_),                                  \
			     .first_line = (first_),                               \
			     .nr_lines = sizeof((const uint8_t[]){ __VA_ARGS__ }), \
			     .lines = (const uint8_t[]){ __VA_ARGS__ } })

static void lines_are(const struct raw_code *code, const uint32_t *lines, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		assert_int_equal(python_line(code, 2 * i), lines[i]);
}

static void test_lnotab(void **state)
{
	/* Objects/lnotab_notes.txt's own example: 0: 1, 6: 2, 50: 7, 350: 207, 361: 208 … */
	const struct raw_code *notes = CODE(CODE_LINES_LNOTAB, 1, 0, 0, 6, 1, 44, 5, 255, 0, 45,
					    127, 0, 73, 11, 1);
	/* Backwards, since 3.6. */
	const struct raw_code *back = CODE(CODE_LINES_LNOTAB, 10, 4, 5, 2, 0xfd, 0, 0x80, 2, 127);

	(void)state;
	assert_int_equal(python_line(notes, 0), 1);
	assert_int_equal(python_line(notes, 4), 1);
	assert_int_equal(python_line(notes, 6), 2);
	assert_int_equal(python_line(notes, 49), 2);
	assert_int_equal(python_line(notes, 50), 7);
	assert_int_equal(python_line(notes, 349), 7);
	assert_int_equal(python_line(notes, 350), 207);
	assert_int_equal(python_line(notes, 361), 208);
	assert_int_equal(python_line(notes, 1000000), 208);
	assert_int_equal(python_line(back, 2), 10);
	assert_int_equal(python_line(back, 4), 15);
	assert_int_equal(python_line(back, 6), 0); /* 12 - 128: no line */
	assert_int_equal(python_line(back, 8), 11);
}

static void test_ranges(void **state)
{
	/* 0-4: 5; 4-8: none; an empty range moves the line to 8; 8-12: 8; again 8; 14: back to 6.
	 */
	const struct raw_code *code = CODE(CODE_LINES_RANGES, 5, 4, 0, 4, 0x80, 0, 3, 4, 0, 2, 0, 2,
					   0xfe);

	(void)state;
	lines_are(code, (uint32_t[]){ 5, 5, 0, 0, 8, 8, 8, 6, 0, 0 }, 10);
}

static void test_locations(void **state)
{
	/*
	 * Kinds: 13 (+2, no columns), 2 units; 0 (short), 1 unit; 11 (next line), 1; 12, 1; 15
	 * (none), 2; 10 (the same line, which is that before the one without), 1; 14 (long: -3 and
	 * columns), 1; 13 with a number of two bytes: +40.
	 */
	const struct raw_code *code = CODE(
		CODE_LINES_LOCATIONS, 7, 0x80 | 13 << 3 | 1, 4, 0x80, 0x11, 0x80 | 11 << 3, 0, 4,
		0x80 | 12 << 3, 0, 4, 0x80 | 15 << 3 | 1, 0x80 | 10 << 3, 1, 2, 0x80 | 14 << 3, 7,
		0, 1, 0x41, 1, 0x80 | 13 << 3, 0x40 | (80 & 63), 80 >> 6);

	(void)state;
	lines_are(code, (uint32_t[]){ 9, 9, 9, 10, 12, 0, 0, 12, 9, 49, 0, 0 }, 12);
}

/* A module begins with line 0: before its first line. */
static void test_line_0_is_none(void **state)
{
	(void)state;
	lines_are(CODE(CODE_LINES_LOCATIONS, 1, 0x80 | 13 << 3, 3, 0x80 | 11 << 3, 0, 1),
		  (uint32_t[]){ 0, 1 }, 2);
}

static void test_before_and_nowhere(void **state)
{
	(void)state;
	for (int format = CODE_LINES_LNOTAB; format <= CODE_LINES_LOCATIONS; format++) {
		const struct raw_code *code = CODE(format, 7, 0x80 | 13 << 3, 4);

		assert_int_equal(python_line(code, CODE_NOT_BEGUN), 7);
		assert_int_equal(python_line(code, CODE_NOWHERE), 0);
	}
	assert_int_equal(python_line(CODE(CODE_LINES_NONE, 7, 1, 1), 0), 0);
	assert_int_equal(python_line(CODE(CODE_LINES_NONE, 7, 1, 1), CODE_NOT_BEGUN), 7);
}

static void test_no_table(void **state)
{
	struct raw_code code = { .first_line = 7, .format = CODE_LINES_LNOTAB };

	(void)state;
	assert_int_equal(python_line(&code, 0), 7);
	code.format = CODE_LINES_RANGES;
	assert_int_equal(python_line(&code, 0), 0);
	code.format = CODE_LINES_LOCATIONS;
	assert_int_equal(python_line(&code, 0), 0);
}

static void test_cut_short(void **state)
{
	(void)state;
	/* Half a pair says nothing. */
	assert_int_equal(python_line(CODE(CODE_LINES_LNOTAB, 7, 0, 1, 0), 100), 8);
	assert_int_equal(python_line(CODE(CODE_LINES_RANGES, 7, 2, 1, 2), 2), 0);
	/* A number that the table ends in, that the next entry begins in, that no int holds. */
	assert_int_equal(python_line(CODE(CODE_LINES_LOCATIONS, 7, 0xe8), 0), 0);
	assert_int_equal(python_line(CODE(CODE_LINES_LOCATIONS, 7, 0xe8, 0x42), 0), 0);
	assert_int_equal(python_line(CODE(CODE_LINES_LOCATIONS, 7, 0xe8, 0x42, 0xd8, 0, 0), 2), 0);
	assert_int_equal(python_line(CODE(CODE_LINES_LOCATIONS, 7, 0xe8, 0x42, 0x40, 0x40, 0x40,
					  0x40, 0x40, 0x40, 0x40, 1),
				     0),
			 0);
	/* No entry begins here. */
	assert_int_equal(python_line(CODE(CODE_LINES_LOCATIONS, 7, 0x58, 0, 0), 0), 0);
}

/* Lines that no int holds, on either side. */
static void test_far_lines(void **state)
{
	enum { NR = 4096 };
	uint8_t table[7 * NR];
	struct raw_code code = { .first_line = 1, .format = CODE_LINES_LOCATIONS, .lines = table };

	(void)state;
	for (int sign = 0; sign < 2; sign++) {
		for (uint32_t i = 0; i < NR; i++)
			memcpy(&table[7 * i],
			       (uint8_t[]){ 0xe8, 0x7e | sign, 0x7f, 0x7f, 0x7f, 0x7f, 1 }, 7);
		code.nr_lines = sizeof(table);
		assert_int_equal(python_line(&code, 0), sign ? 0 : 0x3fffffff + 1);
		assert_int_equal(python_line(&code, 2 * (NR - 1)), 0);
	}
}

/* Each byte may be anything: no read beyond the table, which stands at the end of its memory. */
static void test_random(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (uint32_t round = 0; round < 30000; round++) {
		uint32_t size = round % 67;
		uint8_t *table = malloc(size ? size : 1);
		struct raw_code code = { .first_line = round % 5 ? round : 0xffffffff,
					 .format = CODE_LINES_LNOTAB + round % 3,
					 .nr_lines = size,
					 .lines = table };

		assert_non_null(table);
		for (uint32_t i = 0; i < size; i++) {
			seed = seed * 1664525 + 1013904223;
			table[i] = (uint8_t)(seed >> 24);
		}
		for (uint32_t at = 0; at < 300; at += 7)
			assert_true(python_line(&code, at) <= INT32_MAX);
		assert_true(python_line(&code, 0xfffffff0) <= INT32_MAX);
		free(table);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lnotab),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_locations),
		cmocka_unit_test(test_line_0_is_none),
		cmocka_unit_test(test_before_and_nowhere),
		cmocka_unit_test(test_no_table),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_far_lines),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
