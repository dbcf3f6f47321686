/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How far a profile may be trusted: one counter for every way in which
 * something is lost or left unknown. The table in quality.c gives each its
 * name in files and its words for people; nothing else lists them.
 */
#pragma once
#include <stdint.h>

#include "base/strbuf.h"

enum quality_id {
	QUALITY_EVENTS,		   /* events that passed the filter */
	QUALITY_LOST,		   /* of these, events of which nothing is known any more */
	QUALITY_NO_STACK,	   /* samples counted whose frames never arrived */
	QUALITY_TRUNCATED,	   /* samples whose stack was deeper than --max-depth */
	QUALITY_USER_STACKS,	   /* samples with a user stack */
	QUALITY_ROOT,		   /* of these, known to be complete, exact and up to their root */
	QUALITY_BY_FP,		   /* of these, walked by frame pointers: 32-bit, or asked for */
	QUALITY_APPROXIMATE,	   /* samples walked before their tables were in place */
	QUALITY_UNREADABLE,	   /* samples whose user stack could not be walked at all */
	QUALITY_CUT,		   /* samples whose user stack ended where no code is */
	QUALITY_STACK_MEMORY,	   /* … where the stack's memory could not be read */
	QUALITY_NO_UNWIND,	   /* … in code without unwind information and frame pointer */
	QUALITY_BAD_UNWIND,	   /* … where unwind information could not be followed */
	QUALITY_NO_TABLE,	   /* files whose unwind information could not be used */
	QUALITY_TABLES_DROPPED,	   /* tables, and parts of lists of mappings, without room */
	QUALITY_INTERPRETED,	   /* samples with an interpreted stack */
	QUALITY_INTERPRETED_WHOLE, /* of these, up to the first frame and joined with the native */
	QUALITY_INTERPRETED_LOST,  /* samples of an interpreter whose stack could not be walked */
	QUALITY_INTERPRETED_LATE,  /* samples taken before their interpreter was known */
	QUALITY_UNJOINED,	   /* interpreted and native stack did not fit together */
	QUALITY_CODE_LOST,	   /* samples with a code object whose name never arrived */
	QUALITY_CALLS_LEFT_OUT,	 /* samples with too many calls: those in the middle are missing */
	QUALITY_TASKS_UNNAMED,	 /* samples without the name of their task: there are too many */
	QUALITY_TEXT_LOST,	 /* samples whose label, a text of the program, is not known */
	QUALITY_FRAMES,		 /* frames in all samples */
	QUALITY_UNSYMBOLIZED,	 /* of these, frames without a name */
	QUALITY_NO_PROCESS,	 /* samples whose process was gone before it could be read */
	QUALITY_PROCESS_RECORDS, /* side-band records the kernel dropped; /proc was read again */
	QUALITY_MEMORY,		 /* samples whose detail --max-memory cost */
	QUALITY_NO_START,	 /* ends without a start seen: began before the measuring */
	QUALITY_UNFINISHED,	 /* starts without an end: still under way when it ended */
	QUALITY_MERGED,		 /* block requests merged into another */
	QUALITY_REQUEUED,	 /* block requests put back by the driver and issued again */
	QUALITY_SPLIT,		 /* block requests cut in pieces before they were queued */
	QUALITY_UNRETURNED,  /* calls that were left without a return: longjmp, exception, exit */
	QUALITY_UNPROBED,    /* probes that could not be attached */
	QUALITY_DETACHED,    /* probes that were taken away again, to keep to --max-overhead */
	QUALITY_SUMMED,	     /* pauses of which only number and total are known */
	QUALITY_PARTLY_READ, /* interpreters that could not be looked at all the time */
	QUALITY_COUNT
};

enum quality_class {
	QUALITY_IS_TOTAL, /* says how much there was */
	QUALITY_IS_LOSS,  /* not 0: the profile lacks something */
	QUALITY_IS_NOTE,  /* not 0: worth knowing, nothing is missing */
};

struct quality_type {
	const char *name; /* in JSON and pprof: "lost" */
	const char *text; /* after a number: "events lost" */
	enum quality_class class;
};

extern const struct quality_type quality_types[QUALITY_COUNT];

struct quality {
	uint64_t n[QUALITY_COUNT];
};

void quality_merge(struct quality *into, const struct quality *from);
/* The line that ends every report: totals, then all that is not 0. No newline. */
void quality_line(const struct quality *q, struct strbuf *out);
