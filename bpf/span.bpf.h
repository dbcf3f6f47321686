/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What has begun in a thread and not ended: spans, one inside the other. A
 * span that was left without its end (longjmp, an exception, the thread's
 * own end) is found when one further out begins or ends, dropped, and counted.
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "abi.h"
#include "ring.bpf.h"

/* A mode may keep something of the nth, from 1, of a thread, that goes with it. */
#ifndef SPAN_DROPPED
#define SPAN_DROPPED(tid, n, s)
#endif

enum { SPANS_AT_ONCE = 16 }; /* that are looked at for one event */

#define SPAN_ANYWHERE ~0ull /* a frame: whichever it is */

/* Sized by user space, as the next. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct abi_span_key);
	__type(value, struct abi_span);
	__uint(max_entries, 1);
} spans SEC(".maps");

/* How many are open, by thread. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} span_threads SEC(".maps");

static __always_inline __u32 span_tid(void)
{
	return (__u32)bpf_get_current_pid_tgid();
}

/* Where the running thread's number of open spans is. */
static __always_inline __u32 *span_thread(__u32 tid)
{
	__u32 zero = 0, *nr = bpf_map_lookup_elem(&span_threads, &tid);

	if (nr)
		return nr;
	bpf_map_update_elem(&span_threads, &tid, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&span_threads, &tid);
}

/* The innermost one, of *nr, goes. */
static __always_inline void span_drop(__u32 tid, __u32 *nr)
{
	struct abi_span_key key = { tid, *nr - 1 };
	const struct abi_span *s = bpf_map_lookup_elem(&spans, &key);

	if (s)
		SPAN_DROPPED(tid, *nr, s);
	bpf_map_delete_elem(&spans, &key);
	*nr -= 1;
	count(ABI_COUNT_UNRETURNED);
}

/*
 * What loops is a function of its own, with scalars: verifiers follow it once (5.10 takes no
 * pointers here).
 */

/* Those whose frames lie below `frame` on the stack were left. How many were dropped now. */
__noinline int span_drop_left(__u32 tid, __u64 frame)
{
	__u32 *nr = bpf_map_lookup_elem(&span_threads, &tid);
	int i;

	for (i = 0; nr && i < SPANS_AT_ONCE; i++) {
		struct abi_span_key key = { tid, *nr - 1 };
		struct abi_span *s;

		if (!*nr)
			break;
		s = bpf_map_lookup_elem(&spans, &key);
		if (s && (!s->sp || s->sp >= frame))
			break;
		span_drop(tid, nr);
	}
	return i;
}

/*
 * The number of open spans up to the innermost one of this pair and frame, which is the last of
 * them; 0: there is none.
 */
__noinline int span_find(__u32 tid, __u32 pair, __u64 frame)
{
	__u32 *nr = bpf_map_lookup_elem(&span_threads, &tid);

	for (__u32 i = 0; nr && i < SPANS_AT_ONCE; i++) {
		struct abi_span_key key = { tid, *nr - 1 - i };
		struct abi_span *s;

		if (i >= *nr)
			break;
		s = bpf_map_lookup_elem(&spans, &key);
		if (!s || (frame && s->sp > frame))
			break;
		if (s->pair == pair && (s->sp == frame || frame == SPAN_ANYWHERE))
			return *nr - i;
	}
	return 0;
}

/* As span_find(), of the pair, by what it was told; it has no frame. */
__noinline int span_find_told(__u32 tid, __u32 pair, __u32 told)
{
	__u32 *nr = bpf_map_lookup_elem(&span_threads, &tid);

	for (__u32 i = 0; nr && i < SPANS_AT_ONCE; i++) {
		struct abi_span_key key = { tid, *nr - 1 - i };
		struct abi_span *s;

		if (i >= *nr)
			break;
		s = bpf_map_lookup_elem(&spans, &key);
		if (!s)
			break;
		if (s->pair == pair && s->told == told)
			return *nr - i;
	}
	return 0;
}

