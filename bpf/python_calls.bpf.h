/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Each call of Python, as cProfile sums them up (calls.h): the function and
 * who called it are a stack of two calls, without native frames. A span is a
 * call: its `stack` is that of both, its `tag` the id of the function's alone.
 */
#pragma once
#include "calls.h"
#include "collect.bpf.h"
#include "probe.bpf.h"

/* Who is the outermost open call of a stack, in a thread: its number among the spans. */
struct outermost_key {
	__u64 stack;
	__u32 tid, pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct outermost_key);
	__type(value, __u32);
	__uint(max_entries, 1);
} outermost SEC(".maps");

static __always_inline bool python_calls_leave(__u32 tid, __u64 stack, __u32 n)
{
	struct outermost_key key = { stack, tid, 0 };
	__u32 *first = bpf_map_lookup_elem(&outermost, &key);

	if (!first || *first != n)
		return false;
	bpf_map_delete_elem(&outermost, &key);
	return true;
}

/* A call that never returned is outermost no more. */
#define SPAN_DROPPED(tid, n, s)                             \
	do {                                                \
		python_calls_leave((tid), (s)->stack, (n)); \
		python_calls_leave((tid), (s)->tag, (n));   \
	} while (0)
#include "span.bpf.h"

enum {
	/* CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR */
	PYTHON_MAKES_GENERATOR = 0x20 | 0x80 | 0x200,
	PYTHON_NO_EVENTS = 0x2000000, /* CO_NO_MONITORING_EVENTS: code of the loop's own */
	PYTHON_GENERATORS_OWN = 1,    /* FRAME_OWNED_BY_GENERATOR */
};

/* Of the code object that was read last. `flags_at`: where they stand in it; 0: not asked for. */
static __always_inline __u32 python_calls_flags(const struct python_walk *p, __u32 flags_at)
{
	return flags_at ? python_int(p->code, flags_at - PYTHON_CODE_FROM) : 0;
}

/* The next call of the walk, into `in`. Not 0: there is none, or it is no call. */
static __always_inline int python_calls_step(struct interpreted *in, const struct abi_python *l,
					     __u64 *entries, __u32 flags_at)
{
	__u64 frame = in->python.frame;
	__u32 nr = in->python.nr, flags;

	if (python_step(&in->python, l, in->calls, entries))
		return 1;
	if (in->python.nr == nr)
		return 0;
	flags = python_calls_flags(&in->python, flags_at);
	if (nr) {
		in->caller = frame;
		if (flags & PYTHON_NO_EVENTS)
			in->python.nr = nr;
		return 0;
	}
	in->owner = python_byte(in->python.bytes, l->frame_owner);
	/* It is about to make a generator, if the frame isn't one's: no call for cProfile. */
	if (flags & (in->owner ? PYTHON_NO_EVENTS : PYTHON_NO_EVENTS | PYTHON_MAKES_GENERATOR))
		in->innermost = 0;
	return !in->innermost;
}

/*
 * The running thread's state, which holds the GIL where a call begins or ends, and its innermost
 * frame. Not 0: they can't be read. in->bias: what the process adds to the file's addresses.
 */
static __always_inline long python_calls_begin_at_state(struct interpreted *in,
							const struct abi_runtime *r, __u64 thread)
{
	struct abi_thread_local held = r->python.held;
	struct python_walk *p = &in->python;

	python_begin_at(p, 0);
	p->thread = thread;
	if (r->held_at && held.module) {
		held.module = python_pointer(p, r->held_at + in->bias);
		held.offset += python_pointer(p, r->held_at + in->bias + sizeof(__u64));
	} else if (r->held_at) {
		held.offset = python_pointer(p, r->held_at + in->bias);
	}
	p->state = r->python.holder ? python_pointer(p, r->python.holder + in->bias)
				    : python_thread_local(p, &held);
	return !python_is_ours(p, &r->python, p->state) || python_find_frame(p, &r->python);
}

/*
 * Which function was called, and by whom: into `interpreting`. How many calls these are, to 2; -1:
 * it is none.
 */
__noinline int python_calls_take(__u32 level, __u32 runtime, __u64 thread, __u64 frame,
				 __u32 flags_at)
{
	struct interpreted *in = bpf_map_lookup_elem(&interpreting, &level);
	struct abi_runtime *r = bpf_map_lookup_elem(&runtimes, &runtime);
	struct scratch *s = bpf_map_lookup_elem(&scratches, &level);

	if (!in || !r || !s || r->kind != ABI_RUNTIME_PYTHON)
		return 0;
	/* A frame that was just made is not the thread's yet. */
	if (frame)
		python_begin_at(&in->python, frame);
	else if (python_calls_begin_at_state(in, r, thread))
		return 0;
	in->innermost = in->python.frame;
	in->caller = 0;
	for (int i = 0; i < 5 && in->python.nr < 2; i++)
		if (python_calls_step(in, &r->python, s->walk.entries, flags_at))
			break;
	if (!in->innermost)
		return -1;
	for (int i = 0; i < 2; i++) {
		in->calls[i].at = ABI_CALL_NOWHERE;
		in->calls[i].check &= ~ABI_CALL_FLAGS;
	}
	return in->python.nr < 2 ? in->python.nr : 2;
}

