/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a walk works in, a CPU's own: frames are put into it, and it is sent as
 * it stands. With it the walk itself (walk.h), and what that goes by: the
 * memory of tables and lists of mappings, and the rules that are remembered.
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "abi.h"
#include "alone.bpf.h"
#include "compat.bpf.h"
#include "filter.bpf.h"

/* Tables and mappings: made, grown and written by user space. */
struct segment {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, ABI_BLOCK_WORDS * sizeof(__u32));
	__uint(max_entries, ABI_SEGMENT_BLOCKS);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct segment);
} segments SEC(".maps");

struct walk;

static __always_inline const __u32 *walk_block(const struct walk *w, __u32 location)
{
	__u32 block = location / ABI_BLOCK_WORDS % ABI_SEGMENT_BLOCKS;
	__u32 segment = location / ABI_BLOCK_WORDS / ABI_SEGMENT_BLOCKS;
	void *map = bpf_map_lookup_elem(&segments, &segment);

	return map ? bpf_map_lookup_elem(map, &block) : NULL;
}

enum { KNOWN_RULES = 1024 };

struct known_rules {
	struct {
		__u64 check, rule;
	} rules[KNOWN_RULES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct known_rules);
	__uint(max_entries, 1);
} known_rules SEC(".maps");

static __always_inline struct walk_known *walk_known(const struct walk *w, __u64 hash)
{
	__u32 zero = 0;
	struct known_rules *k = bpf_map_lookup_elem(&known_rules, &zero);

	hash *= 0x9e3779b97f4a7c15ull;
	return k ? (void *)&k->rules[hash >> 32 & (KNOWN_RULES - 1)] : NULL;
}

static __always_inline long walk_copy(const struct walk *w, void *to, __u32 size, __u64 from)
{
	return bpf_probe_read_user(to, size, (void *)from);
}

static __always_inline __u64 walk_thread(const struct walk *w)
{
	return compat_thread_pointer();
}

static __always_inline __u64 walk_code_mask(const struct walk *w)
{
	return cfg.code_mask;
}

#define WALK_RETURNS
#include "walk.h"

/*
 * A call that was left without a return (longjmp) is still among them, below the frame that is
 * looked for; a tail call is there twice.
 */
static inline void walk_next_return(struct walk *w)
{
	struct return_instance *r = (void *)w->returns;
	__u64 below = w->return_at ? w->return_at : w->sp - 1;

	w->return_at = 0;
	for (int i = 0; i < 4 && r; i++) {
		__u64 at = BPF_CORE_READ(r, stack);

		w->return_to = BPF_CORE_READ(r, orig_ret_vaddr);
		r = BPF_CORE_READ(r, next);
		if (at <= below)
			continue;
		w->return_at = at;
		break;
	}
	w->returns = (__u64)r;
}

/*
 * An event may be interrupted by another one on its CPU: by an NMI or an interrupt, which ends
 * before it goes on, or, since 6.0 and in programs of probes, by any other thread
 * (8c7dcb84e3b7, "bpf: implement sleepable uprobes by chaining gps"). A level of scratch each.
 */
enum { SCRATCH_LEVELS = 3 };

struct scratch {
	struct abi_stack stack; /* its id: 0, but for one that was copied */
	__u64 frames[ABI_STACK_WORDS];
	struct walk walk;   /* from here on not sent with it */
	struct abi_ask ask; /* … but for itself: there is no room on a program's stack */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct scratch);
	__uint(max_entries, SCRATCH_LEVELS);
} scratches SEC(".maps");

/* Of each level: how many have it, or look whether they can. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, SCRATCH_LEVELS);
} scratch_users SEC(".maps");

/* NULL: all levels are taken. */
static __always_inline struct scratch *scratch_enter(__u32 *ret_level)
{
	__u32 *users;

#pragma unroll
	for (__u32 level = 0; level < SCRATCH_LEVELS; level++) {
		*ret_level = level;
		users = bpf_map_lookup_elem(&scratch_users, ret_level);
		if (!users)
			return NULL;
		if (alone_enter(users))
			return bpf_map_lookup_elem(&scratches, ret_level);
		alone_leave(users);
	}
	return NULL;
}

static __always_inline void scratch_leave(__u32 level)
{
	__u32 *users = bpf_map_lookup_elem(&scratch_users, &level);

	if (users)
		alone_leave(users);
}
