// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The walk of Python's frames (bpf/python.h) over made-up memory: right, cut and hostile lists. */
#include "python_fixture.h"

static const int minors[] = { 9, 10, 11, 12, 13, 14, 15 };

static struct made_stack want;
static struct made_walk w;

#define FOR_EACH_MINOR(l)                                                               \
	for (size_t i_ = 0; i_ < sizeof(minors) / sizeof(*minors); i_++)                \
		for (struct abi_python l = made_layout(minors[i_]), *once_ = &l; once_; \
		     once_ = NULL)

static void stack(const struct abi_python *l, uint32_t nr, const uint32_t *groups)
{
	made_begin(l);
	made_stack(l, groups, nr, &want);
	made_walk(l, &w);
}

#define STACK(l, ...)                                                    \
	stack(l, sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), \
	      (uint32_t[]){ __VA_ARGS__ })

static void test_layouts(void **state)
{
	(void)state;
	FOR_EACH_MINOR(l)
	{
		STACK(&l, 1);
		assert_whole(&w, &want);
		STACK(&l, 3, 1, 2);
		assert_whole(&w, &want);
		/* The same again: nothing is left of the walk before. */
		made_walk(&l, &w);
		assert_whole(&w, &want);
		STACK(&l, 40);
		assert_whole(&w, &want);
	}
}

static void test_runs_nothing(void **state)
{
	(void)state;
	FOR_EACH_MINOR(l)
	{
		made_begin(&l);
		made_walk(&l, &w);
		assert_int_equal(w.p.stop, ABI_INTERPRETED_WHOLE);
		assert_int_equal(w.p.nr, 0);
		assert_int_equal(w.p.nr_entries, 0);
	}
}

/* Some three reads for what is around the frames, three a frame, one for whose loop it was. */
static void test_reads(void **state)
{
	(void)state;
	FOR_EACH_MINOR(l)
	{
		STACK(&l, 100);
		assert_true(made.nr_reads <= 3 * 100 + 10);
	}
}

/* About to run its first frame, or done with its last one: that loop runs none of these. */
static void test_shim_at_leaf(void **state)
{
	(void)state;
	for (int minor = 12; minor <= 15; minor++) {
		struct abi_python l = made_layout(minor);
		uint64_t inner;

		STACK(&l, 2, 2);
		made_word(made_current(&l), made_shim(&l, want.frames[0]));
		made_walk(&l, &w);
		assert_whole(&w, &want);
		/* Both of them: it cleans up, and that runs Python. */
		inner = made_shim(&l, want.entries[0]);
		made_word(want.frames[1] + l.frame_previous, inner);
		made_walk(&l, &w);
		assert_int_equal(w.p.stop, ABI_INTERPRETED_WHOLE);
		assert_int_equal(w.p.nr, 4);
		assert_int_equal(w.p.nr_entries, 2);
		assert_int_equal(w.entries[0], inner);
		assert_int_equal(w.entries[1], want.entries[1]);
	}
}

static void test_nowhere(void **state)
{
	(void)state;
	FOR_EACH_MINOR(l)
	{
		STACK(&l, 3);
		/* Not started yet; before the code; far behind it. */
		if (l.at_is_index) {
			made_int(want.frames[0] + l.frame_at, 0xffffffff);
			want.calls[0].at = ABI_CALL_NOWHERE;
		} else {
			made_word(want.frames[0] + l.frame_at, want.calls[0].code - 2);
			made_word(want.frames[1] + l.frame_at, want.calls[1].code + (1ull << 31));
			made_word(want.frames[2] + l.frame_at, 0);
			for (int i = 0; i < 3; i++)
				want.calls[i].at = ABI_CALL_NOWHERE;
		}
		made_walk(&l, &w);
		assert_whole(&w, &want);
	}
}

static uint32_t check_of(const struct abi_python *l)
{
	made_walk(l, &w);
	assert_whole(&w, &want);
	return w.calls[0].check & ~ABI_CALL_ENTERED;
}

