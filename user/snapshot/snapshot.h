/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The present stack of each thread of a process, which is neither stopped nor
 * touched: the kernel says where a thread that is not on a CPU left user mode,
 * its memory is copied, and the copy is good if the kernel then says that it
 * did not run meanwhile. Stacks go into a capture, one sample a thread. A
 * thread that is on a CPU has its registers nowhere but there: it is to be sampled.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "model/capture.h"

struct snapshot_settings {
	const void *object; /* of bpf/dump.bpf.c */
	size_t object_size;
	bool user_stacks, kernel_stacks;
};

enum snapshot_state {
	SNAPSHOT_RUNNING,  /* on a CPU */
	SNAPSHOT_RUNNABLE, /* waits for one */
	SNAPSHOT_SLEEPING,
	SNAPSHOT_BLOCKED, /* asleep, and no signal wakes it: in a disk's I/O, for example */
	SNAPSHOT_STOPPED,
	SNAPSHOT_TRACED,
	SNAPSHOT_FROZEN,
	SNAPSHOT_ZOMBIE,
};

enum snapshot_result {
	SNAPSHOT_TAKEN,	  /* the capture has its stack */
	SNAPSHOT_ON_CPU,  /* it was on a CPU each time that it was looked at … */
	SNAPSHOT_MOVING,  /* … or ran between each two times */
	SNAPSHOT_NOTHING, /* it has ended */
};

struct snapshot_thread {
	uint32_t tid;
	char comm[16];
	enum snapshot_state state;
	enum snapshot_result result;
	uint8_t stop;	     /* enum abi_stop: why its user stack ends where it does */
	uint8_t interpreted; /* enum abi_interpreted */
	bool approximate;    /* it may be wrong */
	bool unjoined;	     /* its interpreted calls and its native frames don't fit together */
	bool holds_gil;
};

struct snapshot_process {
	uint32_t pid;
	struct snapshot_thread *threads; /* ascending by tid */
	uint32_t nr_threads;
	struct strbuf command; /* its words, or "[name]" where it has none */
	const char *runtime; /* "Python 3.11", as long as the snapshot; NULL: none that is known */
	bool without_gil;    /* free-threaded Python, whose threads run at once */
};

struct snapshot;

/* The capture stays the caller's and outlives it. A negative errno with one line in `error`. */
int snapshot_open(struct snapshot **ret, const struct snapshot_settings *settings,
		  struct capture *capture, struct strbuf *error);
void snapshot_free(struct snapshot *s);
DEFINE_CLEANUP(struct snapshot, snapshot_free)
/*
 * Adds a sample for each thread of `pid` that is TAKEN. 0, or a negative errno with one line in
 * `error`: -ESRCH: no such process, or it has ended; -ESTALE: it began another program meanwhile;
 * -ENOTSUP: the kernel's own; -EPERM.
 */
int snapshot_take(struct snapshot *s, uint32_t pid, struct snapshot_process *ret,
		  struct strbuf *error);
void snapshot_process_done(struct snapshot_process *p);
const char *snapshot_state_name(enum snapshot_state state);
/* Why a stack that was TAKEN is not all of it; NULL: it is. */
const char *snapshot_lack(const struct snapshot_thread *t);
