/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The inside of snapshot.h, for the files that make it up: snapshot.c (looks at
 * a process again and again), stack.c (from what a thread looked like to its
 * stack), words.c.
 */
#pragma once
#include "collect/stacks.h"
#include "snapshot/copy.h"
#include "snapshot/interpreted.h"
#include "snapshot/snapshot.h"
#include "snapshot/tasks.h"

enum { SNAPSHOT_MAX_COPIES = 64 << 20 }; /* bytes held at once */

/* A thread, between two looks at it. */
struct pending {
	struct dump_task task;	      /* as of the copy */
	struct abi_copy *copy;	      /* NULL: none */
	struct snapshot_calls *calls; /* NULL: none */
	uint32_t size;		      /* bytes of stack that are wanted */
	bool looked;		      /* `task` is there */
	bool is_good;		      /* the thread did not run since */
	uint64_t thread_pointer;
};

struct snapshot {
	struct snapshot_settings settings;
	struct capture *capture;
	struct snapshot_tasks *tasks;
	struct tracker *tracker;
	struct tables *tables;
	struct drain_settings drain;
	struct stacks stacks;	    /* fed with records as the kernel half would send them */
	struct abi_space spaces[1]; /* no kernel half reads them, nor … */
	struct abi_runtime runtimes[2];
	uint64_t last_id; /* of a record */
	/* Of the process being taken. */
	uint32_t pid;
	pid_t reader; /* one of its threads that has memory: the first one may have ended */
	uint64_t start_ns, exec_id;
	uint32_t place; /* of its interpreter; 0: none */
	struct pending *pending;
	uint32_t cap_pending;
	size_t copied;
	struct strbuf *error;
};

/* stack.c */
/* Looks for an interpreter in what the process maps. 0 or -ENOMEM. */
int snapshot_find_runtime(struct snapshot *s);
/* A thread is not on a CPU: keeps what its stacks look like. 0, -ENOMEM or -EPERM. */
int snapshot_keep(struct snapshot *s, struct pending *p, const struct dump_task *task);
void snapshot_drop(struct snapshot *s, struct pending *p);
/*
 * It did not run since: adds its stack to the capture, and is TAKEN; or asks for a larger copy. 0
 * or a negative errno.
 */
int snapshot_settle(struct snapshot *s, struct pending *p, struct snapshot_thread *t);
