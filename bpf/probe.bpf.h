/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Probes in programs: which one was hit, and what its arguments say. A mode
 * says once what is done then, PROBE_PROGRAMS(void on_hit(ctx, probe)).
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "abi.h"
#include "hash.h"
#include "ring.bpf.h"
#include "scratch.bpf.h"

/* By place: written by user space before a probe is attached. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct abi_probe);
	__uint(max_entries, 1);
} probes SEC(".maps");

/* How often each was hit, also by those who are not measured: that is what it costs. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 1);
} probe_hits SEC(".maps");

/* By its cookie. NULL: of the two that are there for a moment, it is the other one's turn. */
static __always_inline const struct abi_probe *probe_at(__u64 cookie)
{
	__u32 place = (__u32)cookie;
	const struct abi_probe *p = bpf_map_lookup_elem(&probes, &place);
	__u64 *hits = bpf_map_lookup_elem(&probe_hits, &place);
	__u64 differ = p ? cookie >> ABI_COOKIE_FLAGS ^ p->flags : 0;

	/* A verifier follows one branch, not one for each of both flags. */
	barrier_var(differ);
	if (differ & ABI_PROBE_TURN)
		return NULL;
	if (hits)
		*hits += 1;
	return p;
}

/* A register as it was where the probe is. */
static __always_inline __u64 probe_register(struct pt_regs *ctx, __u32 reg)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (__u64 *)ctx + (reg & 31));
	return value;
}

/* An argument's value. false: there is none, or it can't be read. */
static __always_inline bool probe_value(struct pt_regs *ctx, const struct abi_argument *a,
					__u64 *ret)
{
	__u64 value = (__s64)a->offset, at;
	__u32 unused = (64 - 8 * a->size) & 63;
	__u32 size = a->size;

	if (a->how == ABI_ARGUMENT_NONE)
		return false;
	if (a->how != ABI_ARGUMENT_VALUE) {
		at = probe_register(ctx, a->reg);
		if (a->how == ABI_ARGUMENT_MEMORY) {
			at += value;
			value = 0;
			barrier_var(size);
			if (size > sizeof(value) || bpf_probe_read_user(&value, size, (void *)at))
				return false;
		} else {
			value = at;
		}
		value <<= unused;
		value = a->is_signed ? (__u64)((__s64)value >> unused) : value >> unused;
	}
	*ret = value;
	return true;
}

/*
 * The id of the text at an address of the running process, which is sent when it is new. A function
 * of scalars: verifiers follow it once.
 */
__noinline __u64 probe_text(__u64 at)
{
	struct abi_text t = { .type = ABI_TEXT };
	__u64 h = cfg.seed, *slot;
	bool known;

	if (bpf_probe_read_user_str(t.text, sizeof(t.text), (void *)at) <= 1)
		return ABI_TEXT_UNKNOWN;
	for (int i = 0; i < ABI_TEXT_BYTES / 8; i++)
		h = hash_word(h, t.words[i]);
	h = hash_id(h);
	t.id = h >> (64 - ABI_TEXT_BITS);
	if (t.id <= ABI_TEXT_UNKNOWN)
		t.id += ABI_TEXT_UNKNOWN + 1;
	slot = seen_slot(h, &known);
	if (!known && !ring_send(&t, sizeof(t), sizeof(t)) && slot)
		*slot = h;
	return t.id;
}

/* What it adds to the tag. */
static __always_inline __u64 probe_argument(struct pt_regs *ctx, const struct abi_argument *a)
{
	__u64 value = 0;
	bool is_read;

	if (a->how == ABI_ARGUMENT_NONE || !(a->bits || a->is_text))
		return 0;
	is_read = probe_value(ctx, a, &value);
	if (a->is_text)
		return probe_text(value) << ABI_TEXT_SHIFT;
	if (!is_read)
		return 0;
	return ((value + 1) & ((1ull << (a->bits & 31)) - 1)) << (a->shift & 63);
}

static __always_inline __u64 probe_tag(struct pt_regs *ctx, const struct abi_probe *p)
{
	return p->tag | probe_argument(ctx, &p->arguments[0]) |
	       probe_argument(ctx, &p->arguments[1]);
}

/* Does it stand where a function begins? */
static __always_inline bool probe_is_entry(const struct abi_probe *p)
{
	return p->role == ABI_PROBE_COUNT ||
	       (p->role == ABI_PROBE_BEGIN && p->flags & ABI_PROBE_RETURN);
}

/*
 * The address above a function's return address, by which its begin and its return are known to
 * be of one call. 0: the probe isn't where a function is called from or returns to.
 */
static __always_inline __u64 probe_frame(struct pt_regs *ctx, const struct abi_probe *p)
{
	__u64 sp = probe_register(ctx, WALK_SP);

	if (!(p->flags & ABI_PROBE_RETURN))
		return 0;
#ifdef __TARGET_ARCH_x86
	return p->role == ABI_PROBE_BEGIN ? sp + 8 : sp;
#else
	return sp;
#endif
}

/*
 * Without cookies: each probe has a program, made by user space, that notes its place here and goes
 * on in the one that all share. The verifier walks through that once, not once a place.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} probe_shared SEC(".maps");

/* Nothing comes between: there these programs are not preempted, and samples have no place. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} probe_place SEC(".maps");

/*
 * One function that is called by both of them. What it returns is no constant to the compiler,
 * which would else leave anything in that register: verifiers refuse some of it. Cookies came
 * in 5.15: 82e6b1eee6a8 ("bpf: Allow to specify user-provided bpf_cookie …").
 *
 * The tail call never comes. A program that has one gets no stack of the CPU's own, as kernels give
 * since 6.13 ("bpf: Find eligible subprogs for private stack support"): they take all programs of
 * this type for ones that don't run twice at a time on a CPU, but those of uprobes are preempted,
 * and wrote over each other's. Seen on 7.2, as tags of nothing and ends without begins.
 */
#define PROBE_PROGRAMS(on_hit)                                             \
	static __noinline int probe_hit(struct pt_regs *ctx, __u64 cookie) \
	{                                                                  \
		const struct abi_probe *p = probe_at(cookie);              \
		int done = 0;                                              \
                                                                           \
		if (p && wanted())                                         \
			on_hit(ctx, p);                                    \
		barrier_var(done);                                         \
		return done;                                               \
	}                                                                  \
	SEC("?uprobe")                                                     \
	int on_probe(struct pt_regs *ctx)                                  \
	{                                                                  \
		if (probe_hit(ctx, bpf_get_attach_cookie(ctx)))            \
			bpf_tail_call(ctx, &probe_shared, 0);              \
		return 0;                                                  \
	}                                                                  \
	SEC("?uprobe")                                                     \
	int on_any_probe(struct pt_regs *ctx)                              \
	{                                                                  \
		__u32 zero = 0, *at;                                       \
                                                                           \
		at = bpf_map_lookup_elem(&probe_place, &zero);             \
		return at ? probe_hit(ctx, *at) : 0;                       \
	}
