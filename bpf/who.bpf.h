/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who runs: the thread as an id, and its address space. */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "abi.h"
#include "compat.bpf.h"
#include "filter.bpf.h"
#include "hash.h"
#include "ring.bpf.h"

struct who {
	__u64 pid_tgid;
	__u64 space; /* token of the address space: of the process, and of the program it executes
		      */
	struct thread_facts facts;
};

static __always_inline __u64 who_space(__u32 tgid, __u64 start_ns, __u32 exec_id)
{
	__u64 h = hash_word(hash_word(cfg.seed, tgid), start_ns);

	return hash_id(hash_word(h, exec_id));
}

static __always_inline void who_read(struct who *ret)
{
	ret->pid_tgid = bpf_get_current_pid_tgid();
	compat_thread_facts(&ret->facts);
	ret->space = who_space(ret->pid_tgid >> 32, ret->facts.start_ns, ret->facts.exec_id);
}

/* The thread's id; what it stands for is sent when it is new. */
static __always_inline __u64 who_id(const struct who *who)
{
	struct abi_thread t = { .type = ABI_THREAD };
	__u64 h, *slot;
	bool known;

	t.tgid = who->pid_tgid >> 32;
	t.tid = (__u32)who->pid_tgid;
	t.exec_id = who->facts.exec_id;
	t.start_ns = who->facts.start_ns;
	bpf_get_current_comm(t.comm, sizeof(t.comm));
	h = hash_word(who->space, who->pid_tgid);
	h = hash_word(h, *(__u64 *)&t.comm[0]);
	h = hash_word(h, *(__u64 *)&t.comm[8]);
	t.id = hash_id(h);
	slot = seen_slot(t.id, &known);
	if (known)
		return t.id;
	t.time = bpf_ktime_get_ns();
	if (ring_send(&t, sizeof(t), sizeof(t)))
		count(ABI_COUNT_STACK_LOST);
	else if (slot)
		*slot = t.id;
	return t.id;
}
