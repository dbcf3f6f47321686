// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * CPython without a GIL: what its processes say of themselves, and frames that run a thread's own
 * copy of their code object's instructions.
 */
#include <errno.h>
#include <unistd.h>

#include "python_fixture.h"
#include "base/array.h"
#include "base/strbuf.h"
#include "runtime/python_versions.h"

/* What 3.13.5, 3.14.0 and 3.15.2 say where they are built so; 65535: more than that. */
static const uint16_t said_3_13[] = {
	1,    65535, 608, 632, 65535, 7272, 7264, 7344, 7400, 7664, 7648, 7656, 16, 7760, 0,
	7784, 7776,  304, 0,   8,     16,   72,	  152,	160,  232,  32,	  80,	8,  0,	  56,
	72,   70,    224, 128, 136,   144,  152,  84,	68,   112,  120,  216,	32, 24,	  432,
	40,   104,   184, 48,  40,    32,   56,	  40,	32,   64,   48,	  56,	40, 32,	  48,
	32,   40,    56,  32,  48,    80,   48,	  32,	56,   248,  200,
};
static const uint16_t said_3_14[] = {
	1,    65535, 784,  808,	 65535, 7280,  7272, 7344, 7360, 7408, 7712, 7696, 7704, 16,
	7808, 0,     7832, 7824, 8024,	17628, 824,  0,	   8,	 16,   72,   152,  160,	 232,
	32,   88,    8,	   0,	 56,	80,    78,   64,   72,	 240,  128,  136,  144,	 152,
	84,   68,    112,  120,	 232,	224,   32,   24,   432,	 40,   104,  184,  56,	 48,
	32,   56,    40,   32,	 216,	40,    56,   48,   64,	 48,   56,   40,   32,	 48,
	32,   40,    56,   32,	 48,	80,    48,   32,   56,	 288,  192,  176,  40,	 88,
	83,   0,     8,	   24,	 304,	8108,  0,    4,	   512,
};
static const uint16_t said_3_15[] = {
	1,    65535, 912,  936,	 65535, 7272,  7264, 7336, 7352, 7400, 7592, 7576, 7584, 16,
	7736, 0,     7760, 7752, 7952,	17252, 888,  0,	   8,	 16,   72,   80,   88,	 96,
	176,  184,   256,  32,	 36,	40,    136,  288,  0,	 88,   8,    0,	   56,	 80,
	78,   64,    72,   240,	 128,	136,   144,  152,  84,	 68,   112,  120,  232,	 224,
	32,   24,    440,  40,	 104,	184,   48,   304,  968,	 904,  56,   48,   32,	 56,
	40,   32,    216,  40,	 56,	48,    64,   48,   56,	 40,   32,   48,   32,	 40,
	56,   32,    48,   80,	 48,	32,    56,   72,   176,	 112,  120,  224,  104,	 176,
	40,   88,    83,   0,	 8,	24,    344,  8036, 0,	 4,    512,
};

static const struct said {
	uint8_t minor, micro;
	const uint16_t *words;
	size_t nr;
	uint16_t task, instructions;
} said[] = {
	{ 13, 5, said_3_13, ARRAY_SIZE(said_3_13), 0, 216 },
	{ 14, 0, said_3_14, ARRAY_SIZE(said_3_14), 864, 232 },
	{ 14, 10, said_3_14, ARRAY_SIZE(said_3_14), 872, 232 },
	{ 15, 2, said_3_15, ARRAY_SIZE(said_3_15), 1032, 232 },
};

enum { STATE_SIZE = 22 };

static void fill(uint64_t words[128], const struct said *s)
{
	memset(words, 0, 128 * sizeof(*words));
	memcpy(words, "xdebugpy", 8);
	words[1] = 0x030000f0u | (uint32_t)s->minor << 16 | (uint32_t)s->micro << 8;
	for (size_t i = 0; i < s->nr; i++)
		words[2 + i] = s->words[i];
	/* By then a thread's state had grown. */
	if (s->minor == 14 && s->micro == 10)
		words[STATE_SIZE] = 832;
}

static int read_words(const uint64_t *words, unsigned minor, struct python_layout *l)
{
	const struct target_memory memory = { .pid = getpid() };
	struct python_release r = { 3, (uint8_t)minor, 0, PYTHON_FINAL, 0 };
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	int result;

	*l = *python_layout_of(&r, &why);
	result = python_debug_offsets(&memory, (uintptr_t)words, l, &why);
	assert_int_equal(result == -ENOTSUP, why.len != 0);
	return result;
}

static void test_offsets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		struct python_layout l;
		uint64_t words[128];

		fill(words, &said[i]);
		assert_int_equal(read_words(words, said[i].minor, &l), 0);
		assert_true(python_layout_is_walkable(&l));
		assert_int_equal(l.abi.free_threaded, 1);
		assert_int_equal(l.abi.object_type, 24);
		assert_int_equal(l.abi.text_ascii, 56);
		assert_int_equal(l.abi.text_state, 48);
		assert_int_equal(l.abi.bytes_data, 48);
		assert_int_equal(l.abi.code_qualname, 144);
		assert_int_equal(l.abi.code_first_line, 84);
		assert_int_equal(l.abi.code_instructions, said[i].instructions);
		assert_int_equal(l.abi.frame_owner, said[i].minor == 13 ? 70 : 78);
		assert_int_equal(l.abi.frame_copy, said[i].minor == 13 ? 0 : 72);
		assert_int_equal(l.abi.code_copies, said[i].minor == 13 ? 0 : 224);
		assert_int_equal(l.abi.state_interpreter, 16);
		assert_int_equal(l.abi.interpreter_gil, 16);
		assert_int_equal(l.abi.gil_enabled, 0);
		assert_int_equal(l.abi.state_task, said[i].task);
		if (!said[i].task)
			continue;
		assert_int_equal(l.abi.task_awaiter, 112);
		assert_int_equal(l.abi.task_is_task, 124);
		assert_int_equal(l.abi.task_awaiters, 125);
		assert_int_equal(l.abi.task_coroutine, 144);
		assert_int_equal(l.abi.task_name, 152);
		assert_int_equal(l.abi.coroutine_frame, 88);
	}
}

