// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A job that knows what it loses: `lost DEPTH SECONDS [fresh]`. It looks at the clock all the time,
 * below DEPTH calls, and takes for lost what passes between two looks. Prints the time that was
 * lost in parts of a million, how often, and the median and mean of a loss in nanoseconds. Losses
 * of over 100 us are a CPU that was taken away, and left out.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LEAST_NS = 400, MOST_NS = 100000, LOOK_NS = 50000 };

static uint64_t gaps[MOST_NS], start, end;
static volatile unsigned long sink;

static inline uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static unsigned long look(uint64_t until)
{
	uint64_t last = now(), at;

	for (at = last; at < until; last = at) {
		at = now();
		if (at - last >= LEAST_NS && at - last < MOST_NS)
			gaps[at - last]++;
	}
	return sink;
}

static __attribute__((noinline)) unsigned long descend(int depth, unsigned ways, uint64_t until)
{
	unsigned long r;

	if (!depth)
		return look(until);
	r = ways & 1 ? descend(depth - 1, ways >> 1, until) + 1
		     : descend(depth - 1, ways >> 1, until) + 2;
	__asm__ volatile("" : "+r"(r));
	return r;
}

int main(int argc, char **argv)
{
	int depth = argc > 1 ? atoi(argv[1]) : 35;
	int fresh = argc > 3 && !strcmp(argv[3], "fresh");
	uint64_t nr = 0, sum = 0, below = 0, median = 0;
	unsigned ways = 1;

	start = now();
	end = start + (uint64_t)(1e9 * (argc > 2 ? atof(argv[2]) : 1));
	for (uint64_t at = start; at < end; at = now()) {
		if (fresh)
			ways = ways * 1103515245 + 12345;
		descend(depth, ways, fresh ? at + LOOK_NS : end);
	}
	for (uint64_t i = 0; i < MOST_NS; i++) {
		nr += gaps[i];
		sum += i * gaps[i];
	}
	for (uint64_t i = 0; i < MOST_NS && 2 * below < nr; i++) {
		below += gaps[i];
		median = i;
	}
	printf("%.0f %llu %llu %.0f\n", 1e6 * (double)sum / (double)(now() - start),
	       (unsigned long long)nr, (unsigned long long)median,
	       nr ? (double)sum / (double)nr : 0);
	return 0;
}
