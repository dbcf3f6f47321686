/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For whom a thread works: some runtimes have one that does what others of
 * the process ask for, and wait for. What it does then is the asker's.
 */
#pragma once
#include "collect.bpf.h"
#include "probe.bpf.h"
#include "span.bpf.h"

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

/* Who runs asks for something; `s` has who that is, and its stack. */
static __always_inline void asker_ask(struct pt_regs *ctx, const struct abi_probe *p,
				      const struct abi_span *s)
{
	struct asked_key key = { .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct asker asker = { s->who, s->stack };

	key.what = probe_register(ctx, p->arguments[0].reg);
	bpf_map_update_elem(&asked, &key, &asker, BPF_ANY);
}

/* What nobody asked for is the thread's own. */
static __always_inline void asker_answer(struct pt_regs *ctx, const struct abi_probe *p)
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

/* Whose the span is that begins in the running thread; false: its own. */
static __always_inline bool asker_of(struct abi_span *s)
{
	__u32 tid = span_tid();
	struct asker *asker = bpf_map_lookup_elem(&answering, &tid);

	if (!asker)
		return false;
	s->who = asker->who;
	s->stack = asker->stack;
	return true;
}
