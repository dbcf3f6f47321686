// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Not a mode: what the kernel knows of each thread of a process, asked for, not sampled. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "compat.bpf.h"
#include "dump.h"

/* As in walk_x86.h, walk_arm64.h. */
#ifdef __TARGET_ARCH_arm64
enum { REGISTERS = 34, SP = 31 };
#define IS_64BIT(registers) (!((registers)[33] & 0x10)) /* PSR_MODE32_BIT */
#else
enum { REGISTERS = 21, SP = 19 };
#define IS_64BIT(registers) ((registers)[17] == 0x33) /* __USER_CS */
#endif
enum { KERNEL_THREAD = 0x200000 }; /* PF_KTHREAD */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct dump_config);
	__uint(max_entries, 1);
} wanted SEC(".maps");

/* One reader at a time, and too much for a stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct dump_task);
	__uint(max_entries, 1);
} scratch SEC(".maps");

static __always_inline void fill_kernel(struct dump_task *t, struct task_struct *task)
{
	long size;

	/* Of one that runs it would be a walk from where it was switched to. */
	if (t->flags & DUMP_ON_CPU)
		return;
	size = bpf_get_task_stack(task, t->kernel, sizeof(t->kernel), 0);
	if (size > 0)
		t->nr_kernel = (__u32)size / sizeof(t->kernel[0]);
}

static __always_inline void fill(struct dump_task *t, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	t->tid = task->pid;
	t->tgid = task->tgid;
	t->state = compat_task_state(task);
	t->exit_state = task->exit_state;
	t->flags = (compat_task_on_cpu(task) ? DUMP_ON_CPU : 0) |
		   (mm && !(task->flags & KERNEL_THREAD) ? DUMP_HAS_MEMORY : 0) |
		   (task->flags & KERNEL_THREAD ? DUMP_KERNEL_THREAD : 0);
	t->runtime = task->se.sum_exec_runtime;
	t->switches = task->nvcsw + task->nivcsw;
	t->start_ns = task->group_leader->start_boottime;
	t->exec_id = task->self_exec_id;
	t->thread_pointer = compat_thread_pointer_of(task);
	bpf_probe_read_kernel(t->comm, sizeof(t->comm), task->comm);
	if (compat_registers_of(task, t->registers, REGISTERS))
		t->flags &= ~DUMP_HAS_MEMORY;
	t->sp = t->registers[SP];
	if (IS_64BIT(t->registers))
		t->flags |= DUMP_IS_64BIT;
	t->nr_kernel = 0;
}

SEC("iter/task")
int on_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 zero = 0;
	struct dump_config *config = bpf_map_lookup_elem(&wanted, &zero);
	struct dump_task *t = bpf_map_lookup_elem(&scratch, &zero);

	if (!task || !config || !t || (__u32)task->tgid != config->tgid)
		return 0;
	fill(t, task);
	if (config->kernel_stacks)
		fill_kernel(t, task);
	bpf_seq_write(ctx->meta->seq, t, sizeof(*t));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
