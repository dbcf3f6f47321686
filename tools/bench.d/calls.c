// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Calls a function that does next to nothing; for each line it reads, says what a call takes. */
#include <stdio.h>
#include <time.h>

enum { CALLS = 100000, TIMES = 5 };

static volatile unsigned long sink;

__attribute__((noinline)) unsigned long called(unsigned long n)
{
	/* So that something is pushed first: an instruction that the kernel emulates. */
	__asm__ volatile("" ::: "rbx");
	return n * 6364136223846793005u + 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(void)
{
	char line[16];

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		double best = 1e18;

		for (int k = 0; k < TIMES; k++) {
			double began = now();

			for (int i = 0; i < CALLS; i++)
				sink = called(sink);
			best = now() - began < best ? now() - began : best;
		}
		printf("%.2f\n", best / CALLS);
		fflush(stdout);
	}
	return 0;
}
