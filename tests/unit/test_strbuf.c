// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/strbuf.h"
#include "base/utf8.h"

static void adds_up(void **state)
{
	struct strbuf sb = STRBUF_INIT;
	char *s;

	(void)state;
	assert_string_equal(strbuf_str(&sb), "");
	strbuf_adds(&sb, "one");
	strbuf_addch(&sb, ' ');
	strbuf_addf(&sb, "%d-%s", 2, "three");
	strbuf_add(&sb, "\0four", 5);
	assert_int_equal(sb.len, 16);
	assert_memory_equal(sb.buf, "one 2-three\0four", 17);
	for (unsigned i = 0; i < 10000; i++)
		strbuf_addf(&sb, "%05u", i);
	assert_int_equal(sb.len, 16 + 50000);
	assert_string_equal(sb.buf + sb.len - 5, "09999");
	strbuf_reset(&sb);
	assert_string_equal(strbuf_str(&sb), "");
	strbuf_adds(&sb, "again");
	s = strbuf_steal(&sb);
	assert_string_equal(s, "again");
	assert_int_equal(sb.cap, 0);
	free(s);
	s = strbuf_steal(&sb);
	assert_string_equal(s, "");
	free(s);
	strbuf_done(&sb);
}

static void failure_stays(void **state)
{
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	strbuf_adds(&sb, "x");
	sb.failed = true;
	strbuf_adds(&sb, "y");
	assert_string_equal(strbuf_str(&sb), "x");
	assert_null(strbuf_steal(&sb));
	strbuf_done(&sb);
}

static void check_escaped(const char *in, const char *escaped, const char *utf8)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_add_escaped(&sb, in);
	assert_string_equal(strbuf_str(&sb), escaped);
	strbuf_reset(&sb);
	strbuf_add_utf8(&sb, in);
	assert_string_equal(strbuf_str(&sb), utf8);
	assert_true(utf8_valid(strbuf_str(&sb), sb.len));
	strbuf_done(&sb);
}

static void escapes_what_a_terminal_obeys(void **state)
{
	(void)state;
	check_escaped("plain €", "plain €", "plain €");
	check_escaped("\033[2J\n", "\\x1b[2J\\x0a", "\033[2J\n");
	/* U+009B is the one-byte form of ESC [. */
	check_escaped("\xc2\x9b", "\\xc2\\x9b", "\xc2\x9b");
	/* No characters, and what marks the order of bytes. */
	check_escaped("\xef\xbf\xbe", "\\xef\\xbf\\xbe", "\xef\xbf\xbe");
	check_escaped("\xf0\x9f\xbf\xbf", "\\xf0\\x9f\\xbf\\xbf", "\xf0\x9f\xbf\xbf");
	check_escaped("\xef\xbb\xbf", "\\xef\\xbb\\xbf", "\xef\xbb\xbf");
	/* Turns what follows around, and ends a line. */
	check_escaped("\xe2\x80\xae", "\\xe2\\x80\\xae", "\xe2\x80\xae");
	check_escaped("\xe2\x81\xa9", "\\xe2\\x81\\xa9", "\xe2\x81\xa9");
	check_escaped("\xd8\x9c", "\\xd8\\x9c", "\xd8\x9c");
	check_escaped("\xe2\x80\xa8", "\\xe2\\x80\\xa8", "\xe2\x80\xa8");
	check_escaped("a\xff\xfe", "a\\xff\\xfe", "a\\xff\\xfe");
	/* Cut in the middle, overlong, a surrogate, above the last code point. */
	check_escaped("\xe2\x82", "\\xe2\\x82", "\\xe2\\x82");
	check_escaped("\xc0\xaf", "\\xc0\\xaf", "\\xc0\\xaf");
	check_escaped("\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80");
	check_escaped("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80");
}

static void decodes_all_code_points(void **state)
{
	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char s[4];
		size_t n;
		uint32_t got = 0;

		if (c < 0x80)
			n = 1, s[0] = (char)c;
		else if (c < 0x800)
			n = 2, s[0] = (char)(0xc0 | c >> 6);
		else if (c < 0x10000)
			n = 3, s[0] = (char)(0xe0 | c >> 12);
		else
			n = 4, s[0] = (char)(0xf0 | c >> 18);
		for (size_t i = 1; i < n; i++)
			s[i] = (char)(0x80 | ((c >> (6 * (n - 1 - i))) & 0x3f));
		if (c >= 0xd800 && c < 0xe000) {
			assert_int_equal(utf8_decode(s, n, &got), 0);
			continue;
		}
		assert_int_equal(utf8_decode(s, n, &got), n);
		assert_int_equal(got, c);
		assert_int_equal(utf8_decode(s, n - 1, &got), 0);
	}
	assert_int_equal(utf8_width("a€\xff", 5), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_up),
		cmocka_unit_test(failure_stays),
		cmocka_unit_test(escapes_what_a_terminal_obeys),
		cmocka_unit_test(decodes_all_code_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
