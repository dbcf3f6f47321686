// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A load with stacks of a known depth: `deep DEPTH SECONDS [fresh]`. Always the
 * same stack, or with `fresh` another one each time (two ways to call at each level).
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

static volatile unsigned long sink;

static __attribute__((noinline)) unsigned long descend(int depth, unsigned ways)
{
	unsigned long r;

	if (!depth) {
		for (unsigned long i = 0; i < 20000; i++)
			sink += i * 31;
		return sink;
	}
	r = ways & 1 ? descend(depth - 1, ways >> 1) + 1 : descend(depth - 1, ways >> 1) + 2;
	__asm__ volatile("" : "+r"(r));
	return r;
}

int main(int argc, char **argv)
{
	int depth = argc > 1 ? atoi(argv[1]) : 35;
	time_t end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 5);
	int fresh = argc > 3 && !strcmp(argv[3], "fresh");
	unsigned ways = 1;

	while (time(NULL) < end) {
		if (fresh)
			ways = ways * 1103515245 + 12345;
		descend(depth, ways);
	}
	return 0;
}
