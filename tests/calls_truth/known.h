/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Programs whose calls are known: they say "ready", wait for a line, call, and
 * print what they did as lines "NAME NUMBER".
 */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#ifdef __cplusplus
#define KNOWN __attribute__((noinline))
#else
#define KNOWN __attribute__((noinline, noclone, no_icf))
#endif

static inline uint64_t known_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Until somebody looks. */
static inline int known_wait(void)
{
	char line[16];

	puts("ready");
	fflush(stdout);
	return !fgets(line, sizeof(line), stdin);
}
