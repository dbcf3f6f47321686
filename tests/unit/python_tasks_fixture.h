/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* asyncio's tasks in the made-up memory of python_fixture.h, as 3.14 and 3.15 have them. */
#pragma once
#include "python_fixture.h"
#include "python_tasks.h"

enum {
	COROUTINE_TYPE = 0x7770,
	OTHER_TYPE = 0x8880,
	RUNS = 100,
	TASK_AT = 2, /* which of the thread's calls is the task's */
	/* Of a text's state. */
	COMPACT = 32,
	ASCII = 64,
};

static struct made_stack want;
static struct made_walk w;
static struct abi_call awaiters[ABI_MAX_AWAITERS];
static struct abi_name name;
static uint32_t nr_steps;
static bool is_named;

static inline struct abi_python layout_of(int minor)
{
	struct abi_python l = made_layout(minor);

	l.state_task = minor == 14 ? 872 : 1032;
	l.object_type = 8;
	l.task_awaiter = 96;
	l.task_is_task = 108;
	l.task_awaiters = 109;
	l.task_coroutine = 128;
	l.task_name = 136;
	l.coroutine_frame = 72;
	l.coroutine_state = 67;
	l.coroutine_awaits[0] = minor == 14 ? 0xff : 2;
	l.coroutine_awaits[1] = minor == 14 ? 0xff : 3;
	l.frame_stack = 64;
	l.awaited = minor == 14 ? 8 : 16;
	l.type_flags = 168;
	l.text_length = 16;
	l.text_state = 32;
	l.text_ascii = 40;
	l.text_other = 56;
	return l;
}

#define FOR_BOTH(l)                       \
	for (int m_ = 14; m_ <= 15; m_++) \
		for (struct abi_python l = layout_of(m_), *once_ = &l; once_; once_ = NULL)

static inline uint64_t made_coroutine(const struct abi_python *l, uint32_t n, uint64_t awaits)
{
	uint64_t at = made_room(256), frame = at + l->coroutine_frame, code = made_code(l, n);

	made_word(at + l->object_type, COROUTINE_TYPE);
	made_byte(at + l->coroutine_state, l->coroutine_awaits[n & 1]);
	made_word(frame + l->frame_code, code | 1);
	made_word(frame + l->frame_at, code + 400 + n);
	made_word(frame + l->frame_stack, frame + 120);
	made_word(frame + 120 - l->awaited, awaits | 1);
	return at;
}

static inline uint64_t made_task(const struct abi_python *l, uint64_t coroutine)
{
	uint64_t at = made_room(168);

	made_byte(at + l->task_is_task, 1);
	made_word(at + l->task_coroutine, coroutine);
	return at;
}

/* A task of nr coroutines, numbered from `first`, the outermost, on. */
static inline uint64_t made_coroutines(const struct abi_python *l, uint32_t first, uint32_t nr)
{
	uint64_t inner = made_room(64); /* a future that all wait for */

	made_word(inner + l->object_type, OTHER_TYPE);
	while (nr--)
		inner = made_coroutine(l, first + nr, inner);
	return made_task(l, inner);
}

static inline void walk(const struct abi_python *l)
{
	memset(awaiters, 0x5a, sizeof(awaiters));
	memset(&name, 0x5a, sizeof(name));
	is_named = false;
	nr_steps = 0;
	made_walk(l, &w);
	if (python_await_begin(&w.p, l))
		return;
	is_named = !python_task_name(&w.p, l, &name);
	while (nr_steps++ < PYTHON_AWAIT_STEPS && !python_await_step(&w.p, l, awaiters))
		;
	assert_true(w.p.nr_awaiters <= ABI_MAX_AWAITERS);
	assert_true(w.p.awaited < ABI_AWAITED_ENDS);
}

/* A thread whose third call is the outermost one of a task; nothing awaits that. The task. */
static inline uint64_t begin(const struct abi_python *l)
{
	uint64_t coroutine, task;

	made_begin(l);
	made_stack(l, (uint32_t[]){ 3, 2 }, 2, &want);
	/* In the code object before it nothing is read there. */
	coroutine = want.frames[TASK_AT] - l->coroutine_frame;
	made_word(coroutine + l->object_type, COROUTINE_TYPE);
	task = made_task(l, coroutine);
	made_word(MADE_STATE + l->state_task, task);
	return task;
}

static inline uint64_t made_text(const struct abi_python *l, uint32_t kind, uint32_t state,
				 uint64_t nr, const void *text, size_t size)
{
	uint64_t at = made_room(400), type = made_room(256);

	memset(made.memory + (at - MADE_BASE), 0xa5, 400);
	made_word(type + l->type_flags, 1 << 28 | 1 << 12);
	made_word(at + l->object_type, type);
	made_word(at + l->text_length, nr);
	made_int(at + l->text_state, state | kind << 2 | 1);
	made_put(at + (state & 64 ? l->text_ascii : l->text_other), text, size);
	return at;
}
