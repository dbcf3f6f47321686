// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "walker.h"

#include <string.h>

/* What walk.h reads by: set for one walk. */
static const struct blocks *current_blocks;
static const struct recording *current_recording;
static uint32_t nr_reads;

static const __u32 *walk_block(__u32 location)
{
	return blocks_at(current_blocks, location);
}

static long walk_copy(void *to, __u32 size, __u64 from)
{
	nr_reads++;
	return recording_read(current_recording, from, to, size);
}

#include "walk.h"

_Static_assert((int)RECORDING_REGISTERS == (int)WALK_PT_REGS, "registers");
_Static_assert((int)RECORDING_PC == (int)WALK_PC && (int)RECORDING_SP == (int)WALK_SP &&
		       (int)RECORDING_FP == (int)WALK_FP,
	       "registers' places");

void walker_walk(const struct blocks *b, const struct recording *r, uint32_t max_depth,
		 struct walked *ret)
{
	struct walk w = {
		.pc = r->registers[WALK_PC],
		.sp = r->registers[WALK_SP],
		.fp = r->registers[WALK_FP],
		.window_at = WALK_NO_WINDOW,
		.max = max_depth,
		.exact = 1,
		.whole = 1,
	};

	current_blocks = b;
	current_recording = r;
	nr_reads = 0;
	memcpy(w.registers, r->registers, sizeof(r->registers));
	w.mappings = blocks_mappings(b, &w.nr_mappings);
	while (!walk_step(&w, ret->frames))
		continue;
	ret->nr = w.nr;
	ret->stop = w.stop;
	ret->reads = nr_reads;
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