static void test_check(void **state)
{
	(void)state;
	FOR_EACH_MINOR(l)
	{
		uint8_t at[] = { l.code_file, l.code_lines,
				 l.code_qualname ? l.code_qualname : l.code_name };
		uint32_t check, n;

		STACK(&l, 2);
		check = check_of(&l);
		assert_true(check);
		n = (uint32_t)made_word_at(want.calls[0].code + l.code_first_line);
		made_int(want.calls[0].code + l.code_first_line, n + 1);
		assert_int_not_equal(check_of(&l), check);
		made_int(want.calls[0].code + l.code_first_line, n);
		assert_int_equal(check_of(&l), check);
		for (int i = 0; i < 3; i++) {
			uint64_t before = made_word_at(want.calls[0].code + at[i]);

			made_word(want.calls[0].code + at[i], before + 64);
			assert_int_not_equal(check_of(&l), check);
			made_word(want.calls[0].code + at[i], before);
		}
		/* Another object with the same contents has the same check. */
		assert_int_equal(check_of(&l), check);
	}
}

/* A code object that can't be read is a frame all the same. */
static void test_code_unreadable(void **state)
{
	(void)state;
	FOR_EACH_MINOR(l)
	{
		static const uint64_t codes[] = { 0, MADE_NOWHERE, ~7ull, 1ull << 63 };

		for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
			STACK(&l, 3);
			made_word(want.frames[1] + l.frame_code, codes[i]);
			want.calls[1].code = codes[i];
			made_walk(&l, &w);
			want.calls[1].at = w.calls[1].at; /* from nothing on */
			assert_whole(&w, &want);
			assert_int_equal(w.calls[1].check & ~ABI_CALL_ENTERED, 0);
			assert_int_not_equal(w.calls[0].check & ~ABI_CALL_ENTERED, 0);
		}
	}
}

static void test_bad_frames(void **state)
{
	(void)state;
	FOR_EACH_MINOR(l)
	{
		static const uint64_t frames[] = { 1,
						   8,
						   MADE_NOWHERE,
						   ~7ull,
						   ~0ull,
						   1ull << 63,
						   MADE_BASE + MADE_SIZE - 8,
						   MADE_HEAP + 4 };

		for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
			STACK(&l, 2, 2, 2);
			made_word(want.frames[2] + l.frame_previous, frames[i]);
			made_walk(&l, &w);
			assert_int_equal(w.p.stop, ABI_INTERPRETED_MEMORY);
			assert_int_equal(w.p.nr, 3);
			assert_calls(&w, &want);
			made_word(made_current(&l), frames[i]);
			made_walk(&l, &w);
			assert_int_equal(w.p.stop, ABI_INTERPRETED_MEMORY);
			assert_int_equal(w.p.nr, 0);
		}
	}
}

/* A list that ends where no loop was entered is not whole. */
static void test_cut_list(void **state)
{
	(void)state;
	FOR_EACH_MINOR(l)
	{
		STACK(&l, 4);
		made_word(want.frames[1] + l.frame_previous, 0);
		made_walk(&l, &w);
		assert_int_equal(w.p.nr, 2);
		assert_int_equal(w.p.stop, l.frames == ABI_PYTHON_OBJECTS ? ABI_INTERPRETED_WHOLE
									  : ABI_INTERPRETED_MEMORY);
	}
}

/* A frame is where a page ends: no more of it is read than there must be. */
static void test_frame_at_end(void **state)
{
	(void)state;
	for (int minor = 11; minor <= 15; minor++) {
		struct abi_python l = made_layout(minor);
		uint64_t at = MADE_BASE + MADE_SIZE - 80;

		STACK(&l, 2);
		memcpy(made.memory + (at - MADE_BASE), made.memory + (want.frames[0] - MADE_BASE),
		       80);
		made_word(made_current(&l), at);
		if (l.cframe_frame == 8)
			made_word(want.entries[0] + 8, at);
		made_walk(&l, &w);
		assert_whole(&w, &want);
	}
}

