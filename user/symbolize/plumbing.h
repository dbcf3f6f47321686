/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Between two functions of an interpreted program stands the interpreter: its
 * loop, and how it gets from a call to the loop again. Whoever reads a stack
 * wants to see neither. Only what the interpreter's own file calls by a name of
 * the table in plumbing.c is plumbing: C functions that do something for the
 * program (a sort, an import, a collection) stay, and so do all other files.
 */
#pragma once
#include <stdint.h>

#include "model/capture.h"
#include "model/profile.h"

/* What a frame is to its stack. */
enum plumbing_role {
	PLUMBING_OTHER,
	PLUMBING_INTERPRETED,
	PLUMBING_LOOP, /* an interpreter's loop: RAW_RUNS */
	PLUMBING_SHIM, /* interpreted, but of the interpreter: no function of a program */
	PLUMBING_OWN,  /* native, of a file that has such a loop in this stack */
};

/* What each frame of a raw stack is; `ret` has room for all. */
void plumbing_roles(const struct capture *c, const struct raw_stack *stack,
		    enum plumbing_role *ret);
/*
 * Takes plumbing out of a stack of `p`, leaf first, that has interpreted frames; roles[i] is that
 * of frames[i]. The leaf stays, and leafward of all interpreted ones all but calls. How many frames
 * are left.
 */
uint32_t plumbing_remove(const struct profile *p, uint32_t *frames, const enum plumbing_role *roles,
			 uint32_t nr);
