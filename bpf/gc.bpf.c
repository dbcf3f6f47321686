// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * gc: how long a runtime stops its program to collect garbage, charged to the
 * thread and stack that made it begin. Of what lies inside another (a collection
 * in an operation of the virtual machine) each has its own time.
 */
#include "asker.bpf.h"
#include "collect.bpf.h"
#include "probe.bpf.h"
#include "process_end.bpf.h"
#include "span.bpf.h"

/* Something begins, or is asked for: one walk in the program, for verifiers follow each. */
static __always_inline void begin(struct pt_regs *ctx, const struct abi_probe *p)
{
	struct abi_span s = { .tag = probe_tag(ctx, p), .pair = p->pair };

	s.sp = probe_frame(ctx, p);
	if (p->role == ABI_PROBE_ASK || !asker_of(&s))
		collect_begin(ctx, probe_is_entry(p), &s.who, &s.stack);
	if (p->role == ABI_PROBE_ASK) {
		asker_ask(ctx, p, &s);
		return;
	}
	/* Last: the walk is no part of it. */
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
	if (p->flags & ABI_PROBE_IF_TOLD && !s.told)
		return;
	time -= s.inner;
	key.who = s.who;
	key.stack = s.stack;
	key.tag = s.tag | probe_tag(ctx, p);
	key.bucket = bucket_of(time);
	collect_add(&key, time);
	process_end_want();
}

static __always_inline void tell(struct pt_regs *ctx, const struct abi_probe *p)
{
	struct abi_span *s = span_open(p->pair);

	if (!s)
		return;
	s->tag |= probe_tag(ctx, p);
	s->told = 1;
}

static __always_inline void on_hit(struct pt_regs *ctx, const struct abi_probe *p)
{
	__u64 value;

	if (p->flags & ABI_PROBE_IF_ZERO && probe_value(ctx, &p->arguments[1], &value) && value)
		return;
	if (p->role == ABI_PROBE_BEGIN || p->role == ABI_PROBE_ASK)
		begin(ctx, p);
	else if (p->role == ABI_PROBE_END)
		end(ctx, p);
	else if (p->role == ABI_PROBE_TELL)
		tell(ctx, p);
	else if (p->role == ABI_PROBE_ANSWER)
		asker_answer(ctx, p);
}

PROBE_PROGRAMS(on_hit)
