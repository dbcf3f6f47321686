/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One stack of two: the native frames, of which some are an interpreter's loop
 * (RAW_RUNS), and the calls that the interpreter knows of. Each loop ran the
 * calls up to the one that it was entered with; they come before it. Who awaits
 * the task that runs stands behind that task's outermost call, as if each
 * awaiter had called it: rootward of them is what runs tasks. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "model/capture.h"

struct join_call {
	struct raw_frame frame;
	bool entered; /* its loop was entered with it */
	bool task;    /* it is a task's outermost call */
	bool last;    /* of its interpreter's: another one's called it */
};

struct join_stack {
	const struct raw_frame *native; /* leaf first */
	uint32_t nr_native;
	bool native_whole;	       /* up to its root */
	const struct join_call *calls; /* leaf first */
	uint32_t nr_calls;
	/* Between which calls others were left out: before this one; nr_calls or more: none were.
	 */
	uint32_t left_out;
	struct raw_frame mark; /* stands for these */
	/* Tasks that await, the nearest first; each from its outermost call inwards. */
	const struct join_call *awaiters;
	uint32_t nr_awaiters;
	const struct raw_frame *end; /* says why there are no more of them; NULL: these are all */
	/* Loops are known by their addresses alone: one may have been entered without a call yet.
	 */
	bool loops_by_address;
	/*
	 * Where loops are known by their addresses: native frames, leaf first, one for each `last`.
	 * The loop of the call behind that is this frame's or lies further out.
	 */
	const uint32_t *bounds;
	uint32_t nr_bounds;
};

/*
 * Writes the joined stack to `ret` (room for nr_native + nr_calls + nr_awaiters + 2) and returns
 * its length. Calls without a loop stand at its root; those of other interpreters, where their
 * place isn't proven, nowhere. *ret_fits: each loop has its calls, and each call its loop.
 */
uint32_t join(const struct join_stack *s, struct raw_frame *ret, bool *ret_fits);