/* Drops what is open beyond so many; in steps, if it is much. How many are open then. */
__noinline int span_drop_beyond(__u32 tid, __u32 keep)
{
	__u32 *nr = bpf_map_lookup_elem(&span_threads, &tid);

	if (!nr)
		return 0;
	for (int i = 0; i < SPANS_AT_ONCE; i++) {
		if (*nr <= keep)
			break;
		span_drop(tid, nr);
	}
	return *nr;
}

/* Its number among the thread's open ones, from 1; 0: there is no room for it. */
static __always_inline __u32 span_begin(const struct abi_span *s)
{
	struct abi_span_key key = { .tid = span_tid() };
	__u32 *nr = span_thread(key.tid);

	if (!nr) {
		count(ABI_COUNT_LOST);
		return 0;
	}
	if (s->sp && *nr)
		span_drop_left(key.tid, s->sp);
	key.n = *nr;
	if (bpf_map_update_elem(&spans, &key, s, BPF_ANY)) {
		count(ABI_COUNT_LOST);
		return 0;
	}
	*nr += 1;
	return key.n + 1;
}

/* The nth of the running thread begins only now. */
static __always_inline void span_start(__u32 n)
{
	struct abi_span_key key = { span_tid(), n - 1 };
	struct abi_span *s = bpf_map_lookup_elem(&spans, &key);

	if (s)
		s->begin = bpf_ktime_get_ns();
}

/* The innermost open one of the pair. */
static __always_inline struct abi_span *span_open(__u32 pair)
{
	struct abi_span_key key = { .tid = span_tid() };

	key.n = span_find(key.tid, pair, SPAN_ANYWHERE);
	return key.n-- ? bpf_map_lookup_elem(&spans, &key) : NULL;
}

/* Ends the nth, from 1, at the time `now`. *ret: as it was; *ret_time: how long it took. n, or 0.
 */
static __always_inline __u32 span_end_at(__u32 nr, __u64 now, struct abi_span *ret, __u64 *ret_time)
{
	struct abi_span_key key = { .tid = span_tid() };
	struct abi_span *s;
	__u32 *now_open;

	span_drop_beyond(key.tid, nr);
	key.n = nr - 1;
	now_open = bpf_map_lookup_elem(&span_threads, &key.tid);
	s = bpf_map_lookup_elem(&spans, &key);
	if (!s || !now_open)
		return 0;
	*ret = *s;
	*ret_time = now - ret->begin;
	bpf_map_delete_elem(&spans, &key);
	*now_open = key.n;
	if (!key.n--)
		return nr;
	s = bpf_map_lookup_elem(&spans, &key);
	if (s)
		s->inner += *ret_time;
	return nr;
}

/*
 * Ends the innermost one of this pair and frame. Its number among the open ones, from 1; 0: it
 * began before it was measured.
 */
static __always_inline __u32 span_end(__u32 pair, __u64 frame, struct abi_span *ret,
				      __u64 *ret_time)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 tid = span_tid(), nr;

	/* Of nested calls the kernel sees the outermost 64 return: many more may lie inside. */
	for (int i = 0; frame && frame != SPAN_ANYWHERE && i < SPANS_AT_ONCE; i++)
		if (span_drop_left(tid, frame) < SPANS_AT_ONCE)
			break;
	nr = span_find(tid, pair, frame);
	return nr ? span_end_at(nr, now, ret, ret_time) : 0;
}

static __always_inline void span_forget(__u32 tid)
{
	for (int i = 0; i < SPANS_AT_ONCE; i++)
		if (!span_drop_beyond(tid, 0))
			break;
	bpf_map_delete_elem(&span_threads, &tid);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_thread_exit, struct task_struct *task)
{
	span_forget(task->pid);
	return 0;
}

/* What was open was of a program that is no more. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	span_forget(task->pid);
	return 0;
}
