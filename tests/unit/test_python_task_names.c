// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What asyncio's tasks are called (bpf/python_tasks.h), over made-up memory. */
#include "python_tasks_fixture.h"

static void check_name(const struct abi_python *l, uint64_t text, uint32_t nr, uint32_t kind,
		       const void *expected, size_t size)
{
	uint8_t whole[ABI_NAME_TEXT] = { 0 };

	made_word(made_word_at(MADE_STATE + l->state_task) + l->task_name, text);
	walk(l);
	assert_int_equal(is_named, expected != NULL);
	if (!expected)
		return;
	memcpy(whole, expected, size < sizeof(whole) ? size : sizeof(whole));
	assert_int_equal(name.nr, nr);
	assert_int_equal(name.kind, kind);
	assert_memory_equal(name.text, whole, sizeof(whole));
}

static void check_ascii(const struct abi_python *l, const char *s, bool kept)
{
	check_name(l, made_text(l, 1, COMPACT | ASCII, strlen(s), s, strlen(s)),
		   (uint32_t)strlen(s), 1, kept ? s : NULL, strlen(s));
}

static void test_names(void **state)
{
	static const uint16_t two[] = { 'a', 0x416, 0x436 };
	static const uint32_t four[] = { 0x1033c, 'b' };
	char longer[200];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	FOR_BOTH(l)
	{
		uint64_t text;

		begin(&l);
		check_ascii(&l, "a", true);
		check_ascii(&l, "eight888", true);
		check_ascii(&l, "worker of 9", true);
		/* As asyncio calls tasks; and as it doesn't. */
		check_ascii(&l, "Task-1", false);
		check_ascii(&l, "Task-12345678901", false);
		check_ascii(&l, "Task-", true);
		check_ascii(&l, "Task-1b", true);
		check_ascii(&l, "Task", true);
		check_ascii(&l, "task-1", true);
		check_ascii(&l, "", false);
		check_name(&l, made_text(&l, 1, COMPACT, 3, "\xf1\xe1x", 3), 3, 1, "\xf1\xe1x", 3);
		check_name(&l, made_text(&l, 2, COMPACT, 3, two, 6), 3, 2, two, 6);
		check_name(&l, made_text(&l, 4, COMPACT, 2, four, 8), 2, 4, four, 8);
		/* Its beginning. */
		check_name(&l, made_text(&l, 1, COMPACT | ASCII, 200, longer, 200), 200, 1, longer,
			   200);
		check_name(&l, made_text(&l, 4, COMPACT, 50, longer, 200), 50, 4, longer, 200);
		check_name(&l, made_text(&l, 1, COMPACT | ASCII, ~0ull, longer, 200), ~0u, 1,
			   longer, 200);
		/* None that is a text, or can be read. */
		check_name(&l, made_text(&l, 1, ASCII, 1, "a", 1), 0, 0, NULL, 0);
		check_name(&l, made_text(&l, 3, COMPACT, 1, "a", 1), 0, 0, NULL, 0);
		check_name(&l, made_text(&l, 0, COMPACT, 1, "a", 1), 0, 0, NULL, 0);
		text = made_text(&l, 1, COMPACT | ASCII, 1, "a", 1);
		made_word(made_word_at(text + l.object_type) + l.type_flags, 1 << 24);
		check_name(&l, text, 0, 0, NULL, 0);
		check_name(&l, 0, 0, 0, NULL, 0);
		check_name(&l, MADE_NOWHERE, 0, 0, NULL, 0);
		check_name(&l, ~7ull, 0, 0, NULL, 0);
	}
}

/* An object that ends where memory does. */
static void test_name_at_end(void **state)
{
	(void)state;
	FOR_BOTH(l)
	{
		uint64_t at = MADE_BASE + MADE_SIZE - 48, text;

		begin(&l);
		text = made_text(&l, 1, COMPACT | ASCII, 7, "at end!", 7);
		memcpy(made.memory + (at - MADE_BASE), made.memory + (text - MADE_BASE), 48);
		check_name(&l, at, 7, 1, "at end!", 7);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_at_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
