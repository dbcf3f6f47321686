/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A mode is data: what is measured, in which BPF object, what its tag means.
 * Loader, filter, stack walk, drain, symbolizer, exporters and views are shared.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "abi.h"
#include "base/opt.h"
#include "model/label.h"
#include "model/profile.h"

struct live;
struct probe_finder;

/* What a mode's own options change, for all modes; each uses what it needs. */
struct mode_settings {
	uint64_t frequency_hz; /* cpu: samples a second and CPU */
	const char *event;     /* cpu: "cycles", "cpu-clock"; NULL: the best there is */
	uint64_t slower_ns;    /* list single events that took at least this; 0: none */
	uint64_t flags;	       /* the mode's own ABI_FLAG_ bits */
	double max_overhead;   /* of probes, as a share of one CPU: 0.05; 0: no bound */
	bool has_max_overhead; /* it was given */
	bool python;	       /* calls: of Python, as cProfile counts them */
	bool time_all;	       /* calls: where an exception may pass, too */
	bool full;	       /* show whole histograms */
	const char *by;	       /* label that the report groups by */
};

struct mode {
	const char *name, *summary;
	const char *about;		 /* paragraphs for --help and the man page */
	struct value_type values[2];	 /* the first is what folded lines and graphs show */
	const struct label_type *labels; /* what the tag means; NULL: it has no meaning */
	const struct opt *opts;		 /* the mode's own; their ctx is struct mode_settings */
	uint64_t again;	    /* bits of tags of samples that say more of an event counted already */
	bool at_tracepoint; /* its kernel stacks begin in our own probe */
	bool has_texts;	    /* at ABI_TEXT_SHIFT of tags stands a text of the program */
	bool stacks_optional; /* its histograms and JSON rows show none: taken only for what does */
	/* --slower lists each event with its stack, which is taken for that too. */
	bool events_have_stacks;
	bool process_times;	       /* its report says which share of a process's time it was */
	const char *view;	       /* its report, of views[] */
	uint64_t duration_ns;	       /* default; 0: until Ctrl-C */
	struct mode_settings defaults; /* before options are read */
	const void *(*object)(size_t *size); /* the BPF object, from its skeleton */
	/* Which probes a file that a process maps is to have; NULL: none, or live_settings.finder.
	 */
	const struct probe_finder *finder;
	/* What its words on the command line are: "FUNCTION..."; NULL: an interval and a count. */
	const char *operands;
	/* What is to be attached besides programs that name their tracepoint; NULL: nothing. */
	int (*attach)(struct live *l, struct strbuf *error);
};

/* Ends with NULL. */
extern const struct mode *const modes[];
const struct mode *mode_find(const char *name);
