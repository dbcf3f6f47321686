/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The inside of explain.h: explain.c (the process), explain_runtime.c (what it runs). */
#pragma once
#include "doctor/explain.h"
#include "process/proc_stat.h"
#include "runtime/runtime.h"
#include "walk/runtimes.h"

/* A file that the process runs code of. */
struct explain_file {
	uint32_t object;
	uint64_t start, offset; /* one mapping of it */
};

struct explain {
	uint32_t pid;
	explain_fn fn;
	void *ctx;
	unsigned nr_failed;
	int proc_fd;
	struct proc_stat stat;
	struct tracker *tracker;
	struct capture capture;
	struct space_key key;
	struct explain_file *files; /* each object once */
	uint32_t nr_files, cap_files;
	uint32_t nr_closed; /* of these, can't be opened */
	bool has_jit;	    /* it runs code that it made */
};

/* Hands it out and empties it. -ENOMEM: there was no memory for what it says. */
int explain_say(struct explain *e, struct explained *what);
/* explain_runtime.c: the steps from the C library on. 0 or -ENOMEM. */
int explain_runtime(struct explain *e);
