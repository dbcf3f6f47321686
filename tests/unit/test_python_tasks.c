// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Who awaits an asyncio task (bpf/python_tasks.h), over made-up memory: right, cut and hostile. */
#include "python_tasks_fixture.h"

/* The nth awaiter is coroutine c, which is a task's outermost one or not. */
static void assert_awaiter(uint32_t n, uint32_t c, bool outermost)
{
	assert_true(n < w.p.nr_awaiters);
	assert_int_equal(awaiters[n].at, 400 + c);
	assert_int_not_equal(awaiters[n].check & ~ABI_CALL_FLAGS, 0);
	assert_int_equal(awaiters[n].check & ABI_CALL_FLAGS, outermost ? ABI_CALL_TASK : 0);
}

static void assert_ends(uint32_t nr, enum abi_awaited awaited)
{
	assert_whole(&w, &want);
	for (uint32_t i = 0; i < w.p.nr; i++)
		assert_int_equal(!!(w.calls[i].check & ABI_CALL_TASK), i == TASK_AT);
	assert_int_equal(w.p.nr_awaiters, nr);
	assert_int_equal(w.p.awaited, awaited);
}

static void test_chain(void **state)
{
	(void)state;
	FOR_BOTH(l)
	{
		uint64_t task = begin(&l), first, second;

		walk(&l);
		assert_ends(0, ABI_AWAITED_WHOLE);
		first = made_coroutines(&l, 10, 3);
		second = made_coroutines(&l, 20, 1);
		made_word(task + l.task_awaiter, first);
		made_word(first + l.task_awaiter, second);
		/* Twice: nothing is left of the walk before. */
		for (int i = 0; i < 2; i++) {
			walk(&l);
			assert_ends(4, ABI_AWAITED_WHOLE);
			for (uint32_t k = 0; k < 3; k++)
				assert_awaiter(k, 10 + k, !k);
			assert_awaiter(3, 20, true);
		}
		/* Some reads for each, not more. */
		assert_true(made.nr_reads < 80);
	}
}

static void test_no_task(void **state)
{
	(void)state;
	FOR_BOTH(l)
	{
		struct abi_python without = l;
		uint32_t nr;

		without.state_task = 0;
		begin(&l);
		walk(&without);
		assert_int_equal(w.p.in_task, 0);
		nr = made.nr_reads;
		/* What it costs a thread that runs none. */
		made_word(MADE_STATE + l.state_task, 0);
		walk(&l);
		assert_int_equal(made.nr_reads, nr + 1);
		assert_int_equal(w.p.in_task, 0);
		assert_whole(&w, &want);
	}
}

/* Its coroutine is not on the stack: whatever it is, it is not what runs. */
static void test_other_task(void **state)
{
	(void)state;
	FOR_BOTH(l)
	{
		static const int64_t off[] = { -72, -8, 8, 128, 1 << 20, 1ll << 40 };

		for (size_t i = 0; i < sizeof(off) / sizeof(*off); i++) {
			uint64_t task = begin(&l);

			made_word(task + l.task_awaiter, made_coroutines(&l, 1, 2));
			made_word(task + l.task_coroutine,
				  made_word_at(task + l.task_coroutine) + (uint64_t)off[i]);
			walk(&l);
			assert_int_equal(w.p.in_task, 0);
			assert_int_equal(w.p.nr_awaiters, 0);
			for (uint32_t k = 0; k < w.p.nr; k++)
				assert_int_equal(w.calls[k].check & ABI_CALL_TASK, 0);
		}
	}
}

static void test_several(void **state)
{
	(void)state;
	FOR_BOTH(l)
	{
		uint64_t task = begin(&l), first = made_coroutines(&l, 10, 2);

		made_word(task + l.task_awaiter, first);
		made_word(first + l.task_awaiter, made_coroutines(&l, 20, 2));
		made_byte(first + l.task_awaiters, 1);
		walk(&l);
		assert_ends(2, ABI_AWAITED_SEVERAL);
		made_byte(task + l.task_awaiters, 1);
		walk(&l);
		assert_ends(0, ABI_AWAITED_SEVERAL);
	}
}

