/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Clocks, in nanoseconds. The kernel half stamps what it sends with the one of now_ns(). */
#pragma once
#include <stdint.h>
#include <time.h>

static inline uint64_t now_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t now_ns(void)
{
	return now_of(CLOCK_MONOTONIC);
}

/* CPU time of this thread: on a busy machine the time that passes is mostly others'. */
static inline uint64_t now_thread_ns(void)
{
	return now_of(CLOCK_THREAD_CPUTIME_ID);
}
