/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All that a mode needs: wanted(), then collect() for an event that is worth
 * something by itself, or collect_begin() where one begins and collect_add()
 * where it ends.
 *
 * Nothing here takes a lock but the ring, and that only for what is new. An
 * event may be interrupted by another one on its CPU: a level of scratch each,
 * and a sample that finds the CPU's region busy goes through the ring.
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "abi.h"
#include "alone.bpf.h"
#include "bucket.h"
#include "compat.bpf.h"
#include "filter.bpf.h"
#include "ring.bpf.h"
#include "slots.h"
#include "stack.bpf.h"
#include "who.bpf.h"

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

/*
 * The running thread and its stack, as ids. `at_entry`: a function of its was called just now.
 * *ret_stack 0: no stacks were asked for.
 */
static __always_inline void collect_begin(void *ctx, bool at_entry, __u64 *ret_who,
					  __u64 *ret_stack)
{
	struct who who;

	who_read(&who);
	*ret_who = who_id(&who);
	*ret_stack = stack_id(ctx, at_entry, &who);
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

	if (r) {
		if (alone_enter(&r->busy))
			done = slots_add(r, cfg.slot_mask, key, value);
		alone_leave(&r->busy);
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

	collect_begin(ctx, false, &key.who, &key.stack);
	key.bucket = distribution ? bucket_of(value) : ABI_NO_BUCKET;
	collect_add(&key, value);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
