// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The ways from a thread pointer to the thread's state (bpf/python.h), over made-up memory. */
#include "python_fixture.h"

enum {
	STRANGER = MADE_STATE + 2048, /* a state, of another thread */
	GARBAGE = MADE_HEAP + 65536,
};

static struct made_walk w;

/* No way leads anywhere; each test opens its own. */
static struct abi_python closed(int minor)
{
	struct abi_python l = made_layout(minor);

	made_begin(&l);
	l.held = l.kept = (struct abi_thread_local){ 0 };
	l.key = l.holder = l.interpreters = 0;
	made_word(STRANGER + l.state_thread, MADE_THREAD + 4096);
	return l;
}

static uint8_t stop_of(const struct abi_python *l)
{
	made_walk(l, &w);
	return w.p.stop;
}

#define FOUND ABI_INTERPRETED_WHOLE

static void test_none(void **state)
{
	struct abi_python l = closed(12);

	(void)state;
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
	l = made_layout(12);
	made_begin(&l);
	assert_int_equal(stop_of(&l), FOUND);
	/* A kernel thread's pointer. */
	assert_true(python_begin(&w.p, &l, 0));
	assert_int_equal(w.p.stop, ABI_INTERPRETED_NONE);
	assert_true(python_begin(&w.p, &l, MADE_NOWHERE));
	assert_int_equal(w.p.stop, ABI_INTERPRETED_NONE);
	assert_true(python_begin(&w.p, &l, ~0ull));
	assert_int_equal(w.p.stop, ABI_INTERPRETED_NONE);
}

static void test_static(void **state)
{
	struct abi_python l = closed(13);

	(void)state;
	l.held.offset = -24;
	assert_int_equal(stop_of(&l), FOUND);
	/* Without the GIL. */
	made_word(MADE_THREAD - 24, 0);
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
	l.kept.offset = -40;
	made_word(MADE_THREAD - 40, MADE_STATE);
	assert_int_equal(stop_of(&l), FOUND);
	made_word(MADE_THREAD - 40, STRANGER);
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_STRANGER);
	made_word(MADE_THREAD - 40, MADE_NOWHERE);
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_STRANGER);
	l.kept.offset = MADE_NOWHERE;
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
}

static void vector(uint64_t nr, uint64_t module, uint64_t block)
{
	made_word(MADE_THREAD + 8, MADE_VECTOR + 16);
	made_word(MADE_VECTOR, nr);
	made_word(MADE_VECTOR + 16 + 16 * module, block);
}

static void test_vector(void **state)
{
	struct abi_python l = closed(13);
	uint64_t block = made_room(64);

	(void)state;
	l.held = (struct abi_thread_local){ .module = 3, .offset = 0x10 };
	made_word(block + 0x10, MADE_STATE);
	made_word(block, MADE_STATE);
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
	vector(16, 3, block);
	assert_int_equal(stop_of(&l), FOUND);
	l.held.offset = 0;
	assert_int_equal(stop_of(&l), FOUND);
	/* Not made for this thread yet. */
	vector(16, 3, ~0ull);
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
	vector(16, 3, 0);
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
	/* It has no such entry: what is there is of something else. */
	vector(2, 3, block);
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
	vector(3, 3, block);
	assert_int_equal(stop_of(&l), FOUND);
	vector(16, 3, MADE_NOWHERE);
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
	l.held.module = 1ull << 60;
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
}

/* What a way holds that is not ours doesn't hide what the next one knows. */
static void test_next_way(void **state)
{
	static const uint64_t wrong[] = { 0, STRANGER, GARBAGE, MADE_NOWHERE, ~0ull };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct abi_python l = made_layout(15);

		made_begin(&l);
		l.key = MADE_KEY;
		made_word(MADE_THREAD - 24, wrong[i]);
		assert_int_equal(stop_of(&l), FOUND);
		assert_int_equal(w.p.state, MADE_STATE);
		made_word(MADE_THREAD - 40, wrong[i]);
		assert_int_equal(stop_of(&l), FOUND);
		assert_int_equal(w.p.state, MADE_STATE);
		l.key = 0;
		assert_int_equal(stop_of(&l),
				 wrong[i] ? ABI_INTERPRETED_STRANGER : ABI_INTERPRETED_NONE);
		assert_int_equal(w.p.state, 0);
	}
}

static void test_holder(void **state)
{
	struct abi_python l = closed(11);

	(void)state;
	l.holder = MADE_HOLDER;
	assert_int_equal(stop_of(&l), FOUND);
	/* Another thread holds the GIL: no sign of anything wrong. */
	made_word(MADE_HOLDER, STRANGER);
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
	l.key = MADE_KEY;
	assert_int_equal(stop_of(&l), FOUND);
	made_word(MADE_HOLDER, 0);
	assert_int_equal(stop_of(&l), FOUND);
	l.holder = MADE_NOWHERE;
	assert_int_equal(stop_of(&l), FOUND);
}

static void test_key_glibc(void **state)
{
	static const uint32_t keys[] = { 0, 1, 31, 32, 33, 63, 64, 1023 };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct abi_python l = closed(10);
		uint64_t at = MADE_VALUES;

		l.key = MADE_KEY;
		made_word(MADE_THREAD + 0x310 + 16 + 8, 0);
		made_int(MADE_KEY, keys[i]);
		assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
		if (keys[i] < 32)
			at = MADE_THREAD + 0x310;
		else
			made_word(MADE_THREAD + 0x510 + keys[i] / 32 * 8, at);
		assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
		made_word(at + keys[i] % 32 * 16 + 8, STRANGER);
		assert_int_equal(stop_of(&l), ABI_INTERPRETED_STRANGER);
		made_word(at + keys[i] % 32 * 16 + 8, MADE_STATE);
		assert_int_equal(stop_of(&l), FOUND);
		l.key = MADE_NOWHERE;
		assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
	}
}

/* musl: one table of pointers, to which the thread has one. */
static void test_key_musl(void **state)
{
	static const uint32_t keys[] = { 0, 1, 32, 127 };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct abi_python l = closed(12);

		l.key = MADE_KEY;
		l.key_block = 0;
		l.key_blocks = 0x80;
		l.key_size = 8;
		l.key_data = 0;
		made_int(MADE_KEY, keys[i]);
		assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
		made_word(MADE_THREAD + 0x80, MADE_VALUES);
		assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
		made_word(MADE_VALUES + 8 * keys[i], MADE_STATE);
		assert_int_equal(stop_of(&l), FOUND);
		made_word(MADE_THREAD + 0x80, MADE_NOWHERE);
		assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
	}
}

static void test_key_absurd(void **state)
{
	static const uint32_t keys[] = { 1024, 1025, 0x7fffffff, 0x80000000, 0xffffffff };
	struct abi_python l = closed(10);

	(void)state;
	l.key = MADE_KEY;
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		made_int(MADE_KEY, keys[i]);
		assert_int_equal(stop_of(&l), ABI_INTERPRETED_NONE);
		/* Of the key, and nothing behind it. */
		assert_int_equal(made.nr_reads, 1);
	}
}

static void test_interpreters(void **state)
{
	struct abi_python l = closed(11);

	(void)state;
	l.key = MADE_KEY;
	l.interpreters = MADE_HEAD;
	l.interpreter_next = 8;
	assert_int_equal(stop_of(&l), FOUND);
	made_word(MADE_INTERPRETERS + 8, MADE_INTERPRETERS + 512);
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_AMBIGUOUS);
	/* The state that holds the GIL is known whichever it is of. */
	l.holder = MADE_HOLDER;
	assert_int_equal(stop_of(&l), FOUND);
	made_word(MADE_HOLDER, STRANGER);
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_AMBIGUOUS);
	/* A stranger's is one of none. */
	made_word(MADE_THREAD + 0x310 + 16 + 8, STRANGER);
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_STRANGER);
	made_word(MADE_THREAD + 0x310 + 16 + 8, MADE_STATE);
	/* A second one can't be ruled out. */
	made_word(MADE_INTERPRETERS + 8, 0);
	assert_int_equal(stop_of(&l), FOUND);
	made_word(MADE_HEAD, MADE_NOWHERE);
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_AMBIGUOUS);
	l.interpreters = MADE_NOWHERE;
	assert_int_equal(stop_of(&l), ABI_INTERPRETED_AMBIGUOUS);
}

/* The state is ours, but its frame can't be read: not the same as running nothing. */
static void test_frame_unreadable(void **state)
{
	static const int minors[] = { 10, 11, 12, 13 };

	(void)state;
	for (size_t i = 0; i < sizeof(minors) / sizeof(*minors); i++) {
		struct abi_python l = made_layout(minors[i]);

		made_begin(&l);
		assert_int_equal(stop_of(&l), FOUND);
		if (l.cframe_frame != 0xffff) {
			l.cframe_frame = 32768;
			made.lost[(MADE_HEAP + 32768 - MADE_BASE) / MADE_PAGE] = true;
			assert_int_equal(stop_of(&l), ABI_INTERPRETED_MEMORY);
		}
		l.state_frame = 65528;
		made.lost[(MADE_STATE + 65528 - MADE_BASE) / MADE_PAGE] = true;
		assert_int_equal(stop_of(&l), ABI_INTERPRETED_MEMORY);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),	     cmocka_unit_test(test_static),
		cmocka_unit_test(test_vector),	     cmocka_unit_test(test_next_way),
		cmocka_unit_test(test_holder),	     cmocka_unit_test(test_key_glibc),
		cmocka_unit_test(test_key_musl),     cmocka_unit_test(test_key_absurd),
		cmocka_unit_test(test_interpreters), cmocka_unit_test(test_frame_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
