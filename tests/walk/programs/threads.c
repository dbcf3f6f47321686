// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Threads that are born, work at some depth, wait and die, for some seconds at most. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 4, SECONDS = 20 };

static volatile unsigned long sink;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

__attribute__((noinline)) static unsigned long work(int n)
{
	unsigned long here = (unsigned long)n;

	__asm__ volatile("" : : "r"(&here) : "memory");
	if (n)
		return work(n - 1) + here;
	for (int i = 0; i < 20000; i++)
		sink += (unsigned long)i;
	pthread_mutex_lock(&mutex);
	here += sink;
	pthread_mutex_unlock(&mutex);
	free(malloc(here % 5000 + 1));
	return here;
}

static void *run(void *depth)
{
	for (int i = 0; i < 50; i++)
		work(*(int *)depth + i % 7);
	usleep(300);
	return NULL;
}

int main(void)
{
	time_t until = time(NULL) + SECONDS;
	int depths[THREADS] = { 3, 20, 60, 130 };

	while (time(NULL) < until) {
		pthread_t threads[THREADS];

		for (int i = 0; i < THREADS; i++) {
			if (pthread_create(&threads[i], NULL, run, &depths[i]))
				return 1;
		}
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
	}
	return 0;
}
