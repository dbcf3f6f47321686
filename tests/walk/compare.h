/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The walk's frames beside libdw's. Both may end early; only what is said by
 * one and denied by the other is a difference.
 */
#pragma once
#include "walker.h"

enum compare_result {
	COMPARE_SAME, /* every frame, and both got to the root, or to the depth limit */
	/* Every frame that libdw found, but for one where no code is; it didn't get to the root. */
	COMPARE_TRUTH_SHORT,
	COMPARE_NO_FILE,   /* every frame up to the first in code that no file has */
	COMPARE_GUESS,	   /* every frame up to code without call-frame information */
	COMPARE_GAVE_UP,   /* the walk ended before, since its tables can't say what is needed */
	COMPARE_NO_ROOT,   /* every frame; the walk doesn't say that it is at the root */
	COMPARE_LONG,	   /* the walk went on where libdw was at the root */
	COMPARE_SHORT,	   /* the walk ended before libdw did */
	COMPARE_DIFFERENT, /* another frame */
	COMPARE_RESULTS,
	COMPARE_FIRST_WRONG = COMPARE_NO_ROOT,
};

enum { COMPARE_SHOWN = 8 };

struct comparison {
	uint64_t stops, frames, longest, reads;
	uint64_t results[COMPARE_RESULTS];
	uint64_t ended[ABI_STOPS]; /* why the walks ended */
	enum compare_result first_shown;
	uint32_t nr_shown;
	uint64_t shown[COMPARE_SHOWN]; /* the last frame that was the same */
};

/* *ret_at: the first frame that is not the same. */
enum compare_result compare(const struct recording_process *p, const struct recording *r,
			    const struct walked *w, size_t *ret_at);
/* Counts it, and shows what is wrong, once a place, at a few places. */
enum compare_result comparison_add(struct comparison *c, const struct recording_process *p,
				   const struct recording *r, const struct walked *w);
void comparison_print(const struct comparison *c, const char *name);
uint64_t comparison_wrong(const struct comparison *c);
