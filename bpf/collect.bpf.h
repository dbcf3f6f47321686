/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All that a mode needs: wanted(), then collect() for an event that is worth
 * something by itself, or collect_who() and collect_stack() where one begins
 * and collect_add() where it ends.
 *
 * Nothing here takes a lock but the ring, and that only for what is new. An
 * event may be interrupted by another one (an NMI, an interrupt) on its CPU,
 * which then ends before it goes on: a level of scratch each, and a sample
 * that finds the CPU's region busy goes through the ring.
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "abi.h"
#include "bucket.h"
#include "compat.bpf.h"
#include "filter.bpf.h"
#include "hash.h"
#include "slots.h"
#include "unwind.bpf.h"

enum { SCRATCH_LEVELS = 3 };

/* Which of its two generations of regions the kernel half writes; user space flips it. */
__u32 generation;

/* Regions, [generation][cpu]; sized, and mapped, by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct abi_region));
	__uint(max_entries, 1);
} regions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

/*
 * Ids that went through the ring. A cache: an id that another one displaced is sent again, and
 * two CPUs may send one twice; user space takes the first.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} seen SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, ABI_COUNTERS);
} counters SEC(".maps");

struct scratch {
	struct abi_stack stack;
	__u64 frames[2 * ABI_MAX_DEPTH];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct scratch);
	__uint(max_entries, SCRATCH_LEVELS);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} scratch_level SEC(".maps");

static __always_inline void count(__u32 counter)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &counter);

	if (n)
		__sync_fetch_and_add(n, 1);
}

/*
 * User space reads by the clock; only a ring that fills up wakes it. The size is checked last:
 * 5.10 forgets what it knows of a number that is put on the stack.
 */
