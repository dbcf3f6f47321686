// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Several states of one thread, by the lists of interpreters (bpf/python_others.h). */
#include "python_fixture.h"

#include "python_others.h"

enum {
	FIRST_STATE = 8, /* in an interpreter */
	NEXT = 0,
	SECOND = MADE_INTERPRETERS + 512,
	STACK = MADE_BASE + 512 * MADE_PAGE,
	STACK_SIZE = 4 * PYTHON_SEEK_WORDS * 8,
};

static struct made_walk w;
static __u64 registers[PYTHON_SEEK_WORDS];

static struct abi_python layout(int minor)
{
	struct abi_python l = made_layout(minor);

	l.interpreters = MADE_HEAD;
	l.interpreter_next = NEXT;
	l.interpreter_threads = FIRST_STATE;
	return l;
}

/* Behind the others of the interpreter. */
static uint64_t add_state(const struct abi_python *l, uint64_t interpreter, uint64_t thread)
{
	uint64_t state = made_room(1024), at = interpreter + FIRST_STATE;

	while (made_word_at(at))
		at = made_word_at(at) + PYTHON_STATE_NEXT;
	made_word(at, state);
	made_word(state + l->state_thread, thread);
	if (l->cframe_frame != PYTHON_NO_CFRAME)
		made_word(state + l->state_frame, made_room(32));
	return state;
}

/* The current state is the second interpreter's; each has `nr` calls. */
static uint64_t begin(const struct abi_python *l, uint32_t nr)
{
	static struct made_stack inner;
	uint32_t groups[2] = { 1, nr - 1 };

	made_begin(l);
	memset(registers, 0, sizeof(registers));
	made_word(MADE_INTERPRETERS + NEXT, SECOND);
	made_word(SECOND + FIRST_STATE, MADE_STATE);
	made_stack(l, groups, nr > 1 ? 2 : 1, &inner);
	return add_state(l, MADE_INTERPRETERS, MADE_THREAD);
}

/* Frames of the state, which is not the current one. */
static uint64_t give_frames(const struct abi_python *l, uint64_t state, uint32_t nr)
{
	uint64_t frame = 0, own = made_room(32);

	if (l->frames == ABI_PYTHON_SHIMS)
		frame = made_shim(l, 0);
	for (uint32_t i = 0; i < nr; i++) {
		frame = made_frame(l, frame, made_code(l, 50 + i), 300);
		if (!i && l->frames == ABI_PYTHON_ENTRIES)
			made_byte(frame + l->frame_owner, 1);
	}
	if (l->cframe_frame == PYTHON_NO_CFRAME) {
		made_word(state + l->state_frame, frame);
	} else {
		made_word(own + l->cframe_frame, frame);
		made_word(state + l->state_frame, own);
	}
	return frame;
}

static int other(const struct abi_python *l)
{
	struct python_walk *p = &w.p;
	__u64 words[PYTHON_SEEK_WORDS];
	int found = 0, seek;

	if (python_others_begin(p, l))
		return 1;
	for (int i = 0; i <= PYTHON_MAX_LISTED && !found; i++)
		found = python_others_step(p, l);
	if (found != PYTHON_OTHERS_FOUND || python_others_enter(p, l, w.calls, &seek))
		return 1;
	p->stop = ABI_INTERPRETED_DEPTH;
	if (!seek)
		return 0;
	if (python_seek_in(p, registers) < PYTHON_SEEK_WORDS)
		return python_stop(p, ABI_INTERPRETED_AMBIGUOUS);
	p->seek = STACK;
	for (int i = 0; i < PYTHON_SEEK_STEPS; i++)
		if (python_seek_step(p, words))
			break;
	return python_seek_end(p, w.entries);
}

static uint8_t walk(const struct abi_python *l)
{
	memset(&w, 0x5a, sizeof(w));
	if (python_begin(&w.p, l, MADE_THREAD))
		return w.p.stop;
	w.p.stop = ABI_INTERPRETED_DEPTH;
	for (int i = 0; i < PYTHON_MAX_STEPS; i++)
		if (python_step(&w.p, l, w.calls, w.entries) && other(l))
			break;
	assert_int_equal(w.guard, 0x5a5a5a5a5a5a5a5a);
	return w.p.stop;
}

static void assert_last(uint32_t nr, int only)
{
	for (uint32_t i = 0; i < nr; i++)
		assert_int_equal(!!(w.calls[i].check & ABI_CALL_LAST), (int)i == only);
}

static void test_both(void **state)
{
	static const int minors[] = { 10, 11, 12, 13, 15 };

	(void)state;
	for (size_t i = 0; i < sizeof(minors) / sizeof(*minors); i++) {
		struct abi_python l = layout(minors[i]);
		uint64_t outer = begin(&l, 3);

		/* It has none yet. */
		assert_int_equal(walk(&l), ABI_INTERPRETED_WHOLE);
		assert_int_equal(w.p.nr, 3);
		assert_last(3, -1);
		give_frames(&l, outer, 2);
		assert_int_equal(walk(&l), ABI_INTERPRETED_WHOLE);
		assert_int_equal(w.p.nr, 5);
		assert_last(5, 2);
		/* Another thread's. */
		made_word(outer + l.state_thread, MADE_THREAD + 64);
		assert_int_equal(walk(&l), ABI_INTERPRETED_WHOLE);
		assert_int_equal(w.p.nr, 3);
		/* One interpreter alone. */
		made_word(outer + l.state_thread, MADE_THREAD);
		made_word(MADE_INTERPRETERS + NEXT, 0);
		assert_int_equal(walk(&l), ABI_INTERPRETED_WHOLE);
		assert_int_equal(w.p.nr, 3);
	}
}

