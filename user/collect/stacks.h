/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stacks of the kernel half: from an id and addresses to a stack of the
 * capture, normalised with the process as it was, and what is missing from
 * it. A stack that lacked tables comes with a copy of its memory before it, and is
 * walked again here.
 */
#pragma once
#include <stdbool.h>

#include "base/intern.h"
#include "collect/drain.h"
#include "collect/join.h"
#include "collect/task_names.h"
#include "walk/runtimes.h"
#include "walk/tables.h"

#define STACKS_NONE UINT32_MAX

/* A stack of the kernel half. */
struct taken_stack {
	uint32_t stack;	     /* of the capture */
	uint8_t stop, flags; /* enum abi_stop, enum abi_stack_flag */
	bool cut;	     /* it went on where no code is */
	bool deep;	     /* its kernel part is at the depth limit */
	uint8_t interpreted; /* enum abi_interpreted */
	bool late;	     /* it was taken before its interpreter was known */
	uint64_t unwalked;   /* token of a space in which none was known then; 0: … */
	bool unjoined;	     /* … it does not fit together with the native stack */
	bool code_lost;	     /* … it has code without a name */
	bool left_out;	     /* … calls in its middle are not kept */
	bool unnamed;	     /* its task has a name, and there are too many of them */
	uint32_t task;	     /* string of the capture: its task's name; 0: none */
	/* What it was walked by held good for the space as it was then; tgid 0: nothing to ask. */
	struct space_key space;
	uint64_t replaced; /* the version's */
};

/* A copied stack's own record follows its copy, but for what other CPUs send between. */
enum { STACKS_COPIES = 64, STACKS_BOUNDS = 8 };

/* A stack that was walked again, until its own record comes. */
struct rewalked {
	uint64_t id; /* the kernel half's; 0: none */
	uint8_t stop, flags;
	uint32_t nr, cap;
	uint64_t *frames;
};

struct stacks {
	const struct drain_settings *settings;
	struct capture *capture;
	struct tracker *tracker;
	struct tables *tables;	   /* NULL: the kernel walks */
	struct runtimes *runtimes; /* NULL: interpreters are not looked for */
	struct intern ids;	   /* the kernel half's, to positions in … */
	struct taken_stack *taken;
	uint32_t cap_taken;
	struct rewalked copies[STACKS_COPIES]; /* a ring of the last ones */
	uint32_t nr_copies;
	struct raw_frame *frames, *joined; /* of the stack being normalised */
	struct join_call *calls, *awaiters;
	uint32_t bounds[STACKS_BOUNDS], nr_bounds; /* as in struct join_stack */
	struct task_names names;
	struct tables_stack *walked; /* of the copy being walked */
};

/* All that is pointed to outlives it. 0 or -ENOMEM; stacks_done() is due either way. */
int stacks_init(struct stacks *s, const struct drain_settings *settings, struct capture *capture,
		struct tracker *tracker, struct tables *tables);
void stacks_done(struct stacks *s);
/* A record of `size` bytes, changed in place; the tracker is at its time. 0 or a negative errno. */
int stacks_take(struct stacks *s, struct abi_stack *record, size_t size);
int stacks_take_copy(struct stacks *s, const struct abi_copy *record, size_t size);
/* What the kernel half's id stands for; its `stack` is STACKS_NONE where that is not known. */
struct taken_stack stacks_find(const struct stacks *s, uint64_t id);
/* So many samples had this stack: what they lack goes into the capture's quality. */
void stacks_count(struct stacks *s, const struct taken_stack *stack, uint64_t count);
size_t stacks_memory(const struct stacks *s);
