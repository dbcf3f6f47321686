/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How long processes of which something was seen were there, and how much CPU time they used
 * meanwhile. The kernel keeps that exactly, as a process's CPU clock: it is read for every process
 * when measuring begins (a microsecond each), and at each drain for those that had events. What
 * began later began with nought. Of a process that ended, what it used after the last look is not
 * known, unless the kernel half says it (process_end.bpf.h): if that may be more than a fiftieth,
 * its CPU time is unknown.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "model/capture.h"
#include "process/tracker.h"

struct cputimes;

/*
 * Measuring begins at `now`, CLOCK_MONOTONIC. ends_fd: the kernel half's map of struct
 * abi_process_end by tgid; -1: there is none. All that is passed outlives it. 0 or -ENOMEM.
 */
int cputimes_new(struct cputimes **ret, struct capture *capture, const struct tracker *tracker,
		 int ends_fd, uint64_t now);
void cputimes_free(struct cputimes *t);
DEFINE_CLEANUP(struct cputimes, cputimes_free)
/*
 * Something was seen of a process. start_ns: CLOCK_BOOTTIME at which it was made, or /proc's tick
 * of that. 0 or -ENOMEM.
 */
int cputimes_see(struct cputimes *t, uint32_t tgid, uint64_t start_ns);
/*
 * Measuring ends: what is used from now on is no part of it. What is still in the ring may show
 * processes that nothing was seen of before.
 */
void cputimes_stop(struct cputimes *t, uint64_t now);
/* Adds what was used since the last look to the capture. `last`: the last time. 0 or -ENOMEM. */
int cputimes_read(struct cputimes *t, uint64_t now, bool last);