/* A future between two tasks runs nothing. */
static void test_future(void **state)
{
	(void)state;
	FOR_BOTH(l)
	{
		uint64_t task = begin(&l), future = made_room(112);

		made_word(task + l.task_awaiter, future);
		made_word(future + l.task_awaiter, made_coroutines(&l, 30, 2));
		walk(&l);
		assert_ends(2, ABI_AWAITED_WHOLE);
		assert_awaiter(0, 30, true);
		/* What runs is a task, or nothing of this is. */
		made_byte(task + l.task_is_task, 0);
		walk(&l);
		assert_ends(0, ABI_AWAITED_WHOLE);
	}
}

static void test_limits(void **state)
{
	(void)state;
	FOR_BOTH(l)
	{
		for (uint32_t nr = ABI_MAX_TASKS - 1; nr <= ABI_MAX_TASKS + 1; nr++) {
			uint64_t task = begin(&l);
			uint32_t fits = nr < ABI_MAX_TASKS ? nr : ABI_MAX_TASKS;

			for (uint32_t i = 0; i < nr; i++) {
				uint64_t next = made_coroutines(&l, i, ABI_TASK_CALLS);

				made_word(task + l.task_awaiter, next);
				task = next;
			}
			walk(&l);
			assert_ends(fits * ABI_TASK_CALLS,
				    nr > fits ? ABI_AWAITED_DEPTH : ABI_AWAITED_WHOLE);
			assert_awaiter((fits - 1) * ABI_TASK_CALLS, fits - 1, true);
		}
		/* One whose calls are not all there is left out, and those behind it. */
		for (uint32_t nr = ABI_TASK_CALLS; nr <= ABI_TASK_CALLS + 1; nr++) {
			uint64_t task = begin(&l), first = made_coroutines(&l, 1, 3), second, third;

			second = made_coroutines(&l, 10, nr);
			third = made_coroutines(&l, 50, 1);
			made_word(task + l.task_awaiter, first);
			made_word(first + l.task_awaiter, second);
			made_word(second + l.task_awaiter, third);
			walk(&l);
			if (nr == ABI_TASK_CALLS)
				assert_ends(3 + nr + 1, ABI_AWAITED_WHOLE);
			else
				assert_ends(3, ABI_AWAITED_DEPTH);
		}
	}
}

static void test_loops(void **state)
{
	(void)state;
	FOR_BOTH(l)
	{
		uint64_t task = begin(&l), other = made_coroutines(&l, 1, 2), coroutine;

		/* The one that runs awaits itself in the end: its coroutine is none that awaits. */
		made_word(task + l.task_awaiter, other);
		made_word(other + l.task_awaiter, task);
		walk(&l);
		assert_ends(2, ABI_AWAITED_WHOLE);
		made_word(other + l.task_awaiter, other);
		walk(&l);
		assert_ends(2 * ABI_MAX_TASKS, ABI_AWAITED_DEPTH);
		coroutine = made_coroutine(&l, 5, 0);
		made_word(coroutine + 72 + 120 - l.awaited, coroutine);
		made_word(other + l.task_coroutine, coroutine);
		walk(&l);
		assert_ends(0, ABI_AWAITED_DEPTH);
		/* Futures are steps, too. */
		made_byte(other + l.task_is_task, 0);
		walk(&l);
		assert_ends(0, ABI_AWAITED_DEPTH);
	}
}

/* Frames that come again and again are one task's only once. */
static void test_loop_of_frames(void **state)
{
	(void)state;
	FOR_BOTH(l)
	{
		uint64_t task = begin(&l);
		uint32_t nr = 0;

		made_word(task + l.task_awaiter, made_coroutines(&l, 1, 2));
		made_word(want.frames[4] + l.frame_previous, want.frames[0]);
		walk(&l);
		assert_int_equal(w.p.stop, ABI_INTERPRETED_DEPTH);
		assert_int_equal(w.p.nr_awaiters, 2);
		for (uint32_t i = 0; i < ABI_MAX_CALLS; i++)
			nr += !!(w.calls[i].check & ABI_CALL_TASK);
		assert_int_equal(nr, 1);
	}
}

