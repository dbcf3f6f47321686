/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An interpreted source with its numbers beside each line. The source is
 * whatever was read for it, and need not be what ran: what doesn't fit is said.
 */
#pragma once
#include <stdio.h>

#include "model/profile.h"
#include "view/view.h"

struct annotate {
	uint32_t file;	  /* string of the profile */
	const char *path; /* where the source was read; NULL: it could not be */
	const char *text; /* the source, of `size` bytes */
	size_t size;
	const char *note; /* a line about the source, or NULL */
};

/* 0 or a negative errno; the stream's own errors are the caller's to check. */
int annotate_show(const struct profile *p, const struct annotate *a,
		  const struct view_settings *settings, FILE *out);