/* A copy that lies anywhere is no reason to read more than a frame. */
static void test_absurd_offsets(void **state)
{
	static const uint64_t absurd[] = { 0, 1, 7, 73, 77, 78, 80, 128, 255, 256, UINT64_MAX };

	(void)state;
	for (size_t i = 1; i < ARRAY_SIZE(said); i++)
		for (size_t at = 2; at < 2 + said[i].nr; at++)
			for (size_t k = 0; k < ARRAY_SIZE(absurd); k++) {
				struct python_layout l;
				uint64_t words[128];

				fill(words, &said[i]);
				words[at] = absurd[k];
				if (read_words(words, said[i].minor, &l) ||
				    !python_layout_is_walkable(&l) || !words[2])
					continue;
				assert_in_range(l.abi.frame_copy, 4, PYTHON_FRAME_SHORT - 4);
				assert_int_equal(l.abi.frame_copy % 4, 0);
				assert_int_equal(l.abi.code_copies % 8, 0);
			}
}

enum { INSTRUCTIONS = 232, COPIES = 224, COPY = 72, AT = 40 };

static struct abi_python layout(void)
{
	struct abi_python l = made_layout(14);

	l.free_threaded = 1;
	l.frame_owner = 78;
	l.code_instructions = INSTRUCTIONS;
	l.frame_copy = COPY;
	l.code_copies = COPIES;
	return l;
}

/* One frame, at AT of copy `copy` of three; its code object; *ret_array: where they are listed. */
static uint64_t made_copy(const struct abi_python *l, uint32_t copy, uint64_t *ret_array)
{
	uint64_t shim, code, frame, array, copies[3];

	made_begin(l);
	shim = made_shim(l, 0);
	code = made_room(512);
	frame = made_frame(l, shim, code, 0);
	array = made_room(32);
	copies[0] = code + INSTRUCTIONS;
	copies[1] = made_room(4096);
	copies[2] = made_room(4096);
	made_word(array, ARRAY_SIZE(copies));
	for (size_t i = 0; i < ARRAY_SIZE(copies); i++)
		made_word(array + 8 + 8 * i, copies[i]);
	made_word(code + COPIES, array);
	made_int(frame + COPY, copy);
	made_word(frame + l->frame_at, copies[copy] + AT);
	made_word(made_current(l), frame);
	*ret_array = array;
	return code;
}

static uint32_t at_of(const struct abi_python *l, uint64_t code)
{
	static struct made_walk w;

	made_walk(l, &w);
	assert_int_equal(w.p.stop, ABI_INTERPRETED_WHOLE);
	assert_int_equal(w.p.nr, 1);
	assert_int_equal(w.calls[0].code, code);
	return w.calls[0].at;
}

static void test_copies(void **state)
{
	const struct abi_python l = layout();
	uint64_t array, code;

	(void)state;
	for (uint32_t copy = 0; copy < 3; copy++) {
		code = made_copy(&l, copy, &array);
		assert_int_equal(at_of(&l, code), INSTRUCTIONS + AT);
	}
}

/* Then the line is not known, the call is. */
static void test_copies_that_are_not_there(void **state)
{
	const struct abi_python l = layout();
	uint64_t array, code;

	(void)state;
	code = made_copy(&l, 2, &array);
	made_word(array + 8 + 8 * 2, 0);
	assert_int_equal(at_of(&l, code), ABI_CALL_NOWHERE);
	/* Another thread's, which begins behind what runs. */
	code = made_copy(&l, 1, &array);
	made_word(array + 8 + 8, MADE_BASE + MADE_SIZE);
	assert_int_equal(at_of(&l, code), ABI_CALL_NOWHERE);
	for (int i = 0; i < 2; i++) {
		code = made_copy(&l, 1, &array);
		made_word(code + COPIES, i ? MADE_NOWHERE : 0);
		assert_int_equal(at_of(&l, code), ABI_CALL_NOWHERE);
	}
	/* The code object's own needs none of it. */
	code = made_copy(&l, 0, &array);
	made_word(code + COPIES, MADE_NOWHERE);
	assert_int_equal(at_of(&l, code), INSTRUCTIONS + AT);
}

/* Of a number that can't be, too: nothing but the process's memory is read. */
static void test_numbers_that_can_not_be(void **state)
{
	static const uint32_t numbers[] = { 4, 1000000, INT32_MAX, 0x80000000u, UINT32_MAX };
	const struct abi_python l = layout();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t array, code = made_copy(&l, 1, &array);

		made_int(made_word_at(made_current(&l)) + COPY, numbers[i]);
		assert_int_equal(at_of(&l, code), ABI_CALL_NOWHERE);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_absurd_offsets),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_copies_that_are_not_there),
		cmocka_unit_test(test_numbers_that_can_not_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
