/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Made-up memory of a process that runs CPython, of any layout, for the walk
 * of its frames (bpf/python.h) on the host. Memory is one area; pages of it
 * and single reads can be made to fail, and reads are counted.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "abi.h"

enum {
	MADE_BASE = 0x10000000, /* of all addresses */
	MADE_SIZE = 4 << 20,
	MADE_PAGE = 4096,
	/* What stands where. */
	MADE_THREAD = MADE_BASE + 2 * MADE_PAGE,
	MADE_VECTOR = MADE_BASE + 3 * MADE_PAGE,
	MADE_RUNTIME = MADE_BASE + 4 * MADE_PAGE,
	MADE_STATE = MADE_BASE + 6 * MADE_PAGE,
	MADE_VALUES = MADE_BASE + 8 * MADE_PAGE, /* second level, or musl's table */
	MADE_INTERPRETERS = MADE_BASE + 10 * MADE_PAGE,
	MADE_HEAP = MADE_BASE + 16 * MADE_PAGE,
	/* In MADE_RUNTIME. */
	MADE_HOLDER = MADE_RUNTIME + 576,
	MADE_KEY = MADE_RUNTIME + 596,
	MADE_HEAD = MADE_RUNTIME + 40,
	/* Not in memory. */
	MADE_NOWHERE = MADE_BASE + MADE_SIZE + MADE_PAGE,
};

struct made {
	uint64_t next; /* free from here on */
	uint32_t nr_reads;
	uint32_t fail_at; /* the read that fails, from 1 on; 0: none */
	bool lost[MADE_SIZE / MADE_PAGE];
	unsigned char memory[MADE_SIZE];
};

static struct made made;

struct python_walk;

static inline long python_read(const struct python_walk *p, void *to, __u32 size, __u64 from)
{
	uint64_t at = from - MADE_BASE;

	(void)p;
	if (++made.nr_reads == made.fail_at || at >= MADE_SIZE || size > MADE_SIZE - at)
		goto fail;
	for (uint64_t i = at / MADE_PAGE; i <= (at + size - 1) / MADE_PAGE; i++)
		if (made.lost[i])
			goto fail;
	memcpy(to, made.memory + at, size);
	return 0;
fail:
	/* As the kernel's does. */
	memset(to, 0, size);
	return -14;
}

#include "python.h"

static inline void made_put(uint64_t at, const void *from, size_t size)
{
	at -= MADE_BASE;
	assert_true(at < MADE_SIZE && size <= MADE_SIZE - at);
	/* A compiler doesn't know that the test ended there. */
	if (at < MADE_SIZE && size <= MADE_SIZE - at)
		memcpy(made.memory + at, from, size);
}

static inline void made_word(uint64_t at, uint64_t value)
{
	made_put(at, &value, sizeof(value));
}

static inline void made_int(uint64_t at, uint32_t value)
{
	made_put(at, &value, sizeof(value));
}

static inline void made_byte(uint64_t at, uint8_t value)
{
	made_put(at, &value, sizeof(value));
}

static inline uint64_t made_word_at(uint64_t at)
{
	uint64_t value;

	assert_true(at >= MADE_BASE && at - MADE_BASE <= MADE_SIZE - sizeof(value));
	memcpy(&value, made.memory + (at - MADE_BASE), sizeof(value));
	return value;
}

static inline uint64_t made_room(size_t size)
{
	uint64_t at = made.next;

	made.next += (size + 15) & ~15ull;
	assert_true(made.next <= MADE_BASE + MADE_SIZE);
	return at;
}

