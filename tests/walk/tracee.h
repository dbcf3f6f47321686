/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A process that is stopped to be looked at: a child of ours, which needs no
 * rights, or one that runs. All its threads stop together. A child ends with us.
 */
#pragma once
#include "recording.h"

enum { TRACEE_MAX_THREADS = 256 };

struct tracee_thread {
	pid_t tid;
	int signal; /* that it gets when it goes on */
	bool stopped;
};

struct tracee {
	pid_t pid;
	struct tracee_thread threads[TRACEE_MAX_THREADS];
	size_t nr;
	bool child, gone;
	bool trapped; /* at a breakpoint of its own */
};

/* Starts a program and stops it at its first instruction. 0 or a negative errno. */
int tracee_start(struct tracee *t, char *const argv[]);
/* Attaches to all threads of a process, and stops them. 0 or a negative errno. */
int tracee_attach(struct tracee *t, pid_t pid);
/* Lets it run on, for so long or until it traps, and stops it again. 0, -ESRCH: it is gone. */
int tracee_run(struct tracee *t, unsigned int microseconds);
/* Lets its first thread run one instruction. 0, -ESRCH: it is gone. */
int tracee_step(struct tracee *t);
/* Detaches, or ends it where it is a child. */
void tracee_done(struct tracee *t);

/* What it has mapped. 0 or a negative errno. */
int tracee_mappings(const struct tracee *t, struct recording_process *ret);
/* Registers and stack of a stopped thread. 0 or a negative errno. */
int tracee_record(const struct tracee *t, size_t thread, struct recording *r);
/* Will the first thread's next instruction be a system call? */
bool tracee_at_syscall(const struct tracee *t);
