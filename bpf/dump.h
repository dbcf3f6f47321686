/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A thread as `bpfprof dump` finds it: what the iterator over tasks writes, for both halves. */
#pragma once
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

enum {
	DUMP_COMM_LEN = 16,
	DUMP_MAX_KERNEL = 127,	 /* frames; the kernel's own limit, kernel.perf_event_max_stack */
	DUMP_MAX_REGISTERS = 36, /* words */
};

enum dump_flag {
	DUMP_ON_CPU = 1 << 0,	  /* what is said of its stacks and registers is old */
	DUMP_HAS_MEMORY = 1 << 1, /* no kernel thread, and not past its end */
	DUMP_KERNEL_THREAD = 1 << 2,
	DUMP_IS_64BIT = 1 << 3, /* was in 64-bit code when it left user mode */
};

/* Whose threads are written: the value of map `wanted`. */
struct dump_config {
	__u32 tgid; /* as the initial pid namespace has it */
	__u32 kernel_stacks;
};

struct dump_task {
	__u32 tid, tgid;
	__u32 state;	  /* task_struct.state: 0: runs or may run */
	__u32 exit_state; /* 0: it has not ended */
	__u32 flags;	  /* enum dump_flag */
	__u32 nr_kernel;
	/* Both alike at two times, and not on a CPU at either: it did not run between. */
	__u64 runtime; /* ns */
	__u64 switches;
	/* Other than before: another process, or another program. */
	__u64 start_ns; /* CLOCK_BOOTTIME when the process was made */
	__u64 exec_id;
	__u64 thread_pointer;
	__u64 sp; /* also in `registers` */
	char comm[DUMP_COMM_LEN];
	__u64 registers[DUMP_MAX_REGISTERS]; /* with which it left user mode: struct pt_regs */
	__u64 kernel[DUMP_MAX_KERNEL];	     /* leaf first; callers: return addresses */
};
_Static_assert(sizeof(struct dump_task) == 88 + 8 * (DUMP_MAX_REGISTERS + DUMP_MAX_KERNEL),
	       "dump_task");
