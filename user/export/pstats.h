/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A profile as Python's pstats has it: functions by (file, line, name), what
 * each took, and the same by who called it. Both are sorted by these names, so
 * that equal profiles give equal files. A caller always is a function, too,
 * if only one without calls: SnakeViz looks it up. Texts are valid UTF-8
 * without control characters, at most INT32_MAX bytes long.
 */
#pragma once
#include "base/intern.h"
#include "model/profile.h"

struct pstats_cost {
	uint64_t primitive, calls; /* cc, nc: calls inside of no other one of the function; all */
	uint64_t self, total;	   /* tt, ct: in the unit of profile_value(, value) */
};

struct pstats_function {
	const char *file, *name;
	uint32_t line;
	struct pstats_cost cost;
};

struct pstats_pair {
	uint32_t function, caller; /* indexes */
	struct pstats_cost cost;
};

struct pstats {
	struct pstats_function *functions;
	struct pstats_pair *pairs; /* by function, then by caller */
	uint32_t nr_functions, nr_pairs;
	bool is_time; /* the costs are nanoseconds */
	struct intern texts;
};

/* 0, -ENOMEM, or -EFBIG for a name that is too long. */
int pstats_init(struct pstats *s, const struct profile *p);
void pstats_done(struct pstats *s);
