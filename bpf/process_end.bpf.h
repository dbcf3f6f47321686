/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How much CPU time a process had used when it ended, which nobody can ask for any more once its
 * parent has waited for it. The kernel frees its first thread some milliseconds later, when that
 * has surely run for the last time: then its sum is exact. The sums of other threads are added up
 * while they may still run, without what they used since the last tick of the clock: a process
 * that had any stays unknown.
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "abi.h"

/* By tgid. User space takes them out. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u32);
	__type(value, struct abi_process_end);
	__uint(max_entries, 4096);
} process_ends SEC(".maps");

/* The running process's is to be known. */
static __always_inline void process_end_want(void)
{
	const struct task_struct *task = (void *)bpf_get_current_task();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	const struct abi_process_end *old = bpf_map_lookup_elem(&process_ends, &tgid);
	struct abi_process_end e = {};

	e.start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	/* The pid may have been another process's. */
	if (old && old->start_ns == e.start_ns)
		return;
	e.has_threads = BPF_CORE_READ(task, signal, nr_threads) > 1 ||
			BPF_CORE_READ(task, signal, sum_sched_runtime);
	bpf_map_update_elem(&process_ends, &tgid, &e, BPF_ANY);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_other_thread_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct abi_process_end *e;

	if (task->pid == task->tgid)
		return 0;
	e = bpf_map_lookup_elem(&process_ends, &tgid);
	if (e)
		e->has_threads = 1;
	return 0;
}

SEC("tp_btf/sched_process_free")
int BPF_PROG(on_process_free, struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct abi_process_end *e;

	if (task->pid != task->tgid)
		return 0;
	e = bpf_map_lookup_elem(&process_ends, &tgid);
	if (e && e->start_ns == task->start_boottime && !e->has_threads)
		e->cpu_ns = task->se.sum_exec_runtime;
	return 0;
}
