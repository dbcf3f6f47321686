/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where frames are taken: kernel and user frames of the running thread, leaf
 * first, into a scratch of the CPU. User frames by tables (walk.h), for every
 * kind of event alike: the registers with which the thread left user mode lie
 * at the top of its kernel stack. By the kernel's own walk, which needs frame
 * pointers, where that was asked for, and in 32-bit programs.
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "abi.h"
#include "compat.bpf.h"
#include "ring.bpf.h"
#include "runtime.bpf.h"
#include "scratch.bpf.h"
#include "start.bpf.h"
#include "who.bpf.h"

/* What is mapped where; written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct abi_space);
	__uint(max_entries, 1);
} spaces SEC(".maps");

/* A function of its own, with a scalar: 5.10 takes no pointers here, and it is verified once. */
__noinline int unwind_step(__u32 level)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &level);

	return s ? walk_step(&s->walk, s->frames) : 1;
}

/* What is known of an address space; *ret_mappings 0: no list has been published. */
static __always_inline void unwind_find_space(__u64 space, __u64 *ret_mappings, __u32 *ret_runtime)
{
	*ret_mappings = *ret_runtime = 0;
	for (__u32 i = 0; i < ABI_SPACE_PROBES; i++) {
		__u32 at = ((__u32)space + i) & cfg.space_mask;
		struct abi_space *s = bpf_map_lookup_elem(&spaces, &at);

		if (!s || s->token != space)
			continue;
		*ret_mappings = s->mappings;
		*ret_runtime = s->runtime;
		break;
	}
}

/* Where it is remembered that an address was asked for; *ret_id: as this. */
static __always_inline __u64 *unwind_asked(const struct walk *w, __u64 space, __u64 address,
					   __u64 *ret_id, bool *ret_known)
{
	*ret_id = hash_id(hash_word(space ^ w->list, address >> CFI_PAGE_SHIFT));
	return seen_slot(*ret_id, ret_known);
}

/* Which of the addresses that lack a table were not asked for yet. */
static __always_inline void unwind_new_ask(const struct walk *w, struct abi_ask *ret)
{
	__u64 id, *slot;
	bool known;

	/* Unrolled: 5.10 and 6.1 refuse a loop that clang 14 enters in its middle. */
#pragma unroll
	for (__u32 i = 0; i < ABI_MAX_ASKED; i++) {
		if (i >= w->nr_asked)
			break;
		slot = unwind_asked(w, ret->space, w->asked[i], &id, &known);
		if (known || !slot)
			continue;
		*slot = id;
		ret->addresses[ret->nr++ & (ABI_MAX_ASKED - 1)] = w->asked[i];
	}
}

/* What found no room is to be asked for again. */
static __always_inline void unwind_forget_ask(const struct walk *w, const struct abi_ask *ask)
{
	__u64 id, *slot;
	bool known;

#pragma unroll
	for (__u32 i = 0; i < ABI_MAX_ASKED; i++) {
		if (i >= ask->nr)
			break;
		slot = unwind_asked(w, ask->space, ask->addresses[i], &id, &known);
		if (known && slot)
			*slot = 0;
	}
}

/* When this CPU copied a stack last. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} copied_at SEC(".maps");

/* A process that never gets its tables costs no more than so many copies. */
static __always_inline bool unwind_may_copy(__u64 now)
{
	__u32 zero = 0;
	__u64 *last = bpf_map_lookup_elem(&copied_at, &zero);

	if (!last || now - *last < ABI_COPY_PAUSE_NS || ring_is_half_full())
		return false;
	*last = now;
	return true;
}

enum { COPIED_RETURNS = 16 };

/*
 * The stack itself goes with what is asked for, so that the walk can be done again when the
 * tables are there. The stack's id, or 0: there was no room for it.
 */
static __always_inline __u64 unwind_copy_bytes(const struct walk *w, const struct abi_ask *ask,
					       __u64 from, const __u32 bytes)
{
	__u32 size = ABI_COPY_STEP - (from & (ABI_COPY_STEP - 1)), n = 0, i = 0;
	__u64 id = hash_id(hash_word(ask->space, ask->time));
	struct abi_copy *c;

	c = bpf_ringbuf_reserve(&ring, sizeof(*c) + bytes + ABI_COPY_STEP, 0);
	if (!c)
		return 0;
	c->ask = *ask;
	c->ask.type = ABI_COPY;
	c->stack = id;
	c->from = from;
	bpf_probe_read_kernel(c->registers, WALK_PT_REGS * sizeof(__u64), w->registers);
	bpf_probe_read_kernel(c->entries, sizeof(c->entries), w->entries);
	c->nr_entries = w->nr_entries;
	/* Page by page: behind the last one there may be none. */
	for (__u32 i = 0; i < bytes / ABI_COPY_STEP; i++) {
		barrier_var(size);
		if (size > ABI_COPY_STEP ||
		    bpf_probe_read_user(&c->memory[n & (bytes - 1)], size, (void *)(from + n)))
			break;
		n += size;
		size = ABI_COPY_STEP;
	}
	c->size = n;
	/* Who walks it knows of no return probes. */
	for (struct return_instance *r = compat_pending_returns(); r && i < COPIED_RETURNS; i++) {
		__u64 at = BPF_CORE_READ(r, stack) - from, to = BPF_CORE_READ(r, orig_ret_vaddr);

		barrier_var(at);
		if (at <= bytes - sizeof(to))
			bpf_probe_read_kernel(&c->memory[at], sizeof(to), &to);
		r = BPF_CORE_READ(r, next);
	}
	bpf_ringbuf_submit(c, BPF_RB_FORCE_WAKEUP);
	return id;
}

