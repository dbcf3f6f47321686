// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The list of an interpreter's states, in memory that its process may write as it likes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/python_inside.h"

enum { MANY = 2000 };

/* As in 3.11: next at 8, thread at 152; an interpreter's next at 0, its states at 16. */
static struct made {
	uint64_t words[32];
} states[MANY], interpreters[40];
static uint64_t head;

static uint64_t at(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* One interpreter with a list of `nr` states that ends in `last`. */
static void make(uint32_t nr, uint64_t thread, const void *last)
{
	memset(states, 0, sizeof(states));
	memset(interpreters, 0, sizeof(interpreters));
	head = at(&interpreters[0]);
	interpreters[0].words[2] = at(&states[0]);
	for (uint32_t i = 0; i < nr; i++) {
		states[i].words[1] = i + 1 < nr ? at(&states[i + 1]) : at(last);
		states[i].words[152 / 8] = thread ? thread + i : 0;
	}
}

static int list(struct python_states *ret)
{
	struct python_layout l = {
		.interpreter_threads = 16,
		.state_next = 8,
		.abi = { .state_thread = 152, .state_frame = 56 },
	};
	struct target_memory memory = { .pid = getpid() };

	return python_list_states(&memory, &l, at(&head), ret);
}

static void test_list(void **state)
{
	struct python_states s;

	(void)state;
	make(3, 1000, NULL);
	assert_int_equal(list(&s), 0);
	assert_int_equal(s.nr, 3);
	assert_int_equal(s.of[2].state, at(&states[2]));
	assert_int_equal(s.of[2].thread, 1002);
	make(MANY, 1000, NULL);
	assert_int_equal(list(&s), 0);
	assert_int_equal(s.nr, PYTHON_STATES);
}

/* Those that no thread has are passed over, and a ring of them is left. */
static void test_rings(void **state)
{
	struct python_states s;

	(void)state;
	for (uint32_t nr = 1; nr < 4; nr++) {
		make(nr, 0, &states[0]);
		assert_int_equal(list(&s), -EAGAIN);
		make(nr, 1000, &states[0]);
		assert_int_equal(list(&s), 0);
		assert_int_equal(s.nr, PYTHON_STATES);
	}
	make(5, 0, NULL);
	states[4].words[152 / 8] = 7;
	assert_int_equal(list(&s), 0);
	assert_int_equal(s.nr, 1);
	assert_int_equal(s.of[0].thread, 7);
	/* Of interpreters. */
	make(2, 0, &states[0]);
	interpreters[0].words[0] = at(&interpreters[0]);
	assert_int_equal(list(&s), -EAGAIN);
}

static void test_nowhere(void **state)
{
	struct python_states s;

	(void)state;
	make(2, 1000, (void *)16);
	assert_int_equal(list(&s), 0);
	assert_int_equal(s.nr, 2);
	make(0, 0, NULL);
	interpreters[0].words[2] = 8;
	assert_int_equal(list(&s), -EAGAIN);
	head = 0;
	assert_int_equal(list(&s), -EAGAIN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_rings),
		cmocka_unit_test(test_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
