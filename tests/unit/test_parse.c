// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "base/roff.h"

typedef int (*parse_fn)(const char *s, uint64_t *ret);

struct number_case {
	const char *text;
	int result;
	uint64_t value;
};

static void check_numbers(parse_fn parse, const struct number_case *cases, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		uint64_t value = 4711;
		int r = parse(cases[i].text, &value);

		if (r != cases[i].result || value != (r ? 4711 : cases[i].value))
			fail_msg("\"%s\": %d, %llu", cases[i].text, r, (unsigned long long)value);
	}
}

static void test_u64(void **state)
{
	static const struct number_case cases[] = {
		{ "0", 0, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
	};

	(void)state;
	check_numbers(parse_u64, cases, ARRAY_SIZE(cases));
}

static void test_duration(void **state)
{
	static const struct number_case cases[] = {
		{ "10", 0, 10000000000 },
		{ "10s", 0, 10000000000 },
		{ "500ms", 0, 500000000 },
		{ "2m", 0, 120000000000 },
		{ "1us", 0, 1000 },
		{ "1\u00b5s", 0, 1000 },
		{ "1\u03bcs", 0, 1000 },
		{ "1h", 0, 3600000000000 },
		{ "1.5s", 0, 1500000000 },
		{ "0.000000001", 0, 1 },
		{ "0.0000000019", 0, 1 },
		{ "7ns", 0, 7 },
		{ "18446744073.709551615", 0, UINT64_MAX },
		{ "18446744073.709551616", -ERANGE, 0 },
		{ "5124096h", -ERANGE, 0 },
		{ "s", -EINVAL, 0 },
		{ ".5s", -EINVAL, 0 },
		{ "1.s", -EINVAL, 0 },
		{ "1.5.5s", -EINVAL, 0 },
		{ "10 s", -EINVAL, 0 },
		{ "10sec", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	(void)state;
	check_numbers(parse_duration, cases, ARRAY_SIZE(cases));
}

static void test_size(void **state)
{
	static const struct number_case cases[] = {
		{ "100000", 0, 100000 },     { "64M", 0, 64u << 20 },
		{ "64m", 0, 64u << 20 },     { "64MB", 0, 64u << 20 },
		{ "64MiB", 0, 64u << 20 },   { "512K", 0, 512u << 10 },
		{ "1.5G", 0, 3u << 29 },     { "16777215T", 0, 16777215ull << 40 },
		{ "16777216T", -ERANGE, 0 }, { "64X", -EINVAL, 0 },
		{ "64Mi", -EINVAL, 0 },	     { "M", -EINVAL, 0 },
	};

	(void)state;
	check_numbers(parse_size, cases, ARRAY_SIZE(cases));
}

static void test_list(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint32_t list[8];
	} cases[] = {
		{ "0-3,5", 5, { 0, 1, 2, 3, 5 } },
		{ "7", 1, { 7 } },
		{ "5,1-2,5,2,0", 4, { 0, 1, 2, 5 } },
		{ "0-7,0-7", 8, { 0, 1, 2, 3, 4, 5, 6, 7 } },
		{ "0-8", -ERANGE, { 0 } },
		{ "100", -ERANGE, { 0 } },
		{ "99", 1, { 99 } },
		{ "0-4294967295", -ERANGE, { 0 } },
		{ "3-1", -EINVAL, { 0 } },
		{ "", -EINVAL, { 0 } },
		{ "1,", -EINVAL, { 0 } },
		{ ",1", -EINVAL, { 0 } },
		{ "1-", -EINVAL, { 0 } },
		{ "-1", -EINVAL, { 0 } },
		{ "1;2", -EINVAL, { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t list[8] = { 0 };
		int r = parse_list(cases[i].text, 100, list, 8);

		if (r != cases[i].result)
			fail_msg("\"%s\": %d", cases[i].text, r);
		if (r > 0)
			assert_memory_equal(list, cases[i].list, (size_t)r * sizeof(*list));
	}
}

typedef void (*format_fn)(uint64_t n, struct strbuf *out);

static void check_format(format_fn format, uint64_t n, const char *expected)
{
	struct strbuf sb = STRBUF_INIT;

	format(n, &sb);
	assert_string_equal(strbuf_str(&sb), expected);
	strbuf_done(&sb);
}

static void test_formats(void **state)
{
	(void)state;
	check_format(format_duration, 0, "0 ns");
	check_format(format_duration, 999, "999 ns");
	check_format(format_duration, 1000, "1.00 \u00b5s");
	check_format(format_duration, 118000, "118 \u00b5s");
	check_format(format_duration, 9994, "9.99 \u00b5s");
	check_format(format_duration, 9995, "10.0 \u00b5s");
	check_format(format_duration, 99950, "100 \u00b5s");
	check_format(format_duration, 999499, "999 \u00b5s");
	check_format(format_duration, 999500, "1.00 ms");
	check_format(format_duration, 1290000, "1.29 ms");
	check_format(format_duration, 20310000000, "20.3 s");
	check_format(format_duration, 119000000000, "119 s");
	check_format(format_duration, 120000000000, "2.00 min");
	check_format(format_duration, 7200000000000, "2.00 h");
	check_format(format_duration, UINT64_MAX, "5124096 h");
	check_format(format_count, 0, "0");
	check_format(format_count, 17, "17");
	check_format(format_count, 999, "999");
	check_format(format_count, 1234, "1,234");
	check_format(format_count, 1234567, "1,234,567");
	check_format(format_count, UINT64_MAX, "18,446,744,073,709,551,615");
	check_format(format_size, 512, "512 B");
	check_format(format_size, 1536, "1.50 KiB");
	check_format(format_size, 31667000, "30.2 MiB");
	check_format(format_size, (1u << 20) - 1, "1.00 MiB");
	check_format(format_size, UINT64_MAX, "16.0 EiB");
}

static const char *nearest_of(const char *asked)
{
	static const char *const words[] = { "duration", "pid", "per-thread", "cpu", "io" };
	struct nearest n;

	nearest_init(&n, asked, strlen(asked));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		nearest_try(&n, words[i]);
	return n.best ? n.best : "";
}

static void test_nearest(void **state)
{
	char longest[200];

	(void)state;
	assert_string_equal(nearest_of("duratoin"), "duration");
	assert_string_equal(nearest_of("dration"), "duration");
	assert_string_equal(nearest_of("durationss"), "duration");
	assert_string_equal(nearest_of("dur"), "duration");
	assert_string_equal(nearest_of("pids"), "pid");
	assert_string_equal(nearest_of("oi"), "io");
	assert_string_equal(nearest_of("cpx"), "cpu");
	assert_string_equal(nearest_of("xyz"), "");
	assert_string_equal(nearest_of("ab"), "");
	assert_string_equal(nearest_of(""), "");
	memset(longest, 'd', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_string_equal(nearest_of(longest), "");
}

static void test_roff(void **state)
{
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	roff_add(&sb, ".\\-'\u00b5");
	assert_string_equal(strbuf_str(&sb), "\\&.\\e\\-\\(aq\\[u00B5]");
	strbuf_reset(&sb);
	strbuf_adds(&sb, ".SH X\n");
	roff_paragraph(&sb);
	assert_string_equal(strbuf_str(&sb), ".SH X\n");
	strbuf_reset(&sb);
	roff_add_paragraphs(&sb, "one\ntwo\n\n  three\n\n'four");
	assert_string_equal(strbuf_str(&sb), ".PP\none\ntwo\n.PP\n.nf\n  three\n.PP\n.fi\n"
					     "\\&\\(aqfour\n");
	strbuf_done(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),	cmocka_unit_test(test_duration),
		cmocka_unit_test(test_size),	cmocka_unit_test(test_list),
		cmocka_unit_test(test_formats), cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_roff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
