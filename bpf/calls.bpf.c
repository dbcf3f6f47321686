// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* calls: how often functions are called, by whom, and how long each call takes. */
#include "collect.bpf.h"
#include "calls.h"
#include "probe.bpf.h"
#include "python_calls.bpf.h"
#include "span.bpf.h"

/* A call begins, or is all that is known of it. */
static __always_inline void begin(struct pt_regs *ctx, const struct abi_probe *p)
{
	struct abi_span s = { .tag = p->tag, .pair = p->pair };
	struct abi_key key = { .tag = p->tag, .bucket = ABI_NO_BUCKET };

	collect_begin(ctx, probe_is_entry(p), &s.who, &s.stack);
	if (p->role == ABI_PROBE_COUNT) {
		key.who = s.who;
		key.stack = s.stack;
		collect_add(&key, 0);
		return;
	}
	s.sp = probe_frame(ctx, p);
	/* Last: the walk is no part of the call. */
	s.begin = bpf_ktime_get_ns();
	span_begin(&s);
}

static __always_inline void end(struct pt_regs *ctx, const struct abi_probe *p)
{
	struct abi_key key = {};
	struct abi_span s;
	__u64 time;

	if (!span_end(p->pair, probe_frame(ctx, p), &s, &time)) {
		count(ABI_COUNT_NO_START);
		return;
	}
	key.who = s.who;
	key.stack = s.stack;
	key.tag = s.tag;
	key.bucket = bucket_of(time);
	collect_add(&key, time);
}

static __always_inline void on_hit(struct pt_regs *ctx, const struct abi_probe *p)
{
	bool python = p->flags & ABI_PROBE_PYTHON;

	if (python && p->role == ABI_PROBE_BEGIN)
		python_calls_begin(ctx, p);
	else if (p->role == ABI_PROBE_BEGIN || p->role == ABI_PROBE_COUNT)
		begin(ctx, p);
	else if (python && p->role == ABI_PROBE_END)
		python_calls_end(ctx, p);
	else if (p->role == ABI_PROBE_END)
		end(ctx, p);
}

PROBE_PROGRAMS(on_hit)
