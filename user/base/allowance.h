/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What may be done of a kind of work that others cause: a part of the time that
 * passes, in CPU time of this thread, with some credit for what comes at once.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct allowance {
	int64_t left; /* ns */
	uint64_t at;
	uint32_t divisor; /* of the time that passes */
	int64_t most_ns;
};

/* Begins with all of its credit. */
void allowance_init(struct allowance *a, uint32_t divisor, int64_t most_ns);
/* All of its credit again. */
void allowance_renew(struct allowance *a);
/* May work of this kind be done now? Then allowance_spent() says when it began. */
bool allowance_permits(struct allowance *a);
/* Since `begin`, by now_thread_ns(), it was done. */
void allowance_spent(struct allowance *a, uint64_t begin);
