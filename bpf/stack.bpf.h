/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The running thread's stack as an id; its frames are sent when it is new. */
#pragma once
#include "hash.h"
#include "unwind.bpf.h"

/* Of one function call, which a verifier follows once. */
enum { HASHED_AT_ONCE = 32 };

/*
 * Of the words from `at` on, to `nr`; behind an odd number of them stands a 0. Scalar arguments
 * only: 5.10 takes no pointers here.
 */
__noinline __u64 hash_words(__u32 level, __u32 at, __u32 nr, __u64 h)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &level);
	__u64 odd = ~h;

	if (!s)
		return 0;
	/* Two at a time: a multiplication need not wait for the one before. */
	for (__u32 i = 0; i < HASHED_AT_ONCE; i += 2) {
		__u64 n = (__u64)at + i;

		if (n >= nr)
			break;
		/* Last, and of a number that is in no other register. */
		barrier_var(n);
		if (n > ABI_STACK_WORDS - 2)
			break;
		h = hash_word(h, s->frames[n]);
		odd = hash_word(odd, s->frames[n + 1]);
	}
	return hash_word(h, odd);
}

__noinline __u64 hash_frames(__u32 level, __u32 nr, __u64 h)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &level);

	if (s && nr < ABI_STACK_WORDS)
		s->frames[nr] = 0;
	for (__u32 at = 0; at < ABI_STACK_WORDS; at += HASHED_AT_ONCE) {
		if (at >= nr)
			break;
		h = hash_words(level, at, nr, h);
	}
	return hash_id(h);
}

/* Sends the stack if it is new. `level`: of the scratch that it stands in. */
static __always_inline __u64 stack_send(struct scratch *s, __u32 level, const struct who *who)
{
	__u32 nr_kernel = s->stack.nr[ABI_KERNEL_FRAMES], nr_user = s->stack.nr[ABI_USER_FRAMES];
	__u64 h = cfg.seed ^ nr_kernel, size, *slot;
	__u32 nr_words = nr_kernel + nr_user;
	bool known;

	if (s->stack.nr_calls) {
		nr_words = interpreted_append(level, nr_words);
		h = hash_word(h, s->stack.nr_calls << 16 | s->stack.calls_walked);
		h = hash_word(h, s->stack.awaited << 16 | s->stack.nr_awaiters << 8 |
					 s->stack.has_name);
	}

	/* By its list, too: under another one the same addresses may be other code. */
	if (nr_user || s->stack.nr_calls)
		h = hash_word(hash_word(who->space, s->walk.list),
			      h ^ (__u64)s->stack.stop << 32 ^ (__u64)s->stack.flags << 40 ^
				      (__u64)s->stack.interpreted << 48);
	if (!s->stack.id)
		s->stack.id = hash_frames(level, nr_words, h);
	slot = seen_slot(s->stack.id, &known);
	if (known)
		return s->stack.id;
	s->stack.type = ABI_STACK;
	s->stack.tgid = who->pid_tgid >> 32;
	s->stack.start_ns = who->facts.start_ns;
	s->stack.exec_id = who->facts.exec_id;
	s->stack.time = bpf_ktime_get_ns();
	if (s->stack.nr_calls)
		interpreted_send(s, level, who->space);
	size = sizeof(s->stack) + nr_words * sizeof(__u64);
	if (ring_send(s, size, offsetof(struct scratch, walk)))
		count(ABI_COUNT_STACK_LOST);
	else if (slot)
		*slot = s->stack.id;
	return s->stack.id;
}

/* 0: none was asked for. */
static __always_inline __u64 stack_id(void *ctx, bool at_entry, const struct who *who)
{
	struct scratch *s;
	__u32 level = 0;
	__u64 id;

	if (!(cfg.flags & (ABI_KERNEL_STACK | ABI_USER_STACK)))
		return 0;
	s = scratch_enter(&level);
	if (!s) {
		count(ABI_COUNT_STACK_LOST);
		return 0;
	}
	s->stack.nr[ABI_KERNEL_FRAMES] = s->stack.nr[ABI_USER_FRAMES] = 0;
	s->stack.space = s->stack.mappings = s->stack.stop = s->stack.flags = s->stack.id = 0;
	s->stack.runtime = s->stack.nr_calls = s->stack.calls_walked = s->stack.interpreted = 0;
	s->stack.awaited = s->stack.nr_awaiters = s->stack.has_name = 0;
	s->walk.list = 0;
	s->walk.at_entry = at_entry;
	if (cfg.flags & ABI_KERNEL_STACK)
		s->stack.nr[ABI_KERNEL_FRAMES] = unwind_by_kernel(ctx, s, 0, 0);
	if (cfg.flags & ABI_USER_STACK)
		unwind_user(ctx, s, level, s->stack.nr[ABI_KERNEL_FRAMES], who);
	id = stack_send(s, level, who);
	scratch_leave(level);
	return id;
}
