/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A report for a person: one file here and one line in views.c. */
#pragma once
#include <stdio.h>

#include "model/profile.h"

struct view_settings {
	unsigned width; /* columns of the terminal */
	unsigned rows;	/* how many of the heaviest; 0: as many as the view finds right */
	bool color;	/* standard output is a terminal */
	bool verbose;	/* -v */
	bool full;	/* io --latency: whole histograms, not one line each */
	const char *by; /* label that rows are grouped by, or NULL for all labels */
};

struct view {
	const char *name, *summary;
	/* `base` is what is compared with, or NULL. 0 or a negative errno. */
	int (*show)(const struct profile *p, const struct profile *base,
		    const struct view_settings *settings, FILE *out);
};

/* Ends with one whose name is NULL. */
extern const struct view views[];
const struct view *view_find(const char *name);
