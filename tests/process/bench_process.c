// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the tracker and the side-band cost. Prints; judges nothing. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watch.h"

enum { SPAWNS = 2000, CALLS = 200000, DEPTH = 30 };

static uint64_t spawn_all(void)
{
	char *argv[] = { (char[]){ "/bin/true" }, NULL };
	uint64_t begin = watch_now();

	for (int i = 0; i < SPAWNS; i++) {
		pid_t pid;

		if (!posix_spawn(&pid, argv[0], NULL, NULL, argv, NULL))
			waitpid(pid, NULL, 0);
	}
	return watch_now() - begin;
}

static void count(void *ctx, const char *what, uint64_t ns, uint64_t nr)
{
	(void)ctx;
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
	count(w, "first tracker_frames (opens two files)", watch_now() - begin, 1);
	begin = watch_now();
	for (int i = 0; i < CALLS; i++)
		tracker_frames(w->tracker, &id, addresses, DEPTH, out);
	count(w, "tracker_frames, a frame", watch_now() - begin, (uint64_t)CALLS * DEPTH);
}

int main(void)
{
	uint64_t begin, without, with, pumped;
	struct watch w;
	size_t memory;
	int r = watch_open(&w, 1024);

	if (r < 0) {
		fprintf(stderr, "bench_process: %s\n", strerror(-r));
		return 1;
	}
	begin = watch_now();
	tracker_scan(w.tracker, NULL, 0);
	memory = tracker_memory(w.tracker);
	count(&w, "scan of all processes", watch_now() - begin, 1);
	printf("%-44s %10zu KiB\n", "memory after it", memory / 1024);
	watch_pump(&w);
	frames(&w);
	with = spawn_all();
	begin = watch_now();
	watch_pump(&w);
	pumped = watch_now() - begin;
	printf("%-44s %10lu events, %lu lost\n", "2000 × /bin/true", (unsigned long)w.nr_events,
	       (unsigned long)w.lost);
	count(&w, "reading and applying, a program", pumped, SPAWNS);
	watch_close(&w);
	without = spawn_all();
	count(&w, "a program, watched", with, SPAWNS);
	count(&w, "a program, not watched", without, SPAWNS);
	return 0;
}