static void test_other_coroutines(void **state)
{
	(void)state;
	FOR_BOTH(l)
	{
		uint64_t task = begin(&l), first = made_coroutines(&l, 1, 2), second, inner;

		second = made_coroutines(&l, 10, 2);
		made_word(task + l.task_awaiter, first);
		made_word(first + l.task_awaiter, second);
		/* It started the task that runs, and still runs itself. */
		made_byte(made_word_at(second + l.task_coroutine) + l.coroutine_state, RUNS);
		walk(&l);
		assert_ends(2, ABI_AWAITED_WHOLE);
		/* Not of Python: it has no frame. */
		made_word(made_word_at(second + l.task_coroutine) + l.object_type, OTHER_TYPE);
		walk(&l);
		assert_ends(2, ABI_AWAITED_LOST);
		made_word(second + l.task_coroutine, MADE_NOWHERE);
		walk(&l);
		assert_ends(2, ABI_AWAITED_LOST);
		made_word(second + l.task_coroutine, 0);
		walk(&l);
		assert_ends(2, ABI_AWAITED_LOST);
		/* What the outer one awaits is none that awaits. */
		inner = made_word_at(first + l.task_coroutine) + l.coroutine_frame + 120;
		inner = made_word_at(inner - l.awaited) & ~7ull;
		made_byte(inner + l.coroutine_state, RUNS);
		walk(&l);
		assert_ends(1, ABI_AWAITED_LOST);
		assert_awaiter(0, 1, true);
	}
}

static void rich(const struct abi_python *l)
{
	uint64_t task = begin(l), awaited = task;

	made_word(task + l->task_name, made_text(l, 1, COMPACT | ASCII, 9, "something", 9));
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t next = made_coroutines(l, 10 * i, 3);

		made_word(awaited + l->task_awaiter, next);
		awaited = next;
	}
}

/* Whichever read fails: what is there is true, and all of a task or nothing. */
static void test_each_read_fails(void **state)
{
	(void)state;
	FOR_BOTH(l)
	{
		uint32_t nr;

		rich(&l);
		walk(&l);
		assert_ends(12, ABI_AWAITED_WHOLE);
		nr = made.nr_reads;
		for (uint32_t at = 1; at <= nr; at++) {
			made.fail_at = at;
			walk(&l);
			made.fail_at = 0;
			assert_calls(&w, &want);
			for (uint32_t i = 0; i < w.p.nr_awaiters; i++)
				assert_int_equal(awaiters[i].check & ABI_CALL_TASK ? 1 : 0,
						 awaiters[i].at % 10 == 0);
			if (is_named)
				assert_string_equal((const char *)name.text, "something");
		}
	}
}

static uint64_t random_word(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

static void test_random_memory(void **state)
{
	(void)state;
	FOR_BOTH(l)
	{
		for (int i = 0; i < 1500; i++) {
			rich(&l);
			for (int k = 0; k < 1 + i % 40; k++) {
				uint64_t r = random_word(), to = want.frames[0] & ~7ull;

				to += r % (made.next - to) & ~7ull;
				r = random_word();
				made_word(to, r & 1   ? MADE_HEAP + (r >> 8) % 16384
					      : r & 2 ? r >> 60
					      : r & 4 ? made_word_at(MADE_STATE + l.state_task)
						      : r);
			}
			walk(&l);
			assert_true(made.nr_reads < 3 * ABI_CALLS_WALKED + 3000);
		}
	}
}

static void test_random_layouts(void **state)
{
	(void)state;
	FOR_BOTH(l)
	{
		for (int i = 0; i < 3000; i++) {
			struct abi_python bad = l;

			rich(&l);
			for (int k = 0; k < 1 + i % 4; k++) {
				uint64_t r = random_word();

				((uint8_t *)&bad.task_awaiter)[r % 12] = (uint8_t)(r >> 32);
			}
			walk(&bad);
			assert_true(made.nr_reads < 3 * ABI_CALLS_WALKED + 3000);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_no_task),
		cmocka_unit_test(test_other_task),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_future),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_loops),
		cmocka_unit_test(test_loop_of_frames),
		cmocka_unit_test(test_other_coroutines),
		cmocka_unit_test(test_each_read_fails),
		cmocka_unit_test(test_random_memory),
		cmocka_unit_test(test_random_layouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
