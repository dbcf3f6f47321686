/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whom to measure, decided before anything is read or walked. What was not
 * asked for is no code: the settings are constants to the verifier.
 */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "abi.h"
#include "glob.h"

const volatile struct abi_config cfg SEC(".rodata.cfg") = {};

/* By process id: ABI_TARGET_*. Only looked up on an event's path: an NMI may not update it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} target_pids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
} target_tids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target_cgroup SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ABI_MAX_CPUS / 64);
	__type(key, __u32);
	__type(value, __u64);
} target_cpus SEC(".maps");

static __always_inline bool filter_cpu(void)
{
	__u32 cpu = bpf_get_smp_processor_id(), word = cpu / 64;
	__u64 *bits = bpf_map_lookup_elem(&target_cpus, &word);

	return bits && (*bits >> (cpu % 64) & 1);
}

static __always_inline bool filter_comm(void)
{
	char glob[ABI_GLOB_LEN], comm[ABI_COMM_LEN] = {};

	/* Byte by byte: without `volatile` the compiler would take cfg for the zeroes it sees. */
	for (int i = 0; i < ABI_GLOB_LEN; i++)
		glob[i] = cfg.comm_glob[i];
	bpf_get_current_comm(comm, sizeof(comm));
	return glob_match(glob, comm);
}

enum { PROCESS_EXITS = 0x4 }; /* PF_EXITING */

/* A function of its own, of scalars: verifiers follow it once. */
__noinline int filter_pid(__u32 tgid)
{
	const __u8 *target = bpf_map_lookup_elem(&target_pids, &tgid);

	if (!target || *target != ABI_TARGET_ENDS)
		return target != NULL;
	/* The pid may be a stranger's by now, who does not end yet. */
	return (BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), flags) &
		PROCESS_EXITS) != 0;
}

/* Is the running thread one that was asked for? */
static __always_inline bool wanted(void)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32, tid = (__u32)id;

	if (cfg.flags & ABI_FILTER_CPU && !filter_cpu())
		return false;
	if (cfg.flags & ABI_FILTER_PID && !filter_pid(tgid))
		return false;
	if (cfg.flags & ABI_FILTER_TID && !bpf_map_lookup_elem(&target_tids, &tid))
		return false;
	if (cfg.flags & ABI_FILTER_CGROUP && bpf_current_task_under_cgroup(&target_cgroup, 0) != 1)
		return false;
	return !(cfg.flags & ABI_FILTER_COMM) || filter_comm();
}

/* With --children: what a measured process starts is measured from its first instruction on. */
SEC("?tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 from = parent->tgid, to = child->tgid;
	__u8 runs = ABI_TARGET_RUNS;

	if (from != to && bpf_map_lookup_elem(&target_pids, &from))
		bpf_map_update_elem(&target_pids, &to, &runs, BPF_ANY);
	return 0;
}

/* Most of what the kernel does to end it comes afterwards: it gives back the memory. */
SEC("?tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;
	__u8 ends = ABI_TARGET_ENDS;

	if (!task->signal->live.counter)
		bpf_map_update_elem(&target_pids, &tgid, &ends, BPF_EXIST);
	return 0;
}

SEC("?tp_btf/sched_process_free")
int BPF_PROG(on_free, struct task_struct *task)
{
	__u32 tgid = task->tgid;
	const __u8 *target;

	if (task->pid != task->tgid)
		return 0;
	target = bpf_map_lookup_elem(&target_pids, &tgid);
	/* One that has its pid again runs. */
	if (target && *target == ABI_TARGET_ENDS)
		bpf_map_delete_elem(&target_pids, &tgid);
	return 0;
}
