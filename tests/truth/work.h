/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How programs that know what they spent spend it, by the thread's own clock. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__cplusplus) || defined(__clang__)
#define WORK_NOINLINE __attribute__((noinline))
#else
/* Nor cloned, nor folded into its twin: each is to keep its own name. */
#define WORK_NOINLINE __attribute__((noinline, noclone, no_icf))
#endif

/*
 * Some tens of microseconds of a function body that calls nothing; `salt` keeps bodies apart. To
 * ask for its frame makes a frame, which compilers leave out of such functions whatever they are
 * told, and the walk would miss the caller.
 */
#define WORK_BODY(salt)                                                  \
	uint64_t x = seed + (salt);                                      \
	__asm__ volatile("" : : "r"(__builtin_frame_address(0)));        \
	for (int i = 0; i < 30000; i++)                                  \
		x = x * 6364136223846793005ull + 1442695040888963407ull; \
	return x;

static inline uint64_t work_clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

typedef uint64_t (*work_fn)(uint64_t seed);

/*
 * Calls `work` until the thread has spent `ns` in it; what it really spent. The clock is read
 * here, so that a sample in the function is a sample of its work.
 */
static inline uint64_t work_spend(work_fn work, uint64_t ns)
{
	uint64_t start = work_clock_ns(CLOCK_THREAD_CPUTIME_ID), spent = 0;
	volatile uint64_t kept = start;

	while (spent < ns) {
		uint64_t now;

		kept = work(kept);
		now = work_clock_ns(CLOCK_THREAD_CPUTIME_ID);
		/* Some virtual machines' clocks step back when a thread changes its CPU. */
		spent = now > start ? now - start : 0;
	}
	return spent;
}

/* A time that no sampling clock is in step with, around `around_ns`. */
static inline uint64_t work_jitter(uint64_t *state, uint64_t around_ns)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return around_ns / 2 + (*state >> 33) % around_ns;
}

/* Where a result goes: the file named by the argument, else standard output. */
static inline FILE *work_result(const char *path)
{
	FILE *f = path ? fopen(path, "w") : stdout;

	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

/* Seconds of the command line as the end by CLOCK_MONOTONIC. */
static inline uint64_t work_deadline(const char *seconds)
{
	return work_clock_ns(CLOCK_MONOTONIC) + (uint64_t)(atof(seconds) * 1e9);
}
