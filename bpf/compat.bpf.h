/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every difference between kernels: the symptom, the commit, and the accessor that hides it. */
#pragma once
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* What tells one thread, in one program it executes, from every other one. */
struct thread_facts {
	__u64 start_ns;
	__u32 exec_id;
	bool has_memory; /* no kernel thread, and not past its end */
};

/*
 * bpf_get_current_task() gives an untyped pointer, each field of which costs a
 * call. A typed one, read directly, came in 5.11: 3ca1032ab7ab ("bpf: Implement
 * get_current_task_btf and RET_PTR_TO_BTF_ID").
 */
static __always_inline void compat_thread_facts(struct thread_facts *ret)
{
	struct task_struct *task;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		task = bpf_get_current_task_btf();
		ret->start_ns = task->group_leader->start_boottime;
		ret->exec_id = task->self_exec_id;
		ret->has_memory = task->mm;
	} else {
		task = (void *)bpf_get_current_task();
		ret->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
		ret->exec_id = BPF_CORE_READ(task, self_exec_id);
		ret->has_memory = BPF_CORE_READ(task, mm);
	}
}

/* Where the main thread's stack begins: it ends what may be on it. 0: not known. */
static __always_inline __u64 compat_stack_start(void)
{
	return BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), mm, start_stack);
}

/* Where a thread's own variables are, as the kernel knew it when the thread last went on or off. */
static __always_inline __u64 compat_thread_pointer_of(struct task_struct *task)
{
#ifdef __TARGET_ARCH_x86
	return BPF_CORE_READ(task, thread.fsbase);
#else
	return BPF_CORE_READ(task, thread.uw.tp_value);
#endif
}

static __always_inline __u64 compat_thread_pointer(void)
{
	return compat_thread_pointer_of((void *)bpf_get_current_task());
}

/* Its calls that return probes wait for, innermost first; NULL: none. */
static __always_inline struct return_instance *compat_pending_returns(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct uprobe_task *utask;

	if (!bpf_core_field_exists(task->utask))
		return NULL;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)) {
		task = bpf_get_current_task_btf();
		utask = task->utask;
	} else {
		utask = BPF_CORE_READ(task, utask);
	}
	return utask ? BPF_CORE_READ(utask, return_instances) : NULL;
}

/* Only its size in the kernel is asked for: arm64's user headers have no struct of that name. */
struct pt_regs___any {
	int none;
};

/*
 * The registers with which the running thread left user mode, at the top of its kernel stack. A
 * helper knows where since 5.15: dd6e10fbd9fb ("bpf: Add bpf_task_pt_regs() helper"). Before, the
 * stack was 16 KB with nothing above them.
 */
static __always_inline long compat_registers_of(struct task_struct *task, __u64 *to, __u32 nr_words)
{
	void *registers;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		registers = (void *)bpf_task_pt_regs(task);
	else
		registers = (char *)BPF_CORE_READ(task, stack) + (16 << 10) -
			    bpf_core_type_size(struct pt_regs___any);
	return bpf_probe_read_kernel(to, nr_words * sizeof(*to), registers);
}

static __always_inline long compat_user_registers(__u64 *to, __u32 nr_words)
{
	struct task_struct *task;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		task = bpf_get_current_task_btf();
	else
		task = (void *)bpf_get_current_task();
	return compat_registers_of(task, to, nr_words);
}

/* The state got another name in 5.14: 2f064a59a11f ("sched: Change task_struct::state"). */
struct task_struct___state {
	long state;
} __attribute__((preserve_access_index));

static __always_inline __u32 compat_task_state(struct task_struct *task)
{
	struct task_struct___state *old = (void *)task;

	if (bpf_core_field_exists(old->state))
		return BPF_CORE_READ(old, state);
	return task->__state;
}

/*
 * A kernel built for one CPU has no such field: there, who asks is the one that runs. Seen in 7.2:
 * it is no int of four bytes any more, which a plain access would need.
 */
static __always_inline bool compat_task_on_cpu(struct task_struct *task)
{
	return bpf_core_field_exists(task->on_cpu) && BPF_CORE_READ_BITFIELD_PROBED(task, on_cpu);
}

/*
 * A request's disk moved to its queue in 5.17: f3fa33acca9f ("block: remove the
 * ->rq_disk field in struct request").
 */
struct request___rq_disk {
	struct gendisk *rq_disk;
} __attribute__((preserve_access_index));

static __always_inline struct gendisk *compat_request_disk(struct request *rq)
{
	struct request___rq_disk *old = (void *)rq;

	if (bpf_core_field_exists(old->rq_disk))
		return old->rq_disk;
	return rq->q->disk;
}

/*
 * The block_rq_* tracepoints lost their first argument, the queue, in 5.11:
 * a54895fa057c ("block: remove the request_queue to argument request based
 * tracepoints"). User space counts the arguments in BTF and says which is the request;
 * the other branch is dead to the verifier.
 */
#define compat_request_arg(ctx, rq_arg)   \
	({                                \
		__u64 rq_;                \
		if (rq_arg) {             \
			rq_ = (ctx)[1];   \
			barrier_var(rq_); \
		} else {                  \
			rq_ = (ctx)[0];   \
			barrier_var(rq_); \
		}                         \
		(struct request *)rq_;    \
	})