/* The id of a stack that has the first `nr` of what was taken. Verified once, for all that ask. */
__noinline __u64 python_calls_id(__u32 level, __u32 nr)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &level);
	struct who who;

	if (!s)
		return 0;
	who_read(&who);
	s->stack.nr_calls = s->stack.calls_walked = nr & 3;
	s->stack.id = 0;
	return stack_send(s, level, &who);
}

/* By which call's begin and end are known to be of one, where the probe doesn't say its frame. */
static __always_inline __u32 python_calls_told(__u64 frame)
{
	return frame >> 3;
}

/* What the process adds to the addresses of the probe's file. */
static __always_inline void python_calls_set_bias(__u32 level, struct pt_regs *ctx,
						  const struct abi_probe *p)
{
	struct interpreted *in = bpf_map_lookup_elem(&interpreting, &level);

	if (in)
		in->bias = probe_register(ctx, WALK_PC) - p->address;
}

/*
 * Which function begins, by its frame (of a register, or the thread's innermost one). ret->stack:
 * of it and its caller; tag: of it alone. *ret_caller: what that is told, of a generator that runs;
 * else 0. As python_calls_take(), 0: it can't be read.
 */
static __always_inline int python_calls_stacks(struct pt_regs *ctx, const struct abi_probe *p,
					       const struct who *who, struct abi_span *ret,
					       __u32 *ret_caller)
{
	__u64 frame = p->arguments[0].how == ABI_ARGUMENT_REGISTER
			      ? probe_register(ctx, p->arguments[0].reg)
			      : 0;
	__u32 flags_at = p->arguments[1].how == ABI_ARGUMENT_VALUE ? p->arguments[1].offset : 0;
	__u32 level = 0;
	struct scratch *s = scratch_enter(&level);
	struct interpreted *in;
	int nr = 0;

	if (!s) {
		count(ABI_COUNT_STACK_LOST);
		return 0;
	}
	s->stack.nr[ABI_KERNEL_FRAMES] = s->stack.nr[ABI_USER_FRAMES] = 0;
	s->stack.mappings = s->stack.stop = 0;
	s->stack.flags = ABI_STACK_CALLS;
	s->stack.interpreted = ABI_INTERPRETED_WHOLE;
	s->stack.awaited = s->stack.nr_awaiters = s->stack.has_name = 0;
	s->stack.space = who->space;
	s->stack.runtime = p->runtime;
	s->walk.list = 0;
	python_calls_set_bias(level, ctx, p);
	nr = python_calls_take(level, p->runtime, compat_thread_pointer(), frame, flags_at);
	in = bpf_map_lookup_elem(&interpreting, &level);
	if (nr > 0 && in) {
		ret->tag = python_calls_id(level, 1);
		ret->stack = python_calls_id(level, nr);
		ret->told = python_calls_told(in->innermost);
		if (flags_at && in->owner == PYTHON_GENERATORS_OWN)
			*ret_caller = python_calls_told(in->caller);
	}
	scratch_leave(level);
	return nr;
}

/* Of the running thread's innermost frame; 0: it can't be read. */
__noinline int python_calls_innermost(__u32 level, __u32 runtime, __u64 thread)
{
	struct interpreted *in = bpf_map_lookup_elem(&interpreting, &level);
	struct abi_runtime *r = bpf_map_lookup_elem(&runtimes, &runtime);

	if (!in || !r || r->kind != ABI_RUNTIME_PYTHON ||
	    python_calls_begin_at_state(in, r, thread))
		return 0;
	return python_calls_told(in->python.frame);
}

/* Which open call the thread's innermost frame is of: its number, from 1; 0: of none. */
static __always_inline __u32 python_calls_find(struct pt_regs *ctx, const struct abi_probe *p)
{
	__u32 level = 0, told;

	if (!scratch_enter(&level)) {
		count(ABI_COUNT_LOST);
		return 0;
	}
	python_calls_set_bias(level, ctx, p);
	told = python_calls_innermost(level, p->runtime, compat_thread_pointer());
	scratch_leave(level);
	return span_find_told(span_tid(), p->pair, told);
}