static void test_depths(void **state)
{
	static const uint32_t depths[] = { 447,	 448,  449,  511,  512,	 513, 576,
					   1000, 3000, 4095, 4096, 4097, 5000 };

	(void)state;
	FOR_EACH_MINOR(l)
	{
		for (size_t i = 0; i < sizeof(depths) / sizeof(*depths); i++) {
			STACK(&l, depths[i] - 7, 7);
			/* Whether more follow is not looked at everywhere. */
			if (depths[i] == ABI_CALLS_WALKED) {
				assert_int_equal(w.p.nr, ABI_CALLS_WALKED);
				assert_calls(&w, &want);
				continue;
			}
			if (depths[i] < ABI_CALLS_WALKED) {
				assert_whole(&w, &want);
				/* The root is kept, however deep it is. */
				assert_non_null(made_kept(&w, depths[i] - 1));
				continue;
			}
			assert_int_equal(w.p.nr, ABI_CALLS_WALKED);
			assert_calls(&w, &want);
			assert_int_equal(w.p.stop, ABI_INTERPRETED_DEPTH);
		}
	}
}

/* Each call enters the loop anew, as callbacks through C do. */
static void test_many_entries(void **state)
{
	static const uint32_t numbers[] = { 127, 128, 129, 500, 2500 };
	static uint32_t groups[2500];

	(void)state;
	for (size_t i = 0; i < 2500; i++)
		groups[i] = 1;
	FOR_EACH_MINOR(l)
	{
		for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
			stack(&l, numbers[i], groups);
			assert_whole(&w, &want);
		}
	}
}

static void test_loops(void **state)
{
	(void)state;
	FOR_EACH_MINOR(l)
	{
		for (int to = 0; to < 4; to++) {
			STACK(&l, 4);
			made_word(want.frames[3] + l.frame_previous, want.frames[to]);
			made_walk(&l, &w);
			assert_int_equal(w.p.stop, ABI_INTERPRETED_DEPTH);
			assert_int_equal(w.p.nr, ABI_CALLS_WALKED);
			assert_true(made.nr_reads <= 4 * ABI_CALLS_WALKED + 10);
		}
	}
}

static void test_loops_of_shims(void **state)
{
	(void)state;
	for (int minor = 12; minor <= 15; minor++) {
		struct abi_python l = made_layout(minor);

		/* To itself, behind calls and with none; then with a call in between. */
		STACK(&l, 2, 2);
		made_word(want.entries[1] + l.frame_previous, want.entries[1]);
		made_walk(&l, &w);
		assert_int_equal(w.p.stop, ABI_INTERPRETED_DEPTH);
		assert_int_equal(w.p.nr, 4);
		assert_int_equal(w.p.nr_entries, 2);
		made_word(made_current(&l), want.entries[1]);
		made_walk(&l, &w);
		assert_int_equal(w.p.stop, ABI_INTERPRETED_DEPTH);
		assert_int_equal(w.p.nr, 0);
		STACK(&l, 1, 1);
		made_word(want.entries[1] + l.frame_previous, want.frames[0]);
		made_walk(&l, &w);
		assert_int_equal(w.p.stop, ABI_INTERPRETED_DEPTH);
		assert_int_equal(w.p.nr, PYTHON_MAX_STEPS / 2);
		assert_int_equal(w.p.nr_entries, ABI_MAX_ENTRIES);
		assert_true(made.nr_reads <= 2 * PYTHON_MAX_STEPS + 10);
	}
}

/* 3.11: loops whose _PyCFrames are a ring, or lead nowhere. */
static void test_bad_cframes(void **state)
{
	struct abi_python l = made_layout(11);

	(void)state;
	STACK(&l, 2, 2, 2);
	made_word(want.entries[0] + l.cframe_previous, want.entries[0]);
	made_walk(&l, &w);
	assert_int_equal(w.p.nr, 6);
	assert_int_equal(w.p.nr_entries, 3);
	made_word(want.entries[0] + l.cframe_previous, MADE_NOWHERE);
	made_walk(&l, &w);
	assert_int_equal(w.p.stop, ABI_INTERPRETED_WHOLE);
	assert_int_equal(w.p.nr, 6);
	assert_true(w.p.nr_entries <= 2);
	made_word(MADE_STATE + l.state_frame, MADE_NOWHERE);
	made_walk(&l, &w);
	assert_int_equal(w.p.stop, ABI_INTERPRETED_MEMORY);
	made_word(MADE_STATE + l.state_frame, 0);
	made_walk(&l, &w);
	assert_int_equal(w.p.stop, ABI_INTERPRETED_WHOLE);
	assert_int_equal(w.p.nr, 0);
}

