// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Texts of programs: the kernel half's ids in tags become strings of the capture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collect/texts.h"

enum { BELOW = 0x1234 }; /* of a tag, what is no text */

static struct capture capture;
static struct texts texts;

static int open_all(void **state)
{
	(void)state;
	return capture_init(&capture) || texts_init(&texts, &capture, true);
}

static int close_all(void **state)
{
	(void)state;
	texts_done(&texts);
	capture_done(&capture);
	return 0;
}

static void take(uint32_t id, const char *text)
{
	struct abi_text t = { .type = ABI_TEXT, .id = id };
	size_t size = strlen(text);

	memcpy(t.text, text, size < sizeof(t.text) ? size : sizeof(t.text));
	assert_int_equal(texts_take(&texts, &capture, &t), 0);
}

static uint64_t tag_of(uint64_t id)
{
	return id << ABI_TEXT_SHIFT | BELOW;
}

/* The text of a tag; `is_known`: as texts_resolve() says. */
static const char *resolved(uint32_t id, bool is_known)
{
	uint64_t tag;

	assert_int_equal(texts_resolve(&texts, tag_of(id), &tag), is_known);
	assert_int_equal(tag & ((1ull << ABI_TEXT_SHIFT) - 1), BELOW);
	return capture_string_at(&capture, (uint32_t)(tag >> ABI_TEXT_SHIFT));
}

static void test_known(void **state)
{
	(void)state;
	assert_true(texts_lack(&texts, tag_of(77)));
	assert_string_equal(resolved(77, false), "[unknown]");
	take(77, "G1CollectFull");
	take(0xffffff, "Cleanup");
	take(77, "G1CollectFull");
	assert_false(texts_lack(&texts, tag_of(77)));
	assert_string_equal(resolved(77, true), "G1CollectFull");
	assert_string_equal(resolved(0xffffff, true), "Cleanup");
}

static void test_none_and_unreadable(void **state)
{
	(void)state;
	take(0, "x");
	take(ABI_TEXT_UNKNOWN, "x");
	assert_string_equal(resolved(0, true), "");
	assert_string_equal(resolved(ABI_TEXT_UNKNOWN, false), "[unknown]");
	assert_false(texts_lack(&texts, tag_of(0)));
	assert_false(texts_lack(&texts, tag_of(ABI_TEXT_UNKNOWN)));
}

static void test_two_of_one_id(void **state)
{
	(void)state;
	take(9, "one");
	assert_string_equal(resolved(9, true), "one");
	take(9, "two");
	assert_string_equal(resolved(9, false), "[unknown]");
	take(9, "one");
	assert_string_equal(resolved(9, false), "[unknown]");
	assert_false(texts_lack(&texts, tag_of(9)));
}

static void test_long(void **state)
{
	char text[ABI_TEXT_BYTES + 1], cut[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…";

	(void)state;
	memset(text, 'x', ABI_TEXT_BYTES);
	text[ABI_TEXT_BYTES] = '\0';
	/* The kernel half ends it; this one doesn't. */
	take(5, text);
	assert_string_equal(resolved(5, true), cut);
	text[49] = '\0';
	take(6, text);
	assert_string_equal(resolved(6, true), cut);
	text[48] = '\0';
	take(7, text);
	assert_string_equal(resolved(7, true), text);
}

static void test_too_many(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < TEXTS_MAX + 10; i++) {
		char text[16];

		snprintf(text, sizeof(text), "text %u", i);
		take(i + 2, text);
	}
	assert_string_equal(resolved(2 + TEXTS_MAX - 1, true), "text 4095");
	assert_string_equal(resolved(2 + TEXTS_MAX, false), "[unknown]");
	/* It won't come any more. */
	assert_false(texts_lack(&texts, tag_of(2 + TEXTS_MAX)));
	take(9, "another");
	assert_string_equal(resolved(9, false), "[unknown]");
}

/* Tags of other modes have something else there. */
static void test_not_wanted(void **state)
{
	uint64_t tag;

	(void)state;
	texts_done(&texts);
	assert_int_equal(texts_init(&texts, &capture, false), 0);
	take(77, "x");
	assert_false(texts_lack(&texts, tag_of(77)));
	assert_true(texts_resolve(&texts, tag_of(77), &tag));
	assert_int_equal(tag, tag_of(77));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_known, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_none_and_unreadable, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_two_of_one_id, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_long, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_too_many, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_not_wanted, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
