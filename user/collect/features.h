/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What this kernel and this user can do, as a table of named probes, each
 * with its cure. `bpfprof doctor` prints it; the loader asks it.
 */
#pragma once
#include <stdbool.h>

#include "base/strbuf.h"

enum feature_state {
	FEATURE_OK,	  /* there */
	FEATURE_DEGRADED, /* bpfprof works, with less: `found` says what */
	FEATURE_MISSING,  /* what needs it will not run: `cure` says how to change that */
};

struct feature {
	const char *name;    /* "BTF", "CAP_PERFMON", "perf_event_paranoid" */
	const char *summary; /* what bpfprof needs it for */
	bool needed;	     /* no mode runs without it */
	/* Tries it. Adds what was found to `found`, what would mend it to `cure`. */
	enum feature_state (*probe)(struct strbuf *found, struct strbuf *cure);
};

/* Ends with one whose name is NULL. */
extern const struct feature features[];
