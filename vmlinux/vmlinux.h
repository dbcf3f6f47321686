/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel types that we read, with only the fields that we read: the list
 * of what bpfprof leans on in a kernel. libbpf relocates every access by the
 * running kernel's BTF, so offsets and order here do not matter; names and
 * types do. What differs between kernels is in bpf/compat.bpf.h.
 */
#pragma once
#define __VMLINUX_H__
#include <linux/types.h>
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
	int nr_threads;
	unsigned long long sum_sched_runtime;
};

struct super_block {
	__u32 s_dev;
};

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct file {
	struct inode *f_inode;
};

struct mm_struct {
	unsigned long start_stack;
	struct file *exe_file;
};

struct sched_entity {
	__u64 sum_exec_runtime;
};

struct thread_struct {
#ifdef __TARGET_ARCH_x86
	unsigned long fsbase;
#else
	struct {
		unsigned long tp_value;
	} uw;
#endif
};

/* A call whose return address a return probe replaced. */
struct return_instance {
	unsigned long stack, orig_ret_vaddr;
	struct return_instance *next;
};

struct uprobe_task {
	struct return_instance *return_instances;
};

struct task_struct {
	unsigned int flags;
	unsigned int __state;
	int exit_state;
	int on_cpu;
	struct sched_entity se;
	unsigned long nvcsw, nivcsw;
	char comm[16];
	void *stack;
	struct mm_struct *mm;
	int pid;
	int tgid;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	__u64 start_boottime;
	__u64 self_exec_id;
	struct uprobe_task *utask;
	struct thread_struct thread;
};

struct gendisk {
	int major;
	int first_minor;
};

struct request_queue {
	struct gendisk *disk;
};

struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
	unsigned int __data_len;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop
