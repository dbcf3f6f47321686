/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What one file's debug information may cost. Each step of a walk is bounded
 * by the sections' sizes, but hostile input can make every step as dear as
 * the whole file; so the time that all of it takes together is bounded too,
 * at a rate far below what honest files need.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct budget {
	uint64_t left_ns;
	uint64_t from_ns; /* when the work under way began */
};

static inline uint64_t budget_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline void budget_begin(struct budget *b)
{
	b->from_ns = budget_now();
}

static inline bool budget_spent(const struct budget *b)
{
	return budget_now() - b->from_ns >= b->left_ns;
}

static inline void budget_end(struct budget *b)
{
	uint64_t spent = budget_now() - b->from_ns;

	b->left_ns -= spent < b->left_ns ? spent : b->left_ns;
}
