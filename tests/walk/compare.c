// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "compare.h"

#include <inttypes.h>
#include <string.h>

static const char *const result_names[COMPARE_RESULTS] = {
	[COMPARE_SAME] = "same",	   [COMPARE_TRUTH_SHORT] = "libdw short",
	[COMPARE_GUESS] = "guess",	   [COMPARE_NO_ROOT] = "no root",
	[COMPARE_NO_FILE] = "no file",	   [COMPARE_GAVE_UP] = "gave up",
	[COMPARE_LONG] = "too long",	   [COMPARE_SHORT] = "too short",
	[COMPARE_DIFFERENT] = "different",
};

/*
 * The walk says where the call is. A signal's trampoline, whose caller is where a thread was, was
 * not called: it may say either.
 */
static bool is_same(const struct recording *r, size_t i, uint64_t frame)
{
	const struct recording_frame *f = &r->frames[i];
	bool interrupted = i + 1 == r->nr_frames || r->frames[i + 1].exact;

	return frame == f->pc - !f->exact || (i && f->exact && interrupted && frame == f->pc - 1);
}

static bool is_made_at_run_time(const struct recording_process *p, uint64_t at)
{
	const struct recording_mapping *m = recording_mapping_at(p, at);

	return m && !m->path[0];
}

/* Of stacks whose first `at` frames are the same, and then no more. */
static enum compare_result judge_end(const struct recording_process *p, const struct recording *r,
				     const struct walked *w, size_t at)
{
	bool truth_at_root = !strcmp(r->end, "root");
	/* The code that a program begins with may say nothing; its frame pointer is 0. */
	bool begins = !strcmp(r->end, "no caller") || (at && !r->frames[at - 1].known);

	if (w->nr == r->nr_frames && w->stop == ABI_STOP_ROOT && (truth_at_root || begins))
		return COMPARE_SAME;
	if (w->nr == at && w->stop == ABI_STOP_DEPTH)
		return COMPARE_SAME;
	/* What there is behind a gap is a guess, libdw's too. */
	if (at && !r->frames[at - 1].known)
		return COMPARE_GUESS;
	/* It gets lost where we see that we would be: it does not ask whether it goes up. */
	if (!truth_at_root && (at == r->nr_frames || w->stop == ABI_STOP_NO_PROGRESS ||
			       !recording_mapping_at(p, r->frames[at].pc - 1)))
		return COMPARE_TRUTH_SHORT;
	if (w->stop == ABI_STOP_REGISTER || w->stop == ABI_STOP_RULE)
		return COMPARE_GAVE_UP;
	if (w->nr == r->nr_frames)
		return COMPARE_NO_ROOT;
	return w->nr < r->nr_frames ? COMPARE_SHORT : COMPARE_LONG;
}

enum compare_result compare(const struct recording_process *p, const struct recording *r,
			    const struct walked *w, size_t *ret_at)
{
	size_t i;

	for (i = 0; i < r->nr_frames && i < w->nr; i++) {
		*ret_at = i;
		if (!is_same(r, i, w->frames[i]))
			return i && !r->frames[i - 1].known ? COMPARE_GUESS : COMPARE_DIFFERENT;
		if (is_made_at_run_time(p, w->frames[i]))
			return COMPARE_NO_FILE;
	}
	*ret_at = i;
	return judge_end(p, r, w, i);
}

static void show_frame(const struct recording_process *p, uint64_t at)
{
	const struct recording_mapping *m = recording_mapping_at(p, at);
	const char *name = m ? strrchr(m->path, '/') : NULL;

	name = name ? name + 1 : m ? m->path : "nowhere";
	printf(" %s+0x%" PRIx64, name, m ? at - m->start + m->offset : at);
}

static void show(const struct recording_process *p, const struct recording *r,
		 const struct walked *w, enum compare_result result, size_t at)
{
	size_t nr = r->nr_frames > w->nr ? r->nr_frames : w->nr;

	printf("  %s at frame %zu of thread %d; the walk has %u and ended: %s; libdw has %zu: %s\n",
	       result_names[result], at, (int)r->tid, w->nr, walker_stop_name(w->stop),
	       r->nr_frames, r->end);
	for (size_t i = at > 3 ? at - 3 : 0; i < nr && i < at + 3; i++) {
		printf("    %zu: walk", i);
		if (i < w->nr)
			show_frame(p, w->frames[i]);
		printf("; libdw");
		if (i < r->nr_frames)
			show_frame(p, r->frames[i].pc - !r->frames[i].exact);
		printf("\n");
	}
}

static bool is_new(struct comparison *c, uint64_t place)
{
	for (uint32_t i = 0; i < c->nr_shown; i++) {
		if (c->shown[i] == place)
			return false;
	}
	if (c->nr_shown == COMPARE_SHOWN)
		return false;
	c->shown[c->nr_shown++] = place;
	return true;
}

enum compare_result comparison_add(struct comparison *c, const struct recording_process *p,
				   const struct recording *r, const struct walked *w)
{
	size_t at = 0;
	enum compare_result result = compare(p, r, w, &at);

	c->stops++;
	c->frames += at;
	c->reads += w->reads;
	c->results[result]++;
	c->ended[w->stop]++;
	if (at > c->longest)
		c->longest = at;
	if (result >= c->first_shown && is_new(c, at ? w->frames[at - 1] : 0))
		show(p, r, w, result, at);
	return result;
}

void comparison_print(const struct comparison *c, const char *name)
{
	printf("%s: %" PRIu64 " stops, %" PRIu64 " frames the same, up to %" PRIu64
	       " in a stack, %" PRIu64 " reads\n ",
	       name, c->stops, c->frames, c->longest, c->reads);
	for (int i = 0; i < COMPARE_RESULTS; i++) {
		if (c->results[i])
			printf(" %s: %" PRIu64, result_names[i], c->results[i]);
	}
	printf("; walks ended:");
	for (int i = 0; i < ABI_STOPS; i++) {
		if (c->ended[i])
			printf(" %s %" PRIu64, walker_stop_name((uint8_t)i), c->ended[i]);
	}
	printf("\n");
}

uint64_t comparison_wrong(const struct comparison *c)
{
	uint64_t sum = 0;

	for (int i = COMPARE_FIRST_WRONG; i < COMPARE_RESULTS; i++)
		sum += c->results[i];
	return sum;
}
