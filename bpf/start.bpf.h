/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Interpreters that start. A program that was seen to have one is known by its file; of who
 * executes it, or is forked of who does, user space is told at once. Its first sample then has its
 * interpreted stack, too: many are gone before there is a second one.
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "abi.h"
#include "filter.bpf.h"
#include "hash.h"
#include "ring.bpf.h"
#include "who.bpf.h"

/* Those that have an interpreter, by abi_program_at(). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, ABI_PROGRAMS);
} programs SEC(".maps");

/* The file that a process executes, as a number; 0: it has none. */
static __always_inline __u64 start_program(struct task_struct *task, __u64 seed)
{
	struct inode *inode = BPF_CORE_READ(task, mm, exe_file, f_inode);
	__u64 h;

	if (!inode)
		return 0;
	h = hash_word(seed, BPF_CORE_READ(inode, i_ino));
	return hash_id(hash_word(h, BPF_CORE_READ(inode, i_sb, s_dev)));
}

/* The running process's. A function of a scalar, the program's seed: verifiers follow it once. */
__noinline __u64 start_running(__u64 seed)
{
	return start_program((struct task_struct *)bpf_get_current_task(), seed);
}

/* If it executes one of them. */
static __always_inline void start_tell(struct task_struct *task)
{
	struct abi_ask ask = { .type = ABI_START };
	__u32 at;
	__u64 *known;

	ask.program = start_program(task, cfg.seed);
	at = abi_program_at(ask.program);
	known = bpf_map_lookup_elem(&programs, &at);
	if (!ask.program || !known || *known != ask.program)
		return;
	ask.tgid = BPF_CORE_READ(task, tgid);
	ask.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	ask.exec_id = BPF_CORE_READ(task, self_exec_id);
	ask.space = who_space(ask.tgid, ask.start_ns, ask.exec_id);
	ask.time = bpf_ktime_get_ns();
	ring_send_now(&ask, sizeof(ask));
}

SEC("?tp_btf/sched_process_exec")
int BPF_PROG(on_start, struct task_struct *task)
{
	if (wanted())
		start_tell(task);
	return 0;
}

/* What shares its parent's memory does so until it executes something. */
SEC("?tp_btf/sched_process_fork")
int BPF_PROG(on_copy, struct task_struct *parent, struct task_struct *child)
{
	if (child->pid == child->tgid && child->mm != parent->mm && wanted())
		start_tell(child);
	return 0;
}
