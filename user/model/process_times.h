/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How long processes were there while something was measured, and how much CPU time they used
 * meanwhile: what their pauses are a share of. By pid; processes that had one pid after each other
 * are one.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/intern.h"

#define TIME_UNKNOWN UINT64_MAX

struct process_time {
	uint32_t pid;
	bool began;	  /* meanwhile: before, there was nothing of it */
	uint64_t wall_ns; /* that it was there */
	uint64_t cpu_ns;  /* of all its threads; TIME_UNKNOWN */
};

struct process_times {
	struct intern pids;
	struct process_time *all; /* by id of its pid; pids.count of them */
	uint32_t cap;
};

void process_times_done(struct process_times *t);
/* Adds to what its pid has; what is unknown stays so. 0 or -ENOMEM. */
int process_times_add(struct process_times *t, const struct process_time *time);
/* NULL: nothing is known of this pid. Good until something is added. */
const struct process_time *process_times_find(const struct process_times *t, uint32_t pid);
size_t process_times_memory(const struct process_times *t);
