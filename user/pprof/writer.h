/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What writing a pprof file keeps on its way. A protobuf message is also the
 * concatenation of its parts, so that each sample, location … is packed as a
 * message of its own, compressed and forgotten. The first error stays in
 * `error`; after it all calls do nothing, and the file is worthless.
 */
#pragma once
#include <profile.pb-c.h>

#include "base/intern.h"
#include "model/profile.h"
#include "pprof/gzip.h"

/* Frames that are one location: inlined ones and what they were inlined into. */
struct location {
	const uint32_t *frames; /* of the profile's stack */
	uint32_t nr;
};

struct location_list {
	uint32_t first, nr; /* in writer.ids */
};

struct writer {
	const struct profile *p;
	struct gzip_out gzip;
	struct strbuf packed, scratch;
	struct intern texts;	    /* strings that the profile lacks; their ids follow its own */
	struct intern groups;	    /* locations of several frames → 0, 1 … */
	uint32_t *of_group;	    /* group → location id */
	uint32_t *of_frame;	    /* frame that is a location alone → location id */
	struct location *locations; /* by id - 1 */
	uint32_t nr_locations, cap_locations, cap_groups;
	struct location_list *of_stack; /* stack → its locations */
	uint64_t *ids;
	uint32_t nr_ids, cap_ids;
	struct intern functions; /* struct function_key → id - 1 */
	int error;
};

void writer_fail(struct writer *w, int error);
/* Writes a part of the message. */
void writer_emit(struct writer *w, const Pprof__Profile *part);
/* Index in the string table. */
int64_t writer_text(struct writer *w, const char *s);

/* Finds the locations of all stacks: fills of_stack and ids. */
void writer_find_locations(struct writer *w);
/* Writes mappings, locations and functions. */
void writer_put_locations(struct writer *w);