static __always_inline long ring_send(void *record, __u64 size, __u64 max)
{
	bool full = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >
		    bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE) / 2;

	barrier_var(size);
	if (size > max)
		return -1;
	return bpf_ringbuf_output(&ring, record, size,
				  full ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* Where the id is remembered; *ret_known: it already is. */
static __always_inline __u64 *seen_slot(__u64 id, bool *ret_known)
{
	__u32 at = (__u32)(id >> 20) & cfg.seen_mask;
	__u64 *slot = bpf_map_lookup_elem(&seen, &at);

	*ret_known = slot && *slot == id;
	return slot;
}

/* The running thread's id; what it stands for is sent when it is new. */
static __always_inline __u64 collect_who(void)
{
	struct abi_thread t = { .type = ABI_THREAD };
	__u64 id = bpf_get_current_pid_tgid(), h, *slot;
	struct thread_facts facts;
	bool known;

	compat_thread_facts(&facts);
	t.tgid = id >> 32;
	t.tid = (__u32)id;
	t.exec_id = facts.exec_id;
	t.start_ns = facts.start_ns;
	bpf_get_current_comm(t.comm, sizeof(t.comm));
	h = hash_word(cfg.seed, id);
	h = hash_word(h, facts.start_ns);
	h = hash_word(h, facts.exec_id);
	h = hash_word(h, *(__u64 *)&t.comm[0]);
	h = hash_word(h, *(__u64 *)&t.comm[8]);
	t.id = hash_id(h);
	slot = seen_slot(t.id, &known);
	if (known)
		return t.id;
	t.time = bpf_ktime_get_ns();
	if (ring_send(&t, sizeof(t), sizeof(t)))
		count(ABI_COUNT_STACK_LOST);
	else if (slot)
		*slot = t.id;
	return t.id;
}

static __always_inline struct scratch *scratch_enter(void)
{
	__u32 zero = 0, *level = bpf_map_lookup_elem(&scratch_level, &zero), mine;
	struct scratch *s;

	if (!level)
		return NULL;
	mine = *level;
	s = bpf_map_lookup_elem(&scratches, &mine);
	if (s)
		*level = mine + 1;
	return s;
}

static __always_inline void scratch_leave(void)
{
	__u32 zero = 0, *level = bpf_map_lookup_elem(&scratch_level, &zero);

	if (level)
		*level -= 1;
}

/*
 * A function of its own, so that the verifier walks the loop once: scalar
 * arguments only, since 5.10 takes no pointers here.
 */
__noinline __u64 hash_frames(__u32 level, __u32 nr, __u64 h)
{
	struct scratch *s = bpf_map_lookup_elem(&scratches, &level);
	__u64 odd = ~h;

	if (!s)
		return 0;
	/* Two at a time: a multiplication need not wait for the one before. */
	for (__u32 i = 0; i < 2 * ABI_MAX_DEPTH; i += 2) {
		if (i >= nr)
			break;
		h = hash_word(h, s->frames[i]);
		if (i + 1 < nr)
			odd = hash_word(odd, s->frames[i + 1]);
	}
	h = hash_word(h, odd);
	return hash_id(h);
}

static __always_inline void walk(void *ctx, struct scratch *s)
{
	__u32 total = 0;
	long n;

	s->stack.nr[ABI_KERNEL_FRAMES] = s->stack.nr[ABI_USER_FRAMES] = 0;
	if (cfg.flags & ABI_KERNEL_STACK) {
		n = unwind(ctx, s->frames, 0, cfg.max_depth, false);
		if (n > 0)
			total = s->stack.nr[ABI_KERNEL_FRAMES] = n;
	}
	if (cfg.flags & ABI_USER_STACK) {
		n = unwind(ctx, s->frames, total, cfg.max_depth, true);
		if (n >= 0)
			s->stack.nr[ABI_USER_FRAMES] = n;
		else
			count(ABI_COUNT_UNREADABLE);
	}
}

static __always_inline __u64 send_stack(struct scratch *s, __u32 level)
{
	__u64 id = bpf_get_current_pid_tgid(), *slot, size;
	struct thread_facts facts = {};
	__u32 nr_kernel = s->stack.nr[ABI_KERNEL_FRAMES], nr_user = s->stack.nr[ABI_USER_FRAMES];
	__u64 h = cfg.seed ^ nr_kernel;
	bool known;

	if (nr_user) {
		compat_thread_facts(&facts);
		h = hash_word(h, id >> 32);
		h = hash_word(h, facts.start_ns);
		h = hash_word(h, facts.exec_id);
	}
	s->stack.id = hash_frames(level, nr_kernel + nr_user, h);
	slot = seen_slot(s->stack.id, &known);
	if (known)
		return s->stack.id;
	s->stack.type = ABI_STACK;
	s->stack.tgid = id >> 32;
	s->stack.start_ns = facts.start_ns;
	s->stack.exec_id = facts.exec_id;
	s->stack.time = bpf_ktime_get_ns();
	size = sizeof(s->stack) + (nr_kernel + nr_user) * sizeof(__u64);
	if (ring_send(s, size, sizeof(*s)))
		count(ABI_COUNT_STACK_LOST);
	else if (slot)
		*slot = s->stack.id;
	return s->stack.id;
}

/* The running thread's stack as an id; its frames are sent when it is new. 0: none asked for. */
static __always_inline __u64 collect_stack(void *ctx)
{
	__u32 zero = 0, *level;
	struct scratch *s;
	__u64 id;

	if (!(cfg.flags & (ABI_KERNEL_STACK | ABI_USER_STACK)))
		return 0;
	s = scratch_enter();
	level = bpf_map_lookup_elem(&scratch_level, &zero);
	if (!s || !level) {
		count(ABI_COUNT_STACK_LOST);
		return 0;
	}
	walk(ctx, s);
	id = send_stack(s, *level - 1);
	scratch_leave();
	return id;
}

static __always_inline void send_event(__u32 type, const struct abi_key *key, __u64 value)
{
	struct abi_event e = { .type = type, .value = value, .key = *key };

	e.time = bpf_ktime_get_ns();
	if (ring_send(&e, sizeof(e), sizeof(e)))
		count(ABI_COUNT_LOST);
	else if (type == ABI_SPILL)
		count(ABI_COUNT_SPILLED);
}

/* Counts one event under its key. */
static __always_inline void collect_add(const struct abi_key *key, __u64 value)
{
	__u32 at = (generation & 1) * cfg.nr_regions + bpf_get_smp_processor_id();
	struct abi_region *r = bpf_map_lookup_elem(&regions, &at);
	int done = 0;

	/* A plain mark will do: what interrupts us on this CPU ends before we go on. */
	if (r && !r->busy) {
		r->busy = 1;
		barrier();
		done = slots_add(r, cfg.slot_mask, key, value);
		barrier();
		r->busy = 0;
	}
	if (!done)
		send_event(ABI_SPILL, key, value);
	if (cfg.slower && value >= cfg.slower)
		send_event(ABI_EVENT, key, value);
}

/* An event of the running thread, whole. `distribution`: keep its value's bucket. */
static __always_inline int collect(void *ctx, __u64 tag, __u64 value, bool distribution)
{
	struct abi_key key = { .tag = tag };

	key.who = collect_who();
	key.stack = collect_stack(ctx);
	key.bucket = distribution ? bucket_of(value) : ABI_NO_BUCKET;
	collect_add(&key, value);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
