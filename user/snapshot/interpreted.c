// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "snapshot/interpreted.h"

#include <string.h>

#include "dump.h"
#include "runtime/runtime.h"

struct python_walk;

static long python_read(const struct python_walk *p, void *to, uint32_t size, uint64_t from);

#include "python_others.h"

struct host_walk {
	struct python_walk walk;
	struct target_memory memory;
};

static long python_read(const struct python_walk *p, void *to, uint32_t size, uint64_t from)
{
	const struct host_walk *w = (const struct host_walk *)(const void *)p;

	return target_memory_read(&w->memory, from, to, size);
}

static int find_other(struct python_walk *p, const struct abi_python *layout)
{
	int found = 0;

	if (python_others_begin(p, layout))
		return 1;
	while (!found)
		found = python_others_step(p, layout);
	return found != PYTHON_OTHERS_FOUND;
}

/* As interpreted_seek() of the kernel half. */
static int seek(struct python_walk *p, uint64_t sp, const __u64 *registers, __u64 *entries)
{
	__u64 words[PYTHON_SEEK_WORDS] = { 0 };

	memcpy(words, registers, DUMP_MAX_REGISTERS * sizeof(*words));
	if (python_seek_in(p, words) < PYTHON_SEEK_WORDS)
		return python_stop(p, ABI_INTERPRETED_AMBIGUOUS);
	p->seek = sp - ABI_RED_ZONE;
	for (int i = 0; i < PYTHON_SEEK_STEPS; i++)
		if (python_seek_step(p, words))
			break;
	return python_seek_end(p, entries);
}

void snapshot_walk_python(pid_t pid, const struct abi_python *layout, uint64_t thread, uint64_t sp,
			  const __u64 *registers, struct snapshot_calls *ret)
{
	struct host_walk w = { .memory = { pid } };
	int needs_seek;

	if (!python_begin(&w.walk, layout, thread)) {
		w.walk.stop = ABI_INTERPRETED_DEPTH;
		for (int i = 0; i < PYTHON_MAX_STEPS; i++) {
			if (!python_step(&w.walk, layout, ret->calls, ret->entries))
				continue;
			if (find_other(&w.walk, layout) ||
			    python_others_enter(&w.walk, layout, ret->calls, &needs_seek) ||
			    (needs_seek && seek(&w.walk, sp, registers, ret->entries)))
				break;
			w.walk.stop = ABI_INTERPRETED_DEPTH;
		}
	}
	ret->interpreted = w.walk.stop;
	ret->calls_walked = (uint16_t)w.walk.nr;
	ret->nr_calls = (uint16_t)(w.walk.nr < ABI_MAX_CALLS ? w.walk.nr : ABI_MAX_CALLS);
	ret->nr_entries = w.walk.nr_entries;
}

bool snapshot_is_without_gil(pid_t pid, const struct abi_python *layout, uint64_t thread)
{
	struct host_walk w = { .walk = { .thread = thread }, .memory = { pid } };
	uint64_t gil;
	int enabled;

	if (!layout->free_threaded || !thread || python_find_state(&w.walk, layout))
		return false;
	gil = python_pointer(&w.walk, w.walk.state + layout->state_interpreter);
	gil = gil ? python_pointer(&w.walk, gil + layout->interpreter_gil) : 0;
	return gil && !python_read(&w.walk, &enabled, sizeof(enabled), gil + layout->gil_enabled) &&
	       !enabled;
}

bool snapshot_holds_gil(pid_t pid, const struct abi_python *layout, uint64_t thread)
{
	struct host_walk w = { .memory = { pid } };
	uint64_t holder;

	if (!thread || snapshot_is_without_gil(pid, layout, thread))
		return false;
	w.walk.thread = thread;
	holder = layout->holder ? python_pointer(&w.walk, layout->holder)
				: python_thread_local(&w.walk, &layout->held);
	return python_is_ours(&w.walk, layout, holder);
}