/* Most stacks are small, and a ring holds more small ones while user space does not come to run. */
static __always_inline __u64 unwind_copy(const struct walk *w, const struct abi_ask *ask)
{
	__u64 from = (w->registers[WALK_SP] - ABI_RED_ZONE) & ~7ull, end;

	if (!unwind_may_copy(ask->time))
		return 0;
	end = compat_stack_start();
	if (end > from && end - from <= ABI_COPY_SMALL - ABI_COPY_STEP)
		return unwind_copy_bytes(w, ask, from, ABI_COPY_SMALL);
	return unwind_copy_bytes(w, ask, from, ABI_COPY_LARGE);
}

/*
 * Asks user space for tables: once an address space, list of its mappings, and page. Until there is
 * a list, stacks are copied all the same. `level`: of the scratch; the others are as in struct who.
 * A function of scalars: verifiers follow it once.
 */
__noinline int unwind_ask(__u32 level, __u32 tgid, __u64 space, __u64 start_ns, __u32 exec_id)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &level);
	struct abi_ask *ask;
	struct walk *w;

	if (!s)
		return 0;
	w = &s->walk;
	ask = &s->ask;
	__builtin_memset(ask, 0, sizeof(*ask));
	ask->type = ABI_ASK;
	ask->tgid = tgid;
	ask->space = space;
	unwind_new_ask(w, ask);
	if (!ask->nr && w->mappings)
		return 0;
	ask->start_ns = start_ns;
	ask->exec_id = exec_id;
	ask->time = bpf_ktime_get_ns();
	ask->program = start_running(cfg.seed);
	s->stack.id = unwind_copy(w, ask);
	if (s->stack.id)
		s->stack.flags |= ABI_STACK_COPIED;
	else if (ask->nr && ring_send_now(ask, sizeof(*ask)))
		unwind_forget_ask(w, ask);
	return 0;
}

static __always_inline void unwind_by_tables(struct scratch *s, __u32 level, __u32 first,
					     const struct who *who)
{
	struct walk *w = &s->walk;
	__u64 mappings;
	__u32 runtime;

	unwind_find_space(who->space, &mappings, &runtime);
	w->nr_entries = w->next_entry = 0;
	if (runtime)
		interpreted_walk(s, level, runtime);
	walk_enter(w);
	w->pc = w->registers[WALK_PC];
	w->sp = w->registers[WALK_SP];
	w->fp = w->registers[WALK_FP];
	w->returns = (__u64)compat_pending_returns();
	w->return_at = 0;
	if (w->returns)
		walk_next_return(w);
	w->window_at = WALK_NO_WINDOW;
	w->size = 0;
	w->mappings = (__u32)mappings;
	w->nr_mappings = mappings >> 32;
	w->list = walk_list_number(w, w->mappings);
	w->first = first;
	w->nr = w->nr_asked = w->flags = w->nr_stacks = 0;
	w->max = cfg.max_user_depth;
	w->exact = w->whole = 1;
	for (int i = 0; i <= ABI_MAX_DEPTH; i++)
		if (unwind_step(level))
			break;
	s->stack.nr[ABI_USER_FRAMES] = w->nr;
	s->stack.stop = w->stop;
	s->stack.flags = w->flags;
	s->stack.space = who->space;
	s->stack.mappings = w->mappings;
	if (w->nr_asked)
		unwind_ask(level, who->pid_tgid >> 32, who->space, who->facts.start_ns,
			   who->facts.exec_id);
}

/* Frames behind the `at` that stand in the scratch: how many, at most cfg.max_depth. */
static __always_inline __u32 unwind_by_kernel(void *ctx, struct scratch *s, __u32 at, __u64 flags)
{
	__u32 max_depth = cfg.max_depth;
	long size;

	if (at > ABI_MAX_DEPTH)
		return 0;
	if (max_depth > ABI_MAX_DEPTH)
		max_depth = ABI_MAX_DEPTH;
	size = bpf_get_stack(ctx, &s->frames[at], max_depth * sizeof(*s->frames), flags);
	return size < 0 ? 0 : (__u64)size / sizeof(*s->frames);
}

static __always_inline void unwind_user(void *ctx, struct scratch *s, __u32 level, __u32 first,
					const struct who *who)
{
	if (!who->facts.has_memory)
		return;
	if (cfg.flags & ABI_TABLES && !compat_user_registers(s->walk.registers, WALK_PT_REGS) &&
	    walk_is_64bit(s->walk.registers)) {
		unwind_by_tables(s, level, first, who);
		return;
	}
	s->stack.nr[ABI_USER_FRAMES] = unwind_by_kernel(ctx, s, first, BPF_F_USER_STACK);
	s->stack.stop = s->stack.nr[ABI_USER_FRAMES] ? ABI_STOP_KERNEL : ABI_STOP_UNREADABLE;
}
