// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/intern.h"

static void ids_are_dense_and_in_order(void **state)
{
	enum { NR = 200000 };
	struct intern t = INTERN_INIT;
	const char *first;
	uint32_t id;

	(void)state;
	for (uint32_t i = 0; i < NR; i++) {
		char text[32];
		int n = snprintf(text, sizeof(text), "name %u", i);

		assert_int_equal(intern_add(&t, text, (size_t)n, &id), 1);
		assert_int_equal(id, i);
		if (!i)
			first = intern_bytes(&t, 0);
	}
	assert_ptr_equal(intern_bytes(&t, 0), first);
	for (uint32_t i = 0; i < NR; i += 7) {
		char text[32];
		int n = snprintf(text, sizeof(text), "name %u", i);

		assert_int_equal(intern_add(&t, text, (size_t)n, &id), 0);
		assert_int_equal(id, i);
		assert_int_equal(intern_find(&t, text, (size_t)n, &id), 1);
		assert_int_equal(id, i);
		assert_string_equal(intern_bytes(&t, i), text);
		assert_int_equal(intern_size(&t, i), n);
		assert_int_equal((uintptr_t)intern_bytes(&t, i) % 8, 0);
	}
	assert_int_equal(t.count, NR);
	/* 12 bytes of text, 16 of entry, at most 16 of slots; all told and no more. */
	assert_true(t.memory > NR * (12 + 16 + 8) && t.memory < NR * 80);
	intern_done(&t);
	assert_int_equal(t.count, 0);
	assert_int_equal(intern_find(&t, "x", 1, &id), 0);
}

static void sizes_and_zero_bytes_tell_apart(void **state)
{
	struct intern t = INTERN_INIT;
	char zeros[40] = { 0 };
	uint32_t id;

	(void)state;
	for (uint32_t size = 0; size < sizeof(zeros); size++) {
		assert_int_equal(intern_add(&t, zeros, size, &id), 1);
		assert_int_equal(id, size);
	}
	for (uint32_t size = 0; size < sizeof(zeros); size++) {
		assert_int_equal(intern_find(&t, zeros, size, &id), 1);
		assert_int_equal(id, size);
	}
	intern_done(&t);
}

static void nothing_is_a_key(void **state)
{
	struct intern t = INTERN_INIT;
	uint32_t id = 9;

	(void)state;
	assert_int_equal(intern_find(&t, NULL, 0, &id), 0);
	assert_int_equal(id, 9);
	assert_int_equal(intern_add(&t, NULL, 0, &id), 1);
	assert_int_equal(intern_add(&t, NULL, 0, &id), 0);
	assert_int_equal(id, 0);
	assert_string_equal(intern_bytes(&t, 0), "");
	intern_done(&t);
}

static void large_keys_are_kept_whole(void **state)
{
	enum { SIZE = 300000 };
	static char big[SIZE];
	struct intern t = INTERN_INIT;
	uint32_t id;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		memset(big, 'a' + (int)i, SIZE);
		assert_int_equal(intern_add(&t, big, SIZE, &id), 1);
		assert_int_equal(intern_add(&t, &i, sizeof(i), &id), 1);
	}
	memset(big, 'c', SIZE);
	assert_int_equal(intern_find(&t, big, SIZE, &id), 1);
	assert_int_equal(id, 4);
	assert_memory_equal(intern_bytes(&t, 4), big, SIZE);
	big[SIZE - 1] = 'd';
	assert_int_equal(intern_find(&t, big, SIZE, &id), 0);
	intern_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_dense_and_in_order),
		cmocka_unit_test(sizes_and_zero_bytes_tell_apart),
		cmocka_unit_test(nothing_is_a_key),
		cmocka_unit_test(large_keys_are_kept_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
