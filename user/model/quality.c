// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/quality.h"

#include "base/parse.h"

const struct quality_type quality_types[QUALITY_COUNT] = {
	[QUALITY_EVENTS] = { "events", "events", QUALITY_IS_TOTAL },
	[QUALITY_LOST] = { "lost", "lost", QUALITY_IS_LOSS },
	[QUALITY_NO_STACK] = { "no_stack", "without their stack", QUALITY_IS_LOSS },
	[QUALITY_TRUNCATED] = { "truncated", "stacks cut at the depth limit", QUALITY_IS_LOSS },
	[QUALITY_USER_STACKS] = { "user_stacks", "user stacks", QUALITY_IS_NOTE },
	[QUALITY_ROOT] = { "unwound_to_root", "unwound to their root", QUALITY_IS_NOTE },
	[QUALITY_BY_FP] = { "by_frame_pointers", "walked by frame pointers", QUALITY_IS_NOTE },
	[QUALITY_APPROXIMATE] = { "approximate", "taken before their unwind tables were in place",
				  QUALITY_IS_LOSS },
	[QUALITY_UNREADABLE] = { "unreadable", "user stacks unreadable", QUALITY_IS_LOSS },
	[QUALITY_CUT] = { "cut", "user stacks cut where no code is", QUALITY_IS_LOSS },
	[QUALITY_STACK_MEMORY] = { "stack_unread", "ended at stack memory that could not be read",
				   QUALITY_IS_LOSS },
	[QUALITY_NO_UNWIND] = { "no_unwind", "ended in code without unwind information",
				QUALITY_IS_LOSS },
	[QUALITY_BAD_UNWIND] = { "bad_unwind",
				 "ended where unwind information could not be followed",
				 QUALITY_IS_LOSS },
	[QUALITY_NO_TABLE] = { "no_table", "files without usable unwind information",
			       QUALITY_IS_NOTE },
	[QUALITY_TABLES_DROPPED] = { "tables_dropped", "unwind tables without room in --max-memory",
				     QUALITY_IS_LOSS },
	[QUALITY_INTERPRETED] = { "interpreted", "interpreted stacks", QUALITY_IS_NOTE },
	[QUALITY_INTERPRETED_WHOLE] = { "interpreted_whole", "whole and joined with native ones",
					QUALITY_IS_NOTE },
	[QUALITY_INTERPRETED_LOST] = { "interpreted_lost",
				       "interpreted stacks that could not be walked",
				       QUALITY_IS_LOSS },
	[QUALITY_INTERPRETED_LATE] = { "interpreted_late",
				       "taken before their interpreter was known",
				       QUALITY_IS_LOSS },
	[QUALITY_UNJOINED] = { "unjoined", "interpreted stacks that did not fit the native one",
			       QUALITY_IS_LOSS },
	[QUALITY_CODE_LOST] = { "code_lost", "with interpreted code without a name",
				QUALITY_IS_LOSS },
	[QUALITY_CALLS_LEFT_OUT] = { "calls_left_out",
				     "interpreted stacks cut in the middle, at the depth limit",
				     QUALITY_IS_LOSS },
	[QUALITY_TASKS_UNNAMED] = { "tasks_unnamed", "without their task's name: too many names",
				    QUALITY_IS_NOTE },
	[QUALITY_TEXT_LOST] = { "text_lost", "without the program's name for it", QUALITY_IS_LOSS },
	[QUALITY_FRAMES] = { "frames", "frames", QUALITY_IS_TOTAL },
	[QUALITY_UNSYMBOLIZED] = { "unsymbolized_frames", "frames without a name",
				   QUALITY_IS_LOSS },
	[QUALITY_NO_PROCESS] = { "no_process", "of processes gone before they were read",
				 QUALITY_IS_LOSS },
	[QUALITY_PROCESS_RECORDS] = { "process_records_lost", "process records lost",
				      QUALITY_IS_LOSS },
	[QUALITY_MEMORY] = { "memory_limited", "cut short by --max-memory", QUALITY_IS_LOSS },
	[QUALITY_NO_START] = { "no_start", "begun before the measuring", QUALITY_IS_NOTE },
	[QUALITY_UNFINISHED] = { "unfinished", "still under way at the end", QUALITY_IS_NOTE },
	[QUALITY_MERGED] = { "merged", "merged", QUALITY_IS_NOTE },
	[QUALITY_REQUEUED] = { "requeued", "requeued", QUALITY_IS_NOTE },
	[QUALITY_SPLIT] = { "split", "split", QUALITY_IS_NOTE },
	[QUALITY_UNRETURNED] = { "unreturned", "left without a return", QUALITY_IS_LOSS },
	[QUALITY_UNPROBED] = { "unprobed", "probes not attached", QUALITY_IS_LOSS },
	[QUALITY_DETACHED] = { "detached", "probes detached to keep to --max-overhead",
			       QUALITY_IS_LOSS },
	[QUALITY_SUMMED] = { "summed", "known only by their sum", QUALITY_IS_LOSS },
	[QUALITY_PARTLY_READ] = { "partly_read",
				  "interpreters whose first or last pauses may be missing",
				  QUALITY_IS_LOSS },
};

void quality_merge(struct quality *into, const struct quality *from)
{
	for (unsigned i = 0; i < QUALITY_COUNT; i++)
		into->n[i] += from->n[i];
}

void quality_line(const struct quality *q, struct strbuf *out)
{
	bool first = true;

	for (unsigned i = 0; i < QUALITY_COUNT; i++) {
		/* "lost" is always said: a reader must not have to wonder. */
		if (!q->n[i] && quality_types[i].class != QUALITY_IS_TOTAL && i != QUALITY_LOST)
			continue;
		strbuf_adds(out, first ? "quality: " : ", ");
		format_count(q->n[i], out);
		strbuf_addf(out, " %s", quality_types[i].text);
		first = false;
	}
}