/* The rows of versions that differ in how they are walked. */
static inline struct abi_python made_layout(int minor)
{
	bool old = minor <= 10, shims = minor >= 12;
	struct abi_python l = {
		.minor = minor,
		.frames = old	  ? ABI_PYTHON_OBJECTS
			  : shims ? ABI_PYTHON_SHIMS
				  : ABI_PYTHON_ENTRIES,
		.state_thread = old	      ? 176
				: minor == 12 ? 136
				: minor == 15 ? 176
					      : 152,
		.state_frame = old	     ? 24
			       : minor <= 12 ? 56
					     : 72,
		.cframe_frame = minor == 11   ? 8
				: minor == 12 ? 0
					      : 0xffff,
		.cframe_previous = minor == 12 ? 8 : 16,
		.frame_previous = old	  ? 24
				  : shims ? 8
					  : 48,
		.frame_code = shims ? 0 : 32,
		.frame_at = minor == 10 ? 96
			    : old	? 104
					: 56,
		.at_is_index = old,
		.frame_owner = minor == 11   ? 68
			       : minor >= 14 ? 74
					     : 70,
		.code_first_line = old		 ? 40
				   : minor == 11 ? 72
						 : 68,
		.code_file = old ? 104 : 112,
		.code_name = old ? 112 : 120,
		.code_qualname = old ? 0 : 128,
		.code_lines = old ? 120 : 136,
		.code_instructions = old	   ? 0
				     : minor == 11 ? 184
				     : minor == 12 ? 192
						   : 200,
		.key_block = 0x310,
		.key_blocks = 0x510,
		.key_size = 16,
		.key_data = 8,
	};

	if (minor <= 14)
		l.key = MADE_KEY;
	if (minor <= 11) {
		l.holder = MADE_HOLDER;
		l.interpreters = MADE_HEAD;
	} else {
		l.held.offset = -24;
	}
	if (minor >= 15)
		l.kept.offset = -40;
	return l;
}

/* A thread whose state holds the GIL and runs nothing; every way leads to it. */
static inline void made_begin(const struct abi_python *l)
{
	memset(&made, 0, sizeof(made));
	made.next = MADE_HEAP;
	if (l->held.offset && !l->held.module)
		made_word(MADE_THREAD + l->held.offset, MADE_STATE);
	if (l->kept.offset && !l->kept.module)
		made_word(MADE_THREAD + l->kept.offset, MADE_STATE);
	made_word(MADE_HOLDER, MADE_STATE);
	made_word(MADE_THREAD + 0x310 + 16 + 8, MADE_STATE);
	made_int(MADE_KEY, 1);
	made_word(MADE_HEAD, MADE_INTERPRETERS);
	made_word(MADE_STATE + l->state_thread, MADE_THREAD);
	if (l->cframe_frame != 0xffff)
		made_word(MADE_STATE + l->state_frame, made_room(32));
}

/* Where the pointer to the innermost frame stands. */
static inline uint64_t made_current(const struct abi_python *l)
{
	uint64_t at = MADE_STATE + l->state_frame;

	return l->cframe_frame == 0xffff ? at : made_word_at(at) + l->cframe_frame;
}

static inline uint64_t made_code(const struct abi_python *l, uint32_t n)
{
	uint64_t code = made_room(256);

	made_int(code + l->code_first_line, 10 + n);
	made_word(code + l->code_file, 0x1000);
	made_word(code + l->code_name, 0x2000 + 64 * n);
	if (l->code_qualname)
		made_word(code + l->code_qualname, 0x3000 + 64 * n);
	made_word(code + l->code_lines, 0x4000 + 64 * n);
	return code;
}

/* A frame of `code`, called by `previous`. `at`: bytes from the code object on, or the index. */
static inline uint64_t made_frame(const struct abi_python *l, uint64_t previous, uint64_t code,
				  uint32_t at)
{
	uint64_t frame = made_room(128);

	made_word(frame + l->frame_previous, previous);
	made_word(frame + l->frame_code, code | (l->minor >= 14));
	if (l->at_is_index)
		made_int(frame + l->frame_at, at);
	else
		made_word(frame + l->frame_at, code + at);
	return frame;
}

/* A frame of nobody. */
static inline uint64_t made_shim(const struct abi_python *l, uint64_t previous)
{
	uint64_t shim = made_room(128);

	made_word(shim + l->frame_previous, previous);
	made_word(shim + l->frame_code, l->minor == 12 ? made_code(l, 999) : 0x5001);
	made_byte(shim + l->frame_owner, l->minor == 14 ? 4 : 3);
	return shim;
}

/* What a walk should find, leaf first; without bounds on how much of it is kept. */
enum { MADE_MAX = 6000 };

struct made_stack {
	uint32_t nr, nr_entries;
	struct abi_call calls[MADE_MAX]; /* check: entered or not */
	uint64_t frames[MADE_MAX];
	uint64_t entries[MADE_MAX];
};

/*
 * A stack of `nr` runs of the loop, leaf first, of groups[i] frames each. Objects: each frame is a
 * run by itself.
 */
static inline void made_stack(const struct abi_python *l, const uint32_t *groups, uint32_t nr,
			      struct made_stack *ret)
{
	uint64_t frame = l->minor == 15 ? made_shim(l, 0) : 0, cframe = 0;
	uint32_t at = 0;

