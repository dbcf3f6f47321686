// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* births SECONDS: threads that live for a moment, so that many samples are of births and deaths. */
#include <pthread.h>

#include "chain.h"

#define NR 4

FRAME uint64_t spin(uint64_t x)
{
	SPIN_BODY(20000);
}

LINK(f1, spin, 64)
LINK(f2, f1, 4000)

FRAME void *life(void *argument)
{
	uint64_t x = f2((uint64_t)(uintptr_t)argument);

	AFTER_CALL;
	return (void *)(uintptr_t)x;
}

FRAME uint64_t generation(uint64_t x)
{
	pthread_t threads[NR];
	void *result = NULL;
	int nr = 0;

	while (nr < NR && !pthread_create(&threads[nr], NULL, life, (void *)(uintptr_t)x))
		nr++;
	while (nr) {
		pthread_join(threads[--nr], &result);
		x += (uintptr_t)result;
	}
	AFTER_CALL;
	return x;
}

int main(int argc, char **argv)
{
	uint64_t x = 1;

	puts("chain: spin f1 f2 life\nchain: generation main\n"
	     "into: *pthread_create* *pthread_join* *pthread_clockjoin* start_thread");
	chain_start(argc, argv);
	while (!chain_is_over())
		x = generation(x);
	return x == 42;
}
