// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "snapshot/interpreted.h"

#include <string.h>

#include "runtime/runtime.h"

struct python_walk;

static long python_read(const struct python_walk *p, void *to, uint32_t size, uint64_t from);

#include "python.h"

struct host_walk {
	struct python_walk walk;
	struct target_memory memory;
};

static long python_read(const struct python_walk *p, void *to, uint32_t size, uint64_t from)
{
	const struct host_walk *w = (const struct host_walk *)(const void *)p;

	return target_memory_read(&w->memory, from, to, size);
}

void snapshot_walk_python(pid_t pid, const struct abi_python *layout, uint64_t thread,
			  struct snapshot_calls *ret)
{
	struct host_walk w = { .memory = { pid } };

	if (!python_begin(&w.walk, layout, thread)) {
		w.walk.stop = ABI_INTERPRETED_DEPTH;
		for (int i = 0; i < PYTHON_MAX_STEPS; i++)
			if (python_step(&w.walk, layout, ret->calls, ret->entries))
				break;
	}
	ret->interpreted = w.walk.stop;
	ret->calls_walked = (uint16_t)w.walk.nr;
	ret->nr_calls = (uint16_t)(w.walk.nr < ABI_MAX_CALLS ? w.walk.nr : ABI_MAX_CALLS);
	ret->nr_entries = w.walk.nr_entries;
}

bool snapshot_holds_gil(pid_t pid, const struct abi_python *layout, uint64_t thread)
{
	struct host_walk w = { .memory = { pid } };
	uint64_t holder;

	/* Without the lock many threads run at once. */
	if (layout->free_threaded || !thread)
		return false;
	w.walk.thread = thread;
	holder = layout->holder ? python_pointer(&w.walk, layout->holder)
				: python_thread_local(&w.walk, &layout->held);
	return python_is_ours(&w.walk, layout, holder);
}