	for (uint32_t i = 0; i < nr; i++)
		at += groups[i];
	assert_true(at <= MADE_MAX);
	ret->nr = at;
	ret->nr_entries = l->frames == ABI_PYTHON_OBJECTS ? 0 : nr;
	if (l->cframe_frame != 0xffff)
		cframe = made_current(l) - l->cframe_frame;
	for (uint32_t i = nr; i-- > 0;) {
		uint32_t entered = at;

		if (l->frames == ABI_PYTHON_SHIMS)
			frame = ret->entries[i] = made_shim(l, frame);
		while (entered - at < groups[i]) {
			uint64_t code = made_code(l, at % 100);
			bool enters = at == entered || l->frames == ABI_PYTHON_OBJECTS;

			frame = ret->frames[at - 1] = made_frame(l, frame, code, 300 + 2 * at);
			if (enters && l->frames == ABI_PYTHON_ENTRIES)
				made_byte(frame + l->frame_owner, 1);
			at--;
			ret->calls[at] = (struct abi_call){
				.code = code,
				.at = 302 + 2 * at,
				.check = enters,
			};
		}
		if (l->frames == ABI_PYTHON_ENTRIES) {
			uint64_t own = made_room(32);

			made_word(own + l->cframe_previous, cframe);
			made_word(own + l->cframe_frame, frame);
			cframe = ret->entries[i] = own;
		}
	}
	if (l->frames == ABI_PYTHON_ENTRIES)
		made_word(MADE_STATE + l->state_frame, cframe);
	else
		made_word(made_current(l), frame);
}

/* What a walk found. */
struct made_walk {
	struct python_walk p;
	struct abi_call calls[ABI_MAX_CALLS];
	uint64_t guard;
	__u64 entries[ABI_MAX_ENTRIES];
	uint64_t guard2;
	uint32_t nr_steps;
};

static inline void made_walk(const struct abi_python *l, struct made_walk *ret)
{
	memset(ret, 0x5a, sizeof(*ret));
	ret->nr_steps = 0;
	made.nr_reads = 0;
	if (!python_begin(&ret->p, l, MADE_THREAD))
		while (ret->nr_steps++ < PYTHON_MAX_STEPS &&
		       !python_step(&ret->p, l, ret->calls, ret->entries))
			;
	assert_true(ret->nr_steps <= PYTHON_MAX_STEPS);
	/* Its last step ended it. */
	assert_true(ret->p.nr <= ABI_CALLS_WALKED && ret->p.nr_entries <= ABI_MAX_ENTRIES);
	assert_int_equal(ret->guard, 0x5a5a5a5a5a5a5a5a);
	assert_int_equal(ret->guard2, 0x5a5a5a5a5a5a5a5a);
}

/* The nth call, where it is kept; NULL: it is left out. */
static inline const struct abi_call *made_kept(const struct made_walk *w, uint32_t n)
{
	if (n >= ABI_MAX_CALLS - ABI_ROOT_CALLS && n + ABI_ROOT_CALLS < w->p.nr)
		return NULL;
	return &w->calls[n < ABI_MAX_CALLS - ABI_ROOT_CALLS
				 ? n
				 : ABI_MAX_CALLS - ABI_ROOT_CALLS + n % ABI_ROOT_CALLS];
}

/* The walk's calls are the stack's, as far as it came. */
static inline void assert_calls(const struct made_walk *w, const struct made_stack *want)
{
	uint32_t nr = w->p.nr < want->nr ? w->p.nr : want->nr;

	assert_true(w->p.nr <= want->nr);
	for (uint32_t i = 0; i < nr; i++) {
		const struct abi_call *c = made_kept(w, i);

		if (!c)
			continue;
		assert_int_equal(c->code, want->calls[i].code);
		assert_int_equal(c->at, want->calls[i].at);
		/* Known only with the next frame, where that is a shim. */
		if (i + 1 < nr)
			assert_int_equal(c->check & ABI_CALL_ENTERED, want->calls[i].check);
	}
	for (uint32_t i = 0; i < w->p.nr_entries; i++)
		assert_int_equal(w->entries[i], want->entries[i]);
}

static inline void assert_whole(const struct made_walk *w, const struct made_stack *want)
{
	assert_int_equal(w->p.stop, ABI_INTERPRETED_WHOLE);
	assert_int_equal(w->p.nr, want->nr);
	assert_int_equal(w->p.nr_entries,
			 want->nr_entries < ABI_MAX_ENTRIES ? want->nr_entries : ABI_MAX_ENTRIES);
	assert_calls(w, want);
}
