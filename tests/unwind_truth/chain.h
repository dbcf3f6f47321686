/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Programs that know their own stacks. Each takes its seconds, says what its stacks may be, says
 * "ready", and burns. What it says, a line each, names from the leaf to the thread's first
 *function: chain: spin f2 f1 main	a whole stack; a sample may also end in any of its
 *functions. f*9 is nine times f, ? a frame that has no name
 *   handler: burn handle	what a signal's trampoline may call, wherever it struck
 *   into: dlopen free		what these call is not told
 * No frame is inlined, cloned or left by a jump; the build says that nobody keeps a frame pointer.
 */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__cplusplus) || defined(__clang__)
#define FRAME __attribute__((noinline, used))
#else
#define FRAME __attribute__((noinline, noclone, no_icf, used))
#endif

/* What follows a call, so that it is not the function's last deed. */
#define AFTER_CALL __asm__ volatile("" : : : "memory")

/* A register that is said to be in use for something else is no frame pointer, by its value too. */
#if defined(__x86_64__)
#define SPOIL_FRAME_POINTER __asm__ volatile("mov $-1, %%rbp" : : : "rbp")
#else
#define SPOIL_FRAME_POINTER
#endif

/* Some 20 us of one function that calls nothing. */
#define SPIN_BODY(rounds)                                                \
	for (int i = 0; i < (rounds); i++)                               \
		x = x * 6364136223846793005ull + 1442695040888963407ull; \
	return x

/* A frame of `bytes` of locals between its caller and `callee`. */
#define LINK(name, callee, bytes)                    \
	FRAME uint64_t name(uint64_t x)              \
	{                                            \
		volatile char local[bytes];          \
                                                     \
		local[x % (bytes)] = (char)x;        \
		SPOIL_FRAME_POINTER;                 \
		x = callee(x + 1);                   \
		AFTER_CALL;                          \
		return x + local[(x + 1) % (bytes)]; \
	}

static uint64_t chain_deadline_ns;

static inline uint64_t chain_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The clock is read in here: what it calls is not told. */
FRAME static int chain_is_over(void)
{
	int over = chain_now_ns() >= chain_deadline_ns;

	AFTER_CALL;
	return over;
}

/* Call when all is said. */
static inline void chain_start(int argc, char **argv)
{
	chain_deadline_ns = chain_now_ns() + (uint64_t)((argc > 1 ? atof(argv[1]) : 1) * 1e9);
	puts("into: chain_is_over\nready");
	fflush(stdout);
}
