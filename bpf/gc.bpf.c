// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * gc: how long a runtime stops its program to collect garbage, charged to the
 * thread and stack that made it begin. Of what lies inside another (a collection
 * in an operation of the virtual machine) each has its own time.
 */
#include "collect.bpf.h"
#include "probe.bpf.h"
#include "span.bpf.h"

/* Some runtimes have a thread that collects, for whichever thread asks for it and waits. */
struct asked_key {
	__u64 what; /* the address of what is asked for, the asker's own while it waits */
	__u32 tgid, pad;
};

struct asker {
	__u64 who, stack;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct asked_key);
	__type(value, struct asker);
	__uint(max_entries, 1024);
} asked SEC(".maps");

/* For whom a thread works, by its tid. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __u32);
	__type(value, struct asker);
	__uint(max_entries, 1024);
} answering SEC(".maps");

static __always_inline void ask(struct pt_regs *ctx, const struct abi_probe *p)
{
	struct asked_key key = { .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct asker asker = {};

	if (!probe_value(ctx, &p->arguments[0], &key.what))
		return;
	collect_begin(ctx, &asker.who, &asker.stack);
	bpf_map_update_elem(&asked, &key, &asker, BPF_ANY);
}

/* What nobody asked for is the thread's own. */
static __always_inline void answer(struct pt_regs *ctx, const struct abi_probe *p)
{
	struct asked_key key = { .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct asker *asker = NULL;
	__u32 tid = span_tid();

	if (probe_value(ctx, &p->arguments[0], &key.what))
		asker = bpf_map_lookup_elem(&asked, &key);
	if (!asker) {
		bpf_map_delete_elem(&answering, &tid);
		return;
	}
	bpf_map_update_elem(&answering, &tid, asker, BPF_ANY);
	bpf_map_delete_elem(&asked, &key);
}

static __always_inline void begin(struct pt_regs *ctx, const struct abi_probe *p)
{
	struct abi_span s = { .tag = probe_tag(ctx, p), .pair = p->pair };
	__u32 tid = span_tid();
	struct asker *asker = bpf_map_lookup_elem(&answering, &tid);

	s.sp = probe_frame(ctx, p);
	if (asker) {
		s.who = asker->who;
		s.stack = asker->stack;
	} else {
		collect_begin(ctx, &s.who, &s.stack);
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
	if (p->role == ABI_PROBE_BEGIN)
		begin(ctx, p);
	else if (p->role == ABI_PROBE_END)
		end(ctx, p);
	else if (p->role == ABI_PROBE_TELL)
		tell(ctx, p);
	else if (p->role == ABI_PROBE_ASK)
		ask(ctx, p);
	else if (p->role == ABI_PROBE_ANSWER)
		answer(ctx, p);
}

PROBE_PROGRAMS(on_hit)
