/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who awaits the running asyncio task: after the walk of python.h, if that came by the outermost
 * coroutine of the task that the thread's state names. The next task is what the last one says
 * that awaits it. The calls of a task are its coroutines, each of which awaits the
 * next one; they are suspended, so no thread runs them now. All that is read may be enemy input:
 * steps are counted, and a task is believed only by its coroutine's type, which is that of the
 * one that runs.
 */
#pragma once
#include "python.h"

/* Each step adds a call, or goes on to a task, or ends. */
enum { PYTHON_AWAIT_STEPS = ABI_MAX_TASKS * (ABI_TASK_CALLS + 2) + 1 };

static inline int python_awaited(struct python_walk *p, __u8 awaited)
{
	p->awaited = awaited;
	return 1;
}

/* The one task is left out whose calls are not all known, and all behind it. */
static inline int python_awaited_until(struct python_walk *p, __u8 awaited)
{
	p->nr_awaiters -= p->nr_task_calls;
	return python_awaited(p, awaited);
}

/* A byte in memory; -1: it can't be read. */
static inline int python_byte_at(const struct python_walk *p, __u64 from)
{
	__u8 value;

	return python_read(p, &value, sizeof(value), from) ? -1 : value;
}

/* Not 0: there is nothing to walk. */
static inline int python_await_begin(struct python_walk *p, const struct abi_python *l)
{
	if (!p->in_task)
		return 1;
	p->coroutine_type = python_pointer(p, p->coroutine + l->object_type);
	p->coroutine = 0;
	p->nr_tasks = p->nr_task_calls = p->nr_awaiters = 0;
	return !p->coroutine_type || python_byte_at(p, p->task + l->task_is_task) <= 0;
}

/* Goes on to what awaits p->task. */
static inline int python_await_next(struct python_walk *p, const struct abi_python *l)
{
	__u64 awaiter;
	int several, is_task;

	if (python_read(p, &awaiter, sizeof(awaiter), p->task + l->task_awaiter))
		return python_awaited(p, ABI_AWAITED_LOST);
	if (!awaiter)
		return python_awaited(p, ABI_AWAITED_WHOLE);
	several = python_byte_at(p, p->task + l->task_awaiters);
	if (several)
		return python_awaited(p, several < 0 ? ABI_AWAITED_LOST : ABI_AWAITED_SEVERAL);
	if (p->nr_tasks++ >= ABI_MAX_TASKS)
		return python_awaited(p, ABI_AWAITED_DEPTH);
	p->task = awaiter;
	p->nr_task_calls = 0;
	is_task = python_byte_at(p, awaiter + l->task_is_task);
	/* A future runs nothing, and may be awaited itself. */
	if (!is_task)
		return 0;
	p->coroutine = python_pointer(p, awaiter + l->task_coroutine);
	return is_task < 0 || !p->coroutine ? python_awaited(p, ABI_AWAITED_LOST) : 0;
}

/* What the coroutine with the frame in p->bytes awaits; 0: it can't be read. */
static inline __u64 python_awaits(const struct python_walk *p, const struct abi_python *l)
{
	return python_pointer(p, python_word(p->bytes, l->frame_stack) - l->awaited) & ~7ull;
}

/* Adds the present coroutine, or goes on to the next task, which it doesn't run for. */
static inline int python_await_step(struct python_walk *p, const struct abi_python *l,
				    struct abi_call *awaiters)
{
	__u64 coroutine = p->coroutine;
	struct abi_call *c;
	int state;

	if (!coroutine)
		return python_await_next(p, l);
	p->coroutine = 0;
	/* Else it is what the last one waits for, and that has no frame. */
	if (python_pointer(p, coroutine + l->object_type) != p->coroutine_type)
		return p->nr_task_calls ? 0 : python_awaited(p, ABI_AWAITED_LOST);
	state = python_byte_at(p, coroutine + l->coroutine_state);
	/* It runs: then it is one of the thread's calls, which started this task at once. */
	if (state != l->coroutine_awaits[0] && state != l->coroutine_awaits[1])
		return p->nr_task_calls ? 0 : python_awaited(p, ABI_AWAITED_WHOLE);
	if (p->nr_task_calls >= ABI_TASK_CALLS || p->nr_awaiters >= ABI_MAX_AWAITERS)
		return python_awaited_until(p, ABI_AWAITED_DEPTH);
	if (python_read(p, p->bytes, PYTHON_FRAME_SHORT, coroutine + l->coroutine_frame))
		return python_awaited_until(p, ABI_AWAITED_LOST);
	c = &awaiters[p->nr_awaiters++ & (ABI_MAX_AWAITERS - 1)];
	python_call(p, l, c);
	if (!p->nr_task_calls++)
		c->check |= ABI_CALL_TASK;
	p->coroutine = python_awaits(p, l);
	return 0;
}

/* Is it a name that asyncio made up? Each task would have one of its own. */
static inline int python_is_made_up(const struct abi_name *name)
{
	const __u8 *t = (const __u8 *)name->text;

	if (name->kind != 1 || name->nr < 6 || t[0] != 'T' || t[1] != 'a' || t[2] != 's' ||
	    t[3] != 'k' || t[4] != '-')
		return 0;
	for (__u32 i = 5; i < ABI_NAME_TEXT; i++) {
		if (i >= name->nr)
			break;
		if (t[i] < '0' || t[i] > '9')
			return 0;
	}
	return 1;
}

/* The first bytes of a text; what an object takes ends with a word. Not 0: can't be read. */
static inline int python_read_name(const struct python_walk *p, struct abi_name *to, __u32 size,
				   __u64 from)
{
	for (__u32 i = 0; i < ABI_NAME_TEXT / 8; i++) {
		__u64 word = 0;

		if (8 * i < size && python_read(p, &word, sizeof(word), from + 8 * i))
			return 1;
		if (8 * i < size && size < 8 * i + 8)
			word &= (1ull << 8 * (size & 7)) - 1;
		to->text[i] = word;
	}
	return 0;
}

/*
 * What the program calls the task of python_await_begin(), before any step. Not 0: nothing, or it
 * can't be read.
 */
static inline int python_task_name(struct python_walk *p, const struct abi_python *l,
				   struct abi_name *ret)
{
	enum { IS_TEXT = 1 << 28 /* Py_TPFLAGS_UNICODE_SUBCLASS */, COMPACT = 8, ASCII = 16 };
	__u64 name = python_pointer(p, p->task + l->task_name), length;
	__u64 type = python_pointer(p, name + l->object_type);
	__u32 state, size = ABI_NAME_TEXT;

	/* A number stands there until it is asked for. */
	if (!(python_pointer(p, type + l->type_flags) & IS_TEXT) ||
	    python_read(p, &length, sizeof(length), name + l->text_length) || !length ||
	    python_read(p, &state, sizeof(state), name + l->text_state))
		return 1;
	state >>= l->free_threaded ? 8 : 2;
	ret->kind = state & 7;
	if (!(state & COMPACT) || (ret->kind != 1 && ret->kind != 2 && ret->kind != 4))
		return 1;
	ret->nr = length < ~0u ? (__u32)length : ~0u;
	if (ret->nr < ABI_NAME_TEXT)
		size = ret->nr << (ret->kind >> 1);
	if (python_read_name(p, ret, size, name + (state & ASCII ? l->text_ascii : l->text_other)))
		return 1;
	return python_is_made_up(ret);
}
