// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Runs a program, stops it, and compares the walk's stack with libdw's at every stop:
 *   test_walk steps N [-t] PROGRAM…   at each of its first N instructions; -t: from its first
 *                                     breakpoint on
 *   test_walk traps N PROGRAM…        at its breakpoints, at most N
 *   test_walk random N PROGRAM…       at N moments, all threads
 *   test_walk attach N PID            the same of a process that runs
 * Options, before that: -o FILE saves each stop that is wrong, for replay; -v shows also where
 * there is nothing to compare with; -g N: of a thousand walks, so many may give up.
 * Fails if a stop is wrong, or if there were none; 77: it may not trace.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compare.h"
#include "tracee.h"
#include "truth.h"

enum { SKIPPED = 77, LONG_US = 10000000, MIN_US = 200, MAX_US = 20000 };

struct session {
	struct tracee tracee;
	struct recording_process process;
	struct recording recording;
	struct truth *truth;
	struct blocks *blocks;
	struct walked walked;
	struct comparison comparison;
	FILE *saved;
	unsigned long may_give_up; /* of a thousand */
};

static bool is_same_process(const struct recording_process *a, const struct recording_process *b)
{
	if (a->nr_mappings != b->nr_mappings)
		return false;
	for (size_t i = 0; i < a->nr_mappings; i++) {
		const struct recording_mapping *m = &a->mappings[i], *n = &b->mappings[i];

		if (m->start != n->start || m->end != n->end || m->offset != n->offset ||
		    strcmp(m->path, n->path))
			return false;
	}
	return true;
}

/* After something may have been mapped. */
static int update_process(struct session *s)
{
	struct recording_process now = {};
	int r = tracee_mappings(&s->tracee, &now);

	if (r || (s->truth && is_same_process(&s->process, &now))) {
		recording_process_done(&now);
		return r;
	}
	recording_process_done(&s->process);
	s->process = now;
	truth_free(s->truth);
	s->truth = NULL;
	r = truth_new(&s->truth, s->tracee.pid);
	return r ? r : blocks_use(s->blocks, &s->process);
}

static int compare_thread(struct session *s, size_t thread)
{
	int r = tracee_record(&s->tracee, thread, &s->recording);

	if (r)
		return r;
	truth_unwind(s->truth, &s->recording);
	walker_walk(s->blocks, &s->recording, ABI_MAX_DEPTH, &s->walked);
	if (comparison_add(&s->comparison, &s->process, &s->recording, &s->walked) >=
		    COMPARE_FIRST_WRONG &&
	    s->saved) {
		recording_write_process(s->saved, &s->process);
		recording_write(s->saved, &s->recording);
	}
	return 0;
}

static int compare_steps(struct session *s, unsigned long nr)
{
	bool syscall = true;
	int r = 0;

	for (unsigned long i = 0; i < nr && !r; i++) {
		if (syscall)
			r = update_process(s);
		if (!r)
			r = compare_thread(s, 0);
		syscall = tracee_at_syscall(&s->tracee);
		if (!r && tracee_step(&s->tracee))
			return 0;
	}
	return r;
}

static int compare_stops(struct session *s, unsigned long nr, bool traps)
{
	for (unsigned long i = 0; i < nr; i++) {
		unsigned int pause = MIN_US + (unsigned int)rand() % (MAX_US - MIN_US);
		int r = 0;

		if (tracee_run(&s->tracee, traps ? LONG_US : pause))
			return 0;
		/* Threads are there before what they run is, if they are stopped that early. */
		if (update_process(s))
			return -EIO;
		for (size_t thread = 0; thread < s->tracee.nr && !r; thread++)
			r = compare_thread(s, thread);
		if (r)
			return r;
	}
	return 0;
}

static int run(struct session *s, char **argv)
{
	const char *mode = argv[0];
	unsigned long nr = strtoul(argv[1], NULL, 10);
	bool from_trap = !strcmp(argv[2], "-t");
	int r;

	if (!strcmp(mode, "attach"))
		r = tracee_attach(&s->tracee, (pid_t)atoi(argv[2]));
	else
		r = tracee_start(&s->tracee, argv + 2 + from_trap);
	if (r)
		return r;
	if (from_trap && tracee_run(&s->tracee, LONG_US))
		return -ESRCH;
	if (!strcmp(mode, "steps"))
		return compare_steps(s, nr);
	return compare_stops(s, nr, !strcmp(mode, "traps"));
}

/* The index of the first that is no option, or 0. */
static int read_options(struct session *s, int argc, char **argv)
{
	int c;

	s->comparison.first_shown = COMPARE_FIRST_WRONG;
	while ((c = getopt(argc, argv, "+o:vg:")) != -1) {
		if (c == 'v') {
			s->comparison.first_shown = COMPARE_TRUTH_SHORT;
		} else if (c == 'g') {
			s->may_give_up = strtoul(optarg, NULL, 10);
		} else if (c == 'o' && !s->saved) {
			s->saved = fopen(optarg, "we");
			if (!s->saved)
				return 0;
			recording_write_head(s->saved);
		} else {
			return 0;
		}
	}
	return argc - optind >= 3 ? optind : 0;
}

static bool is_right(const struct session *s)
{
	const struct comparison *c = &s->comparison;

	return c->stops && !comparison_wrong(c) &&
	       c->results[COMPARE_GAVE_UP] * 1000 <= c->stops * s->may_give_up;
}

int main(int argc, char **argv)
{
	static struct session s;
	int first = read_options(&s, argc, argv), r;

	if (!first) {
		fprintf(stderr, "test_walk [-v] [-o FILE] [-g N] steps|traps|random|attach N …\n");
		return 1;
	}
	srand(1);
	r = blocks_new(&s.blocks);
	if (!r)
		r = run(&s, argv + first);
	if (s.saved && fclose(s.saved) && !r)
		r = -errno;
	tracee_done(&s.tracee);
	truth_free(s.truth);
	blocks_free(s.blocks);
	recording_done(&s.recording);
	recording_process_done(&s.process);
	if (r) {
		fprintf(stderr, "%s: %s\n", argv[first + 2], strerror(-r));
		return r == -EPERM ? SKIPPED : 1;
	}
	comparison_print(&s.comparison, argv[first]);
	return !is_right(&s);
}
