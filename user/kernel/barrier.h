/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Waits until no BPF program runs any more that began before. The kernel makes whoever asks sleep
 * for some 10 ms, in which programs may want answers: so a thread sleeps instead, which does
 * nothing else and shares nothing but descriptors.
 */
#pragma once
#include "base/cleanup.h"

struct barrier;

int barrier_new(struct barrier **ret);
/* Ends a wait under way. */
void barrier_free(struct barrier *b);
DEFINE_CLEANUP(struct barrier, barrier_free)
/* Begins to wait; one at a time. 0 or a negative errno. */
int barrier_begin(struct barrier *b);
/* Readable when the wait is over. */
int barrier_fd(const struct barrier *b);
/* Waits for that, if need be. 0, or a negative errno: it was no wait. */
int barrier_end(struct barrier *b);
