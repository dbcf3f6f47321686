// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the tracker and the side-band cost. Prints; judges nothing. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watch.h"

enum { SPAWNS = 4000, ROUNDS = 20, CALLS = 200000, DEPTH = 30 };

static uint64_t spawn_some(void)
{
	char *argv[] = { (char[]){ "/bin/true" }, NULL };
	uint64_t begin = watch_now();

	for (int i = 0; i < SPAWNS / ROUNDS; i++) {
		pid_t pid;

		if (!posix_spawn(&pid, argv[0], NULL, NULL, argv, NULL))
			waitpid(pid, NULL, 0);
	}
	return watch_now() - begin;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void count(const char *what, uint64_t ns, uint64_t nr)
{
	printf("%-44s %10.3f µs\n", what, (double)ns / 1000 / (double)nr);
}

static void frames(struct watch *w)
{
	struct process_id id = { .tgid = (uint32_t)getpid(), .time = watch_now() };
	uint64_t addresses[DEPTH], begin;
	struct raw_frame out[DEPTH];

	/* Code of ours and of the C library by turns, as a stack with libraries has it. */
	for (int i = 0; i < DEPTH; i++)
		addresses[i] = (i % 4 ? (uint64_t)(uintptr_t)frames : (uint64_t)(uintptr_t)printf) +
			       (uint64_t)i;
	begin = watch_now();
	tracker_frames(w->tracker, &id, addresses, DEPTH, out);
	count("first tracker_frames (opens two files)", watch_now() - begin, 1);
	begin = watch_now();
	for (int i = 0; i < CALLS; i++)
		tracker_frames(w->tracker, &id, addresses, DEPTH, out);
	count("tracker_frames, a frame", watch_now() - begin, (uint64_t)CALLS * DEPTH);
}

/* Programs started by turns with and without the side-band, so that the machine's mood is shared.
 */
static int programs(void)
{
	uint64_t with[ROUNDS], without[ROUNDS], pumping = 0, events = 0, lost = 0, begin;

	for (int i = 0; i < ROUNDS; i++) {
		struct watch w;
		int r;

		without[i] = spawn_some();
		r = watch_open(&w, 1024);
		if (r < 0)
			return r;
		with[i] = spawn_some();
		begin = watch_now();
		watch_pump(&w);
		pumping += watch_now() - begin;
		events += w.nr_events;
		lost += w.lost;
		watch_close(&w);
	}
	qsort(with, ROUNDS, sizeof(with[0]), by_size);
	qsort(without, ROUNDS, sizeof(without[0]), by_size);
	printf("%-44s %10.1f, %lu lost\n", "records a program (/bin/true)", (double)events / SPAWNS,
	       (unsigned long)lost);
	count("reading and applying them, a program", pumping, SPAWNS);
	count("a program, watched (median)", with[ROUNDS / 2], SPAWNS / ROUNDS);
	count("a program, not watched (median)", without[ROUNDS / 2], SPAWNS / ROUNDS);
	return 0;
}

int main(void)
{
	struct watch w;
	uint64_t begin;
	int r = watch_open(&w, 1024);

	if (r >= 0) {
		begin = watch_now();
		tracker_scan(w.tracker, NULL, 0);
		count("scan of all processes", watch_now() - begin, 1);
		printf("%-44s %10zu KiB\n", "memory after it", tracker_memory(w.tracker) / 1024);
		begin = watch_now();
		tracker_rescan(w.tracker);
		count("rescan", watch_now() - begin, 1);
		watch_pump(&w);
		frames(&w);
		watch_close(&w);
		r = programs();
	}
	if (r < 0)
		fprintf(stderr, "bench_process: %s\n", strerror(-r));
	return r < 0;
}
