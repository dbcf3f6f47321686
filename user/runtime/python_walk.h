/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The walk of bpf/python.h over another process's memory. */
#pragma once
#include "runtime/runtime.h"

struct python_walk;
/* As python.h wants it; the walk is the first member of a struct python_target. */
static inline long python_read(const struct python_walk *p, void *to, uint32_t size, uint64_t from);

/* Not "", which is the header of this folder. */
#include <python.h>

struct python_target {
	struct python_walk walk;
	const struct target_memory *memory;
};

static inline long python_read(const struct python_walk *p, void *to, uint32_t size, uint64_t from)
{
	const struct python_target *t = (const struct python_target *)p;

	return target_memory_read(t->memory, from, to, size);
}
