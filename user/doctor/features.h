/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What this kernel and this user can do, as a table of named probes, each
 * with its cure. A probe finds out by trying wherever it can, changes nothing
 * and needs no right: what it lacks is its answer. `bpfprof doctor` prints
 * the table; a loader may ask one of its lines.
 */
#pragma once
#include <stdbool.h>

#include "base/strbuf.h"
#include "collect/mode.h"

enum feature_state {
	FEATURE_OK,	  /* there */
	FEATURE_DEGRADED, /* bpfprof works, with less: `found` says what */
	FEATURE_MISSING,  /* what needs it will not run: `cure` says how to change that */
};

struct feature {
	const char *area;    /* heading that it stands under; NULL: the one before's */
	const char *name;    /* "BTF", "CAP_PERFMON", "perf_event_paranoid" */
	const char *summary; /* what bpfprof needs it for */
	bool needed;	     /* no mode runs without it */
	unsigned which;	     /* the probe's own: a capability, a helper, a program type */
	/*
	 * Tries it. Adds what was found to `found`, what would mend it to `cure`: shell
	 * commands or sentences, one a line, none when there is nothing to mend. Neither
	 * ends with a newline.
	 */
	enum feature_state (*probe)(const struct feature *f, struct strbuf *found,
				    struct strbuf *cure);
};

/* Ends with one whose name is NULL. */
extern const struct feature features[];
/* NULL: there is none of that name. */
const struct feature *feature_find(const char *name);

/* The capabilities that this kernel asks for, as setcap(8) takes them: "cap_bpf,cap_perfmon". */
void features_capabilities(struct strbuf *out);

/*
 * Opens, loads and attaches a mode as a run does, for the blink of an eye. 0, or a negative
 * errno with one line, cause and cure, in `why`.
 */
int features_mode_loads(const struct mode *m, struct strbuf *why);
