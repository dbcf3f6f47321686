// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "collect/task_names.h"

static struct capture capture;
static struct task_names names;

static int set_up(void **state)
{
	(void)state;
	names = (struct task_names){ 0 };
	return capture_init(&capture);
}

static int tear_down(void **state)
{
	(void)state;
	task_names_done(&names);
	capture_done(&capture);
	return 0;
}

static struct abi_name made(uint32_t kind, uint32_t nr, const void *text, size_t size)
{
	struct abi_name n = { .nr = nr, .kind = kind };

	memcpy(n.text, text, size < sizeof(n.text) ? size : sizeof(n.text));
	return n;
}

static void check(uint32_t kind, uint32_t nr, const void *text, size_t size, const char *want)
{
	struct abi_name n = made(kind, nr, text, size);
	uint32_t id = 0;

	assert_int_equal(task_names_find(&names, &capture, &n, &id), want ? 1 : 0);
	if (want)
		assert_string_equal(capture_string_at(&capture, id), want);
	else
		assert_int_equal(id, 0);
}

static void test_letters(void **state)
{
	static const uint16_t two[] = { 'a', 0x416, 0, 0xd800, 0xffff };
	static const uint32_t four[] = { 0x1033c, 'b', 0x110000, UINT32_MAX };

	(void)state;
	check(1, 4, "stov", 4, "stov");
	check(1, 3, "\xf1 \n", 3, "ñ \n");
	check(1, 3, "a\0b", 3,
	      "a\xef\xbf\xbd"
	      "b");
	check(2, 5, two, sizeof(two), "aЖ\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbf");
	check(4, 4, four, sizeof(four), "𐌼b\xef\xbf\xbd\xef\xbf\xbd");
}

/* What found no room is said to be missing. */
static void test_long(void **state)
{
	char text[ABI_NAME_TEXT], want[ABI_NAME_TEXT + 8];

	(void)state;
	memset(text, 'x', sizeof(text));
	snprintf(want, sizeof(want), "%.*s", (int)sizeof(text), text);
	check(1, ABI_NAME_TEXT, text, sizeof(text), want);
	strcat(want, "…");
	check(1, ABI_NAME_TEXT + 1, text, sizeof(text), want);
	check(1, UINT32_MAX, text, sizeof(text), want);
}

static void test_none(void **state)
{
	(void)state;
	check(1, 0, "", 0, NULL);
	check(0, 1, "a", 1, NULL);
	check(3, 1, "abc", 3, NULL);
	check(UINT32_MAX, 1, "a", 1, NULL);
}

/* Known ones stay. */
static void test_too_many(void **state)
{
	char text[16];
	int size;

	(void)state;
	for (int i = 0; i < TASK_NAMES + 100; i++) {
		size = snprintf(text, sizeof(text), "request %d", i);
		check(1, (uint32_t)size, text, (size_t)size, i < TASK_NAMES ? text : NULL);
	}
	check(1, 9, "request 0", 9, "request 0");
	check(1, 12, "request 1023", 12, "request 1023");
	check(1, 12, "request 1024", 12, NULL);
}

static void test_encoding(void **state)
{
	char bytes[4];
	uint32_t back;

	(void)state;
	for (uint32_t c = 0; c < 0x120000; c++) {
		size_t n = utf8_encode(c, bytes);
		bool is_character = c < 0xd800 || (c >= 0xe000 && c <= 0x10ffff);

		assert_int_equal(utf8_decode(bytes, n, &back), n);
		assert_int_equal(back, is_character ? c : 0xfffd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_letters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
		cmocka_unit_test(test_encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
