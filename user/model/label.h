/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the bits of a sample's tag mean: a mode says it as data, once for all outputs. */
#pragma once
#include <stdint.h>

#include "base/strbuf.h"

/* What a program calls the task that a sample is of: no mode's. */
#define LABEL_TASK "task"

/* A function that is watched no longer, and from when on: "after 300 ms". Its rate is unknown. */
#define LABEL_DETACHED "detached"

/* Which runtime of a process a sample is of: such samples are summed up by process. */
#define LABEL_RUNTIME "runtime"

/* What a sample of a call of Python sums up: see bpf/calls.h. No other sample has it. */
#define LABEL_SUM	    "sum"
#define LABEL_SUM_SELF	    "self"
#define LABEL_SUM_BY_CALLER "by-caller"
#define LABEL_SUM_ALL	    "cumulative"

struct label_type {
	const char *name;     /* "device"; NULL ends a table */
	unsigned shift, bits; /* where it stands in the tag */
	/*
	 * Adds the field's text; nothing added: the sample has no such label. NULL: the field is a
	 * string of the capture.
	 */
	void (*text)(uint64_t field, struct strbuf *out);
};
