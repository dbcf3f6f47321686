/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A file format that a profile can be written in: one file here and one line in exporters.c. */
#pragma once
#include <stdio.h>

#include "model/profile.h"

struct export_settings {
	bool per_thread; /* the first frame is comm-PID/TID, not comm */
};

struct exporter {
	const char *name, *summary;
	const char *suffix; /* ".pb.gz": chosen by the output file's name */
	bool binary;	    /* nothing for a terminal */
	bool tells_sums; /* of calls of Python it takes all samples, not those of their own time */
	/* 0, or a negative errno; the stream's own errors are the caller's to check. */
	int (*write)(const struct profile *p, const struct export_settings *settings, FILE *out);
};

/* Ends with NULL. */
extern const struct exporter *const exporters[];

/* By name ("folded"); NULL: none. */
const struct exporter *exporter_find(const char *name);
/* By a path's suffix, the longest that fits; NULL: none. */
const struct exporter *exporter_for_path(const char *path);

extern const struct exporter exporter_pprof, exporter_folded, exporter_json, exporter_speedscope;
extern const struct exporter exporter_svg, exporter_html, exporter_pstats;
