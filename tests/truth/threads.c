// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * threads SECONDS [FILE]: four named threads that take turns, with 40, 30, 20 and 10 % of the
 * time; says what each one measured, by tid.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "work.h"

enum { NR = 4 };

static const struct {
	const char *name;
	unsigned percent;
} parts[NR] = { { "alpha", 40 }, { "beta", 30 }, { "gamma", 20 }, { "delta", 10 } };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t passed;
	int turn;
	bool over;
	uint64_t deadline, spent[NR];
	long tids[NR];
} baton = { .lock = PTHREAD_MUTEX_INITIALIZER, .passed = PTHREAD_COND_INITIALIZER };

uint64_t burn_shared(uint64_t seed);

WORK_NOINLINE uint64_t burn_shared(uint64_t seed)
{
	WORK_BODY(4)
}

static void *run(void *arg)
{
	int me = (int)(intptr_t)arg;
	uint64_t state = 1;
	bool stop = false;

	pthread_setname_np(pthread_self(), parts[me].name);
	baton.tids[me] = syscall(SYS_gettid);
	while (!stop) {
		/* All draw the same numbers, so a round is as long for each of them. */
		uint64_t round = work_jitter(&state, 20000000);

		pthread_mutex_lock(&baton.lock);
		while (baton.turn != me)
			pthread_cond_wait(&baton.passed, &baton.lock);
		/* The first one decides, so that all leave in the same round. */
		if (!me && work_clock_ns(CLOCK_MONOTONIC) >= baton.deadline)
			baton.over = true;
		stop = baton.over;
		if (!stop)
			baton.spent[me] += work_spend(burn_shared, round * parts[me].percent / 100);
		baton.turn = (me + 1) % NR;
		pthread_cond_broadcast(&baton.passed);
		pthread_mutex_unlock(&baton.lock);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[NR];
	FILE *out;

	if (argc < 2)
		return 2;
	baton.deadline = work_deadline(argv[1]);
	for (int i = 0; i < NR; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)(intptr_t)i))
			return 1;
	for (int i = 0; i < NR; i++)
		pthread_join(threads[i], NULL);
	out = work_result(argv[2]);
	fprintf(out, "{\"pid\": %d", (int)getpid());
	for (int i = 0; i < NR; i++)
		fprintf(out, ", \"%s\": {\"tid\": %ld, \"ns\": %" PRIu64 "}", parts[i].name,
			baton.tids[i], baton.spent[i]);
	fprintf(out, "}\n");
	return fclose(out) ? 1 : 0;
}
