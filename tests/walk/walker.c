// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "walker.h"

#include <stdlib.h>
#include <string.h>

/* What walk.h reads by: set for one walk. */
static const struct blocks *current_blocks;
static const struct recording *current_recording;
static uint32_t nr_reads;

struct walk;

static const __u32 *walk_block(const struct walk *w, __u32 location)
{
	(void)w;
	return blocks_at(current_blocks, location);
}

static long walk_copy(const struct walk *w, void *to, __u32 size, __u64 from)
{
	(void)w;
	nr_reads++;
	return recording_read(current_recording, from, to, size);
}

enum { KNOWN = 64 };

static __u64 rules[KNOWN][2];

static __u64 walk_thread(const struct walk *w)
{
	(void)w;
	return 0;
}

static struct walk_known *walk_known(const struct walk *w, __u64 hash)
{
	(void)w;
	return (void *)rules[hash * 0x9e3779b97f4a7c15ull >> 32 & (KNOWN - 1)];
}

#include "walk.h"

_Static_assert((int)RECORDING_REGISTERS == (int)WALK_PT_REGS, "registers");
_Static_assert((int)RECORDING_PC == (int)WALK_PC && (int)RECORDING_SP == (int)WALK_SP &&
		       (int)RECORDING_FP == (int)WALK_FP,
	       "registers' places");

static void walk_once(const struct recording *r, uint32_t max_depth, __u64 list, struct walked *ret)
{
	struct walk w = {
		.list = list,
		.pc = r->registers[WALK_PC],
		.sp = r->registers[WALK_SP],
		.fp = r->registers[WALK_FP],
		.window_at = WALK_NO_WINDOW,
		.max = max_depth,
		.exact = 1,
		.whole = 1,
	};

	memcpy(w.registers, r->registers, sizeof(r->registers));
	w.mappings = blocks_mappings(current_blocks, &w.nr_mappings);
	while (!walk_step(&w, ret->frames))
		continue;
	ret->nr = w.nr;
	ret->stop = w.stop;
}

/* Twice: by a search for every rule, and by what is known then. The same has to come of it. */
void walker_walk(const struct blocks *b, const struct recording *r, uint32_t max_depth,
		 struct walked *ret)
{
	static struct walked searched;
	static __u64 list;

	current_blocks = b;
	current_recording = r;
	nr_reads = 0;
	walk_once(r, max_depth, ++list, &searched);
	ret->reads = nr_reads;
	walk_once(r, max_depth, list, ret);
	if (ret->nr != searched.nr || ret->stop != searched.stop ||
	    memcmp(ret->frames, searched.frames, ret->nr * sizeof(ret->frames[0])))
		abort();
}

const char *walker_stop_name(uint8_t stop)
{
	static const char *const names[ABI_STOPS] = {
		[ABI_STOP_NONE] = "none",
		[ABI_STOP_KERNEL] = "kernel",
		[ABI_STOP_ROOT] = "root",
		[ABI_STOP_DEPTH] = "depth",
		[ABI_STOP_MEMORY] = "memory",
		[ABI_STOP_NO_FRAME] = "no frame",
		[ABI_STOP_NO_PROGRESS] = "no progress",
		[ABI_STOP_REGISTER] = "register",
		[ABI_STOP_RULE] = "rule",
		[ABI_STOP_UNREADABLE] = "unreadable",
	};

	return stop < ABI_STOPS && names[stop] ? names[stop] : "?";
}
