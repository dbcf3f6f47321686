/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ring, through which passes what is new, and the counters of what was
 * lost. The only lock on an event's path is the ring's, and that only for
 * what user space has not been sent yet.
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "abi.h"
#include "filter.bpf.h"

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

static __always_inline void count(__u32 counter)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &counter);

	if (n)
		__sync_fetch_and_add(n, 1);
}

/* More than one part of `parts` of it is used. */
static __always_inline bool ring_is_full_to(__u32 parts)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) >
	       bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE) / parts;
}

static __always_inline bool ring_is_half_full(void)
{
	return ring_is_full_to(2);
}

/*
 * User space reads by the clock; only a ring that fills up wakes it. The size is checked last:
 * 5.10 forgets what it knows of a number that is put on the stack.
 */
static __always_inline long ring_send(void *record, __u64 size, __u64 max)
{
	bool full = ring_is_half_full();

	barrier_var(size);
	if (size > max)
		return -1;
	return bpf_ringbuf_output(&ring, record, size,
				  full ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* Wakes user space: something is wanted of it. */
static __always_inline long ring_send_now(void *record, __u64 size)
{
	return bpf_ringbuf_output(&ring, record, size, BPF_RB_FORCE_WAKEUP);
}

/* Where the id is remembered; *ret_known: it already is. */
static __always_inline __u64 *seen_slot(__u64 id, bool *ret_known)
{
	__u32 at = (__u32)(id >> 20) & cfg.seen_mask;
	__u64 *slot = bpf_map_lookup_elem(&seen, &at);

	*ret_known = slot && *slot == id;
	return slot;
}
