/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stacks as text shows them: frames reduced to their names, root first, under
 * the thread that ran them; stacks that then look the same are one line.
 * Lines are sorted by the names of their frames, so that equal profiles give
 * equal output.
 */
#pragma once
#include "base/intern.h"
#include "export/exporter.h"

struct line_name {
	const char *text; /* with the kind's suffix; ready to be written */
	const char *file; /* "" where unknown or not asked for */
	uint32_t line;	  /* of an interpreter's function; 0: the same */
};

struct line {
	uint32_t nr;
	const uint32_t *names; /* the thread, root … leaf; indexes of lines.names */
	uint64_t value;	       /* values[0] */
};

struct lines {
	struct line_name *names; /* sorted */
	struct line *lines;	 /* sorted */
	uint32_t nr_names, nr_lines;
	struct intern texts, ids;
};

struct lines_settings {
	bool per_thread;
	bool files; /* functions of one name in two files are two */
	/* Appends a name as the format may hold it. */
	void (*escape)(struct strbuf *out, const char *name);
};

/* 0 or -ENOMEM. */
int lines_init(struct lines *l, const struct profile *p, const struct lines_settings *settings);
void lines_done(struct lines *l);
