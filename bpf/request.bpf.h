/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The life of a block request, from where it began to what it was worth.
 * Kept under the address of its struct request, which serves one request at a time
 * and then the next: the entry stays and is written in place, so that no lock is taken
 * once a device's request structures have all been seen.
 */
#pragma once
#include "collect.bpf.h"
#include "io.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct request *);
	__type(value, struct abi_started);
} started SEC(".maps");

/* More request structures than entries: from then on an entry goes when its request ends. */
__u32 started_crowded SEC(".data.crowded") = 0;

/*
 * `old`: what its memory held, or NULL. A request whose end was not seen, for the kernel did not
 * run the program, is found out when its memory serves another one.
 */
static __always_inline void request_begin(void *ctx, struct request *rq, struct abi_started *old,
					  __u64 queued, __u64 issued)
{
	struct abi_started s = { .queued = queued, .issued = issued, .open = 1 };

	if (old && old->open && old->who)
		count(ABI_COUNT_LOST);
	if (wanted())
		collect_begin(ctx, false, &s.who, &s.stack);
	if (old) {
		*old = s;
	} else if (bpf_map_update_elem(&started, &rq, &s, BPF_ANY)) {
		started_crowded = 1;
		count(ABI_COUNT_LOST);
	}
}

/* Which device and operation: read at the end, when the request is sure to have them. */
static __always_inline __u64 request_tag(struct request *rq)
{
	struct gendisk *disk = compat_request_disk(rq);
	__u64 tag = (rq->cmd_flags & ((1u << IO_OP_BITS) - 1)) << IO_OP_SHIFT;

	if (disk)
		tag |= (((__u64)disk->major << IO_MINOR_BITS) | disk->first_minor)
		       << IO_DEVICE_SHIFT;
	return tag;
}

static __always_inline void end_phase(const struct abi_started *s, __u64 tag, enum io_phase phase,
				      __u64 from, __u64 to)
{
	struct abi_key key = { .who = s->who, .stack = s->stack, .tag = tag | phase };
	__u64 latency = to > from ? to - from : 0;

	key.bucket = bucket_of(latency);
	collect_add(&key, latency);
}

/* Ends the request, if it is one that began and has no part to come. Did it begin? */
static __always_inline bool request_end(struct request *rq, unsigned int nr_bytes)
{
	/* A copy for the map: up to 6.12, what a helper saw on the stack is no pointer after. */
	__u64 key = (__u64)rq;
	struct abi_started *found = bpf_map_lookup_elem(&started, &key), s;
	__u64 now = bpf_ktime_get_ns(), tag;

	if (!found || !found->open)
		return false;
	/* Part of it is done; the rest will complete later. */
	if (nr_bytes < rq->__data_len)
		return true;
	s = *found;
	found->open = 0;
	if (started_crowded)
		bpf_map_delete_elem(&started, &key);
	if (!s.who || !s.issued)
		return !s.who;
	tag = request_tag(rq);
	end_phase(&s, tag, IO_DEVICE, s.issued, now);
	if (cfg.flags & ABI_QUEUE_PHASE && s.queued)
		end_phase(&s, tag, IO_QUEUE, s.queued, s.issued);
	return true;
}
