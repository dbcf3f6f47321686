/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A report for a person: one file here and one line in views.c. */
#pragma once
#include <stdio.h>

#include "model/profile.h"

struct annotate;

struct view_settings {
	unsigned width; /* columns of the terminal */
	unsigned rows;	/* how many of the heaviest; 0: as many as the view finds right */
	bool color;	/* standard output is a terminal that shows it */
	bool utf8;	/* it shows UTF-8; if not, only ASCII is written */
	bool verbose;	/* -v */
	bool full;	/* io --latency: whole histograms, not one line each */
	const char *by; /* label that rows are grouped by, or NULL for all labels */
	const struct annotate *annotate; /* a source is shown, and no view; or NULL */
};

struct view {
	const char *name, *summary;
	/*
	 * `base` is what is compared with, or NULL. Sums may add label sets to `p`. 0 or a
	 * negative errno; the stream's own errors are the caller's to check.
	 */
	int (*show)(struct profile *p, const struct profile *base,
		    const struct view_settings *settings, FILE *out);
};

extern const struct view view_table, view_hist, view_pauses, view_pycalls;

/* Ends with NULL. */
extern const struct view *const views[];
const struct view *view_find(const char *name);
