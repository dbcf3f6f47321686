/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What libdw makes of a stopped thread: an unwinder that shares no line with
 * ours. It reads the memory that was recorded; what it reads beyond that is
 * read from the process and recorded too, so that a walk of the recording has it.
 */
#pragma once
#include "recording.h"

struct truth;

/*
 * Loads what is mapped in a stopped process; again when that has changed.
 * 0 or a negative errno.
 */
int truth_new(struct truth **ret, pid_t pid);
void truth_free(struct truth *t);
/* Fills in frames and end. r->registers and the stack are there. */
void truth_unwind(struct truth *t, struct recording *r);
