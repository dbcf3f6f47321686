/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a profile goes: a report, or one format, to standard output, and any
 * number of files. Everything that can be known to fail is found by
 * output_check(), before anything is measured. Strings are the caller's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/opt.h"
#include "base/strbuf.h"
#include "model/profile.h"
#include "view/view.h"

enum { OUTPUT_MAX_FILES = 16 };

struct output {
	const char *paths[OUTPUT_MAX_FILES];
	size_t nr;
	const char *format; /* name of an exporter, or NULL: by the path's suffix */
	bool json;	    /* the report as one JSON object */
	bool to_stdout;	    /* -o -: the format goes there, also beside files */
	bool per_thread;
};

/* -o, -f, --json, --per-thread; their ctx is a struct output. */
extern const struct opt output_opts[];
/* -v, -q; their ctx is the struct view_settings of the report. */
extern const struct opt log_opts[];

/*
 * Can all of it be written? 0; -EINVAL: no, the command line is wrong; another negative errno:
 * no, for a reason outside. One line in `error`.
 */
int output_check(const struct output *o, struct strbuf *error);
/*
 * The report (of view `view`; NULL: the one that fits the profile), the JSON object or the one
 * format, to standard output. 0, 1 (nobody reads it any more, which is no error), or a negative
 * errno.
 */
int output_report(const struct output *o, struct profile *p, const struct view_settings *settings,
		  const char *view, struct strbuf *error);
/*
 * Each of the files, also when one before it failed; a note says which were written. 0, or the
 * first file's negative errno and line in `error`.
 */
int output_files(const struct output *o, struct profile *p, struct strbuf *error);
/* Both. 0 or a negative errno. */
int output_write(const struct output *o, struct profile *p, const struct view_settings *settings,
		 const char *view, struct strbuf *error);