/* Whichever read fails: what was found is true, and it is only called whole if it is. */
static void test_each_read_fails(void **state)
{
	(void)state;
	FOR_EACH_MINOR(l)
	{
		uint32_t nr;

		STACK(&l, 3, 1, 2);
		nr = made.nr_reads;
		for (uint32_t at = 1; at <= nr; at++) {
			made.fail_at = at;
			made_walk(&l, &w);
			made.fail_at = 0;
			if (w.p.stop == ABI_INTERPRETED_WHOLE) {
				assert_int_equal(w.p.nr, want.nr);
				assert_calls(&w, &want);
			} else if (w.p.nr) {
				assert_int_equal(w.p.stop, ABI_INTERPRETED_MEMORY);
				assert_calls(&w, &want);
			} else {
				assert_true(w.p.stop < ABI_INTERPRETED_STOPS);
			}
		}
	}
}

static void test_each_page_lost(void **state)
{
	(void)state;
	FOR_EACH_MINOR(l)
	{
		STACK(&l, 60, 60, 60);
		for (uint32_t i = 0; i < 40; i++) {
			made.lost[i] = true;
			made_walk(&l, &w);
			made.lost[i] = false;
			assert_calls(&w, &want);
			if (w.p.stop == ABI_INTERPRETED_WHOLE)
				assert_int_equal(w.p.nr, want.nr);
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

/* Words of it overwritten by pointers to elsewhere in it, small numbers, anything. */
static void test_random_memory(void **state)
{
	(void)state;
	FOR_EACH_MINOR(l)
	{
		for (int i = 0; i < 600; i++) {
			STACK(&l, 5, 3, 4);
			for (int k = 0; k < 1 + i % 40; k++) {
				uint64_t r = random_word(), to = MADE_THREAD & ~0xfffull;

				to += r % (made.next - to) & ~7ull;
				r = random_word();
				made_word(to, r & 1   ? MADE_HEAP + (r >> 8) % 16384
					      : r & 2 ? r >> 60
					      : r & 4 ? MADE_STATE
						      : r);
			}
			made_walk(&l, &w);
			assert_true(w.p.stop < ABI_INTERPRETED_STOPS);
		}
	}
}

/* Offsets are data: whatever they are, nothing but memory of the process is read. */
static void test_random_layouts(void **state)
{
	(void)state;
	FOR_EACH_MINOR(l)
	{
		for (int i = 0; i < 2000; i++) {
			struct abi_python bad = l;

			STACK(&l, 5, 3, 4);
			for (int k = 0; k < 1 + i % 20; k++) {
				uint64_t r = random_word();

				((uint8_t *)&bad)[r % sizeof(bad)] = r >> 32;
			}
			made_walk(&bad, &w);
			assert_true(w.p.stop < ABI_INTERPRETED_STOPS);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),		cmocka_unit_test(test_runs_nothing),
		cmocka_unit_test(test_reads),		cmocka_unit_test(test_shim_at_leaf),
		cmocka_unit_test(test_nowhere),		cmocka_unit_test(test_check),
		cmocka_unit_test(test_code_unreadable), cmocka_unit_test(test_bad_frames),
		cmocka_unit_test(test_cut_list),	cmocka_unit_test(test_frame_at_end),
		cmocka_unit_test(test_depths),		cmocka_unit_test(test_many_entries),
		cmocka_unit_test(test_loops),		cmocka_unit_test(test_loops_of_shims),
		cmocka_unit_test(test_bad_cframes),	cmocka_unit_test(test_each_read_fails),
		cmocka_unit_test(test_each_page_lost),	cmocka_unit_test(test_random_memory),
		cmocka_unit_test(test_random_layouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
