// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * io: how long block requests wait in the queue and on the device, charged to
 * the process and stack that submitted them. A request begins where it is
 * inserted, or issued where there is no scheduler, and ends when its last
 * byte is done.
 */
#include "request.bpf.h"

/* The first, for programs are attached in this order: a begin whose end went unseen is a loss. */
SEC("tp_btf/block_rq_complete")
int BPF_PROG(on_complete, struct request *rq, int error, unsigned int nr_bytes)
{
	/* A flush without data ends twice: as the device's own request, and as the caller's. */
	if (!request_end(rq, nr_bytes) && rq->__data_len)
		count(ABI_COUNT_NO_START);
	return 0;
}

SEC("tp_btf/block_rq_insert")
int on_insert(__u64 *ctx)
{
	struct request *rq = compat_request_arg(ctx, cfg.rq_arg);
	struct abi_started *s = bpf_map_lookup_elem(&started, &rq);

	if (!s || !s->open || !s->again)
		request_begin(ctx, rq, s, bpf_ktime_get_ns(), 0);
	return 0;
}

SEC("tp_btf/block_rq_issue")
int on_issue(__u64 *ctx)
{
	struct request *rq = compat_request_arg(ctx, cfg.rq_arg);
	struct abi_started *s = bpf_map_lookup_elem(&started, &rq);
	__u64 now = bpf_ktime_get_ns();

	if (s && s->open && !s->issued) {
		s->issued = now;
		s->again = 0;
	} else {
		request_begin(ctx, rq, s, 0, now);
	}
	return 0;
}

/* The driver puts it back: it waits in the queue again, until it is issued anew. */
SEC("tp_btf/block_rq_requeue")
int on_requeue(__u64 *ctx)
{
	struct request *rq = compat_request_arg(ctx, cfg.rq_arg);
	struct abi_started *s = bpf_map_lookup_elem(&started, &rq);

	if (!s || !s->open || !s->who)
		return 0;
	if (!s->queued)
		s->queued = s->issued;
	s->issued = 0;
	s->again = 1;
	count(ABI_COUNT_REQUEUED);
	return 0;
}

/* The request goes up in another one, which carries its bytes and will complete for both. */
SEC("?tp_btf/block_rq_merge")
int on_merge(__u64 *ctx)
{
	struct request *rq = compat_request_arg(ctx, cfg.rq_arg);
	struct abi_started *s = bpf_map_lookup_elem(&started, &rq);

	if (s && s->open) {
		s->open = 0;
		count(ABI_COUNT_MERGED);
	}
	return 0;
}

SEC("?tp_btf/block_bio_backmerge")
int on_backmerge(__u64 *ctx)
{
	if (wanted())
		count(ABI_COUNT_MERGED);
	return 0;
}

SEC("?tp_btf/block_bio_frontmerge")
int on_frontmerge(__u64 *ctx)
{
	if (wanted())
		count(ABI_COUNT_MERGED);
	return 0;
}

SEC("?tp_btf/block_split")
int on_split(__u64 *ctx)
{
	if (wanted())
		count(ABI_COUNT_SPLIT);
	return 0;
}