/* Loops of the outer one that lie further in: the inner one's calls alone. */
static void test_mixed(void **state)
{
	static const int minors[] = { 11, 13 };

	(void)state;
	for (size_t i = 0; i < sizeof(minors) / sizeof(*minors); i++) {
		struct abi_python l = layout(minors[i]);
		uint64_t outer = begin(&l, 3);

		give_frames(&l, outer, 2);
		assert_int_equal(walk(&l), ABI_INTERPRETED_WHOLE);
		assert_int_equal(w.p.nr, 5);
		assert_int_equal(w.p.nr_entries, 3);
		assert_true(w.entries[1] < w.entries[2]);
		/* The other way around: it is the current one. */
		made_word(MADE_HOLDER, outer);
		made_word(MADE_THREAD - 24, outer);
		assert_int_equal(walk(&l), ABI_INTERPRETED_AMBIGUOUS);
		assert_int_equal(w.p.nr, 2);
		assert_int_equal(w.p.nr_entries, 1);
	}
}

/* To 3.10: where a word may be the frame of the outer one's first loop. */
static void test_seek(void **state)
{
	struct abi_python l = layout(10);
	uint64_t outer, frame;

	(void)state;
	outer = begin(&l, 3);
	frame = give_frames(&l, outer, 2);
	/* Anywhere behind what was searched. */
	assert_int_equal(walk(&l), ABI_INTERPRETED_WHOLE);
	assert_int_equal(w.p.nr_entries, 1);
	assert_int_equal(w.entries[0], STACK + 8 * PYTHON_SEEK_WORDS * PYTHON_SEEK_STEPS);
	made_word(STACK + 8 * 100, frame);
	made_word(STACK + 8 * 200, frame);
	walk(&l);
	assert_int_equal(w.entries[0], STACK + 8 * 100);
	/* What may be derived of it; what is next to it. */
	made_word(STACK + 8 * 63, frame - 1);
	made_word(STACK + 8 * 64, frame + PYTHON_FRAME_FIXED);
	walk(&l);
	assert_int_equal(w.entries[0], STACK + 8 * 100);
	made_word(STACK + 8 * 64, frame + PYTHON_FRAME_FIXED - 1);
	walk(&l);
	assert_int_equal(w.entries[0], STACK + 8 * 64);
	made_word(STACK, frame + 8);
	walk(&l);
	assert_int_equal(w.entries[0], STACK);
	/* The stack ends. */
	made_word(STACK, 0);
	made.lost[(STACK - MADE_BASE) / MADE_PAGE] = true;
	walk(&l);
	assert_int_equal(w.entries[0], STACK);
	/* In a register: it may be the innermost loop's. */
	registers[5] = frame;
	assert_int_equal(walk(&l), ABI_INTERPRETED_AMBIGUOUS);
	assert_int_equal(w.p.nr, 3);
	assert_int_equal(w.p.nr_entries, 0);
}

/* Lists in circles, of too many, to nowhere. */
static void test_hostile(void **state)
{
	static const int minors[] = { 10, 13 };

	(void)state;
	for (size_t i = 0; i < sizeof(minors) / sizeof(*minors); i++) {
		struct abi_python l = layout(minors[i]);
		uint64_t outer = begin(&l, 3);
		uint8_t missed = i ? ABI_INTERPRETED_AMBIGUOUS : ABI_INTERPRETED_WHOLE;

		made_word(MADE_STATE + PYTHON_STATE_NEXT, MADE_STATE);
		assert_int_equal(walk(&l), missed);
		made_word(outer + PYTHON_STATE_NEXT, outer);
		assert_int_equal(walk(&l), missed);
		assert_int_equal(w.p.nr, 3);
		assert_int_equal(w.p.nr_listed, PYTHON_MAX_LISTED + 1);
		/* The same frames again and again. */
		give_frames(&l, outer, 1);
		assert_int_equal(walk(&l), ABI_INTERPRETED_AMBIGUOUS);
		assert_true(w.p.nr <= 3 + PYTHON_MAX_STATES);
		made_word(outer + PYTHON_STATE_NEXT, MADE_NOWHERE);
		walk(&l);
		assert_int_equal(w.p.nr, 4);
		made_word(SECOND + NEXT, SECOND);
		made_word(MADE_INTERPRETERS + NEXT, MADE_NOWHERE);
		walk(&l);
		assert_int_equal(w.p.nr, 4);
		made_word(MADE_HEAD, MADE_NOWHERE);
		assert_int_equal(walk(&l), ABI_INTERPRETED_WHOLE);
		assert_int_equal(w.p.nr, 3);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_seek),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
