// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "snapshot/inside.h"

const char *snapshot_state_name(enum snapshot_state state)
{
	static const char *const names[] = {
		[SNAPSHOT_RUNNING] = "running",	  [SNAPSHOT_RUNNABLE] = "waiting for a CPU",
		[SNAPSHOT_SLEEPING] = "sleeping", [SNAPSHOT_BLOCKED] = "in uninterruptible sleep",
		[SNAPSHOT_STOPPED] = "stopped",	  [SNAPSHOT_TRACED] = "stopped by its tracer",
		[SNAPSHOT_FROZEN] = "frozen",	  [SNAPSHOT_ZOMBIE] = "ended",
	};

	return names[state];
}

const char *snapshot_lack(const struct snapshot_thread *t)
{
	static const char *const stops[ABI_STOPS] = {
		[ABI_STOP_DEPTH] = "deeper than can be shown",
		[ABI_STOP_MEMORY] = "incomplete: its stack goes on where memory can't be read",
		[ABI_STOP_NO_FRAME] = "incomplete: code without unwind tables or frame pointers",
		[ABI_STOP_NO_PROGRESS] = "incomplete: its unwind tables lead nowhere",
		[ABI_STOP_REGISTER] = "incomplete: a caller's registers are not known",
		[ABI_STOP_RULE] = "incomplete: its unwind tables can't be followed",
		[ABI_STOP_UNREADABLE] = "no user stack: 32-bit code, or no memory that can be read",
	};

	static const char *const interpreted[ABI_INTERPRETED_STOPS] = {
		[ABI_INTERPRETED_DEPTH] = "interpreted calls are left out: there are too many",
		[ABI_INTERPRETED_MEMORY] = "incomplete: interpreted calls can't be read",
		[ABI_INTERPRETED_STRANGER] = "no interpreted calls: the thread's state is none",
		[ABI_INTERPRETED_AMBIGUOUS] = "no interpreted calls: the thread has several "
					      "interpreters, and nothing says which runs",
	};

	if (t->result != SNAPSHOT_TAKEN)
		return NULL;
	if (t->stop < ABI_STOPS && stops[t->stop])
		return stops[t->stop];
	if (t->interpreted < ABI_INTERPRETED_STOPS && interpreted[t->interpreted])
		return interpreted[t->interpreted];
	if (t->unjoined)
		return "interpreted calls and native frames don't fit together";
	return t->approximate ? "approximate: some code has no unwind tables" : NULL;
}
