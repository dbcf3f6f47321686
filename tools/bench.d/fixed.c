// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A fixed job: `fixed DEPTH ROUNDS`. The work is done below DEPTH calls of 256 bytes each. */
#include <stdlib.h>

static volatile unsigned long sink;

static __attribute__((noinline)) unsigned long descend(int depth)
{
	volatile char room[200];
	unsigned long r;

	room[depth % 200] = 1;
	if (!depth) {
		for (unsigned long i = 0; i < 20000; i++)
			sink += i * 31;
		return sink;
	}
	r = descend(depth - 1) + (unsigned long)room[depth % 200];
	__asm__ volatile("" : "+r"(r));
	return r;
}

int main(int argc, char **argv)
{
	int depth = argc > 1 ? atoi(argv[1]) : 64, rounds = argc > 2 ? atoi(argv[2]) : 1000;

	for (int i = 0; i < rounds; i++)
		descend(depth);
	return 0;
}
