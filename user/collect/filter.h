/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom to measure. Decided in BPF before any stack is walked; all conditions must hold. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILTER_MAX_PIDS = 256, FILTER_MAX_CPUS = 1024 };

struct filter {
	uint32_t pids[FILTER_MAX_PIDS], tids[FILTER_MAX_PIDS], cpus[FILTER_MAX_CPUS];
	size_t nr_pids, nr_tids, nr_cpus; /* 0: any */
	bool only_added;		  /* only processes that live_add_pid() names */
	bool children;			  /* and all that they start */
	const char *comm;		  /* glob with * and ?; NULL: any */
	const char *cgroup; /* path of a cgroup v2 folder, with all below it; NULL: any */
};