/* Is a call of this stack open in the thread, from its nth span outwards? */
static __always_inline bool python_calls_is_open(__u32 tid, __u64 stack, const __u32 *first,
						 __u32 n)
{
	struct abi_span_key key = { tid, first ? *first - 1 : 0 };
	const struct abi_span *s;

	if (!first || *first >= n)
		return false;
	/* Another thread that had this number may have left its own behind, where it had very many.
	 */
	s = bpf_map_lookup_elem(&spans, &key);
	return s && (s->stack == stack || s->tag == stack);
}

/* Is no call of this stack around the one that begins as the thread's nth span? */
static __always_inline void python_calls_enter(__u32 tid, __u64 stack, __u32 n)
{
	struct outermost_key key = { stack, tid, 0 };
	__u32 *first = bpf_map_lookup_elem(&outermost, &key);

	if (python_calls_is_open(tid, stack, first, n))
		return;
	if (first)
		*first = n;
	else if (bpf_map_update_elem(&outermost, &key, &n, BPF_ANY))
		count(ABI_COUNT_LOST);
}

/*
 * By which a call's begin and end are known to be of one. Where the loop returns its frame still
 * stands: the first argument says how far the end is below its caller's. 0: they are known by
 * Python's frame.
 */
static __always_inline __u64 python_calls_frame(struct pt_regs *ctx, const struct abi_probe *p)
{
	__u64 frame = probe_frame(ctx, p);

	if (p->role == ABI_PROBE_END && p->arguments[0].how == ABI_ARGUMENT_VALUE)
		frame += (__s64)p->arguments[0].offset;
	return frame;
}

static __always_inline void python_calls_begin(struct pt_regs *ctx, const struct abi_probe *p)
{
	struct abi_span s = { .pair = p->pair };
	__u32 n, caller;
	struct who who;
	int nr;

	who_read(&who);
	s.sp = python_calls_frame(ctx, p);
	s.who = who_id(&who);
	nr = python_calls_stacks(ctx, p, &who, &s, &caller);
	if (!nr)
		count(ABI_COUNT_LOST);
	n = nr > 0 ? span_begin(&s) : 0;
	if (!n)
		return;
	python_calls_enter(span_tid(), s.tag, n);
	/* Nobody of Python called it, if both are one. */
	if (s.stack != s.tag)
		python_calls_enter(span_tid(), s.stack, n);
	/* Last: what we do is no part of the call. */
	span_start(n);
}

static __always_inline void python_calls_add(const struct abi_span *s, __u64 stack, __u64 sum,
					     __u64 value)
{
	struct abi_key key = { .who = s->who,
			       .stack = stack,
			       .tag = sum << CALLS_SUM_SHIFT,
			       .bucket = ABI_NO_BUCKET };

	collect_add(&key, value);
}

/* One that took no time that is known. */
static __always_inline void python_calls_once(const struct abi_span *s, __u64 stack, __u64 sum)
{
	struct outermost_key key = { stack, span_tid(), 0 };

	if (!python_calls_is_open(key.tid, stack, bpf_map_lookup_elem(&outermost, &key), ~0u))
		python_calls_add(s, stack, sum, 0);
}

/*
 * What is thrown into a generator, as when it is closed, is a call for cProfile, of which only the
 * end is seen. One that ran before it was measured has a caller that did, too. false: it is neither
 * that nor none at all.
 */
static __always_inline bool python_calls_thrown(struct pt_regs *ctx, const struct abi_probe *p)
{
	struct abi_span s = {};
	__u32 caller = 0;
	struct who who;
	int nr;

	who_read(&who);
	nr = python_calls_stacks(ctx, p, &who, &s, &caller);
	if (nr != 2 || !caller || !span_find_told(span_tid(), p->pair, caller))
		return nr < 0;
	s.who = who_id(&who);
	python_calls_add(&s, s.stack, CALLS_SELF, 0);
	python_calls_once(&s, s.stack, CALLS_BY_CALLER);
	python_calls_once(&s, s.tag, CALLS_CUMULATIVE);
	return true;
}

static __always_inline void python_calls_end(struct pt_regs *ctx, const struct abi_probe *p)
{
	__u64 frame = python_calls_frame(ctx, p), now = bpf_ktime_get_ns(), time;
	struct abi_span s;
	__u32 n;

	n = frame ? span_find(span_tid(), p->pair, frame) : python_calls_find(ctx, p);
	if (!n && !frame && python_calls_thrown(ctx, p))
		return;
	if (!n || !span_end_at(n, now, &s, &time)) {
		count(ABI_COUNT_NO_START);
		return;
	}
	python_calls_add(&s, s.stack, CALLS_SELF, time - s.inner);
	if (s.stack != s.tag && python_calls_leave(span_tid(), s.stack, n))
		python_calls_add(&s, s.stack, CALLS_BY_CALLER, time);
	if (python_calls_leave(span_tid(), s.tag, n))
		python_calls_add(&s, s.tag, CALLS_CUMULATIVE, time);
}
