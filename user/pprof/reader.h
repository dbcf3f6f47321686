/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What reading a pprof file keeps on its way. The unpacked message is hostile:
 * an index or an id in it is used only after a look into these tables.
 */
#pragma once
#include <profile.pb-c.h>

#include "base/intern.h"
#include "model/profile.h"

struct reader {
	const char *path;
	const Pprof__Profile *m;
	struct profile *p;
	struct strbuf *error;
	bool ours; /* bpfprof wrote it */

	uint32_t *strings; /* index → string id + 1; 0: not yet used */
	/* Ids of the file → 0, 1 …, the place in the arrays of `m` and in those below. */
	struct intern mapping_ids, function_ids, location_ids;
	uint32_t *mappings;	  /* → mapping id */
	bool *is_kernel;	  /* by mapping; other tools' files */
	uint32_t *first_frame;	  /* location → its frames in `frames`; one more ends the last */
	uint32_t *frames, *stack; /* frame ids; of the sample in hand */
	uint32_t nr_frames, cap_frames, nr_stack, cap_stack;
	uint64_t nr_walked; /* frames of all samples */

	unsigned count_at, total_at; /* in sample values; VALUE_NONE */
	uint64_t scale;		     /* a total's unit in ours */
	uint32_t main_name;	     /* string: what other tools' samples were taken of */
	struct strbuf scratch;
};

enum { VALUE_NONE = UINT32_MAX };

/* One line in r->error. Returns `error`. */
int reader_fail(struct reader *r, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* A string of the file, which must be there; as text, and as an id of the profile. */
int reader_text(struct reader *r, int64_t index, const char **ret);
int reader_string(struct reader *r, int64_t index, uint32_t *ret_id);

/* Makes r->p of the facts that stand once in a file. */
int reader_facts(struct reader *r);
/* Mappings and locations. */
int reader_locations(struct reader *r);
int reader_samples(struct reader *r);
