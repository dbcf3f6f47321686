// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "site/gc_python_ring.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { NR_YOUNG = 11, NR_OLD = 3, RING_TAIL = 8 };

/* struct gc_generation_stats. `collections` and what follows it, but heap_size, are sums. */
struct entry {
	int64_t start, stop; /* CLOCK_MONOTONIC, ns */
	int64_t collections, collected, uncollectable, candidates;
	double duration; /* s */
	int64_t heap_size;
};
_Static_assert(sizeof(struct entry) == 64, "struct gc_generation_stats");
_Static_assert((NR_YOUNG + 2 * NR_OLD) * sizeof(struct entry) + 3 * RING_TAIL <=
		       GC_PYTHON_RING_BYTES,
	       "struct gc_stats");

/* Numbers that no interpreter reaches: some centuries. */
static const int64_t MOST_COLLECTIONS = 1ll << 50;
static const double MOST_SECONDS = 1e10;
/* What seconds may be off, as they are added up. */
static const double ROUNDED = 2e-9;

/* A generation's: struct gc_young_stats_buffer, gc_old_stats_buffer. */
struct ring {
	struct entry entries[GC_PYTHON_RING_MOST];
	unsigned nr, index; /* index: the entry that was begun last */
};

/* Entries that fit together, the newest first: collections in a row. */
struct chain {
	const struct entry *of[GC_PYTHON_RING_MOST];
	unsigned nr;
};

static int copy_ring(const void *bytes, unsigned generation, struct ring *ret)
{
	size_t young = NR_YOUNG * sizeof(struct entry) + RING_TAIL;
	size_t old = NR_OLD * sizeof(struct entry) + RING_TAIL;
	const char *from = bytes;

	ret->nr = generation ? NR_OLD : NR_YOUNG;
	from += generation ? young + (generation - 1) * old : 0;
	memcpy(ret->entries, from, ret->nr * sizeof(struct entry));
	ret->index = (uint8_t)from[ret->nr * sizeof(struct entry)];
	return ret->index < ret->nr ? 0 : -EAGAIN;
}

static bool is_possible(const struct entry *e)
{
	return e->start >= 0 && e->stop >= e->start && e->collections >= 0 &&
	       e->collections < MOST_COLLECTIONS && e->duration >= 0 && e->duration < MOST_SECONDS;
}

static bool is_unused(const struct entry *e)
{
	static const struct entry unused;

	return !memcmp(e, &unused, sizeof(unused));
}

static int64_t length(const struct entry *e)
{
	return e->stop - e->start;
}

/* Sums of seconds as doubles have them: to some units of the last place. */
static bool is_same_time(double a, double b, double sum)
{
	return fabs(a - b) <= ROUNDED + sum * 1e-14;
}

/* Is `e` what was written after `before`? What is being written is not, until its last word is. */
static bool follows(const struct entry *e, const struct entry *before)
{
	return is_possible(e) && e->collections == before->collections + 1 &&
	       e->start >= before->stop && e->collected >= before->collected &&
	       e->uncollectable >= before->uncollectable && e->candidates >= before->candidates &&
	       is_same_time(e->duration - before->duration, (double)length(e) / 1e9, e->duration);
}

/* The nth goes to place n of the ring, again and again. */
static bool is_in_place(const struct ring *r, unsigned at)
{
	const struct entry *e = &r->entries[at];

	return e->collections ? is_possible(e) && (uint64_t)e->collections % r->nr == at
			      : at == 0 && is_unused(e);
}

static unsigned before(const struct ring *r, unsigned at)
{
	return (at + r->nr - 1) % r->nr;
}

/* The newest entry that is whole. The one that was begun last may not be. */
static int find_newest(const struct ring *r, unsigned *ret)
{
	for (unsigned i = 0, at = r->index; i < 2; i++, at = before(r, at)) {
		const struct entry *e = &r->entries[at], *older = &r->entries[before(r, at)];

		*ret = at;
		if (is_in_place(r, at) && is_unused(e) && is_unused(older))
			return 0;
		if (is_in_place(r, at) && is_in_place(r, before(r, at)) && follows(e, older))
			return 0;
	}
	return -EAGAIN;
}

/*
 * The place behind the newest may be written again just now: what is half written there has an end
 * or a sum that its follower contradicts.
 */
static int read_chain(const struct ring *r, struct chain *ret)
{
	const struct entry *last;
	unsigned at;
	int err = find_newest(r, &at);

	*ret = (struct chain){ 0 };
	if (err || is_unused(&r->entries[at]))
		return err;
	do {
		ret->of[ret->nr++] = &r->entries[at];
		at = before(r, at);
		/* Before the first one there is an entry that was never written. */
	} while (ret->nr < r->nr && r->entries[at].collections && is_in_place(r, at) &&
		 follows(ret->of[ret->nr - 1], &r->entries[at]));
	last = ret->of[ret->nr - 1];
	/* All but the one that may be written now. */
	if (ret->nr + 1 < r->nr && last->collections > 1)
		return -EAGAIN;
	/* When the oldest one began is held against nothing but the sum. */
	if (last->duration - (double)length(last) / 1e9 < -ROUNDED)
		return -EAGAIN;
	return 0;
}

static int chain_of(const void *bytes, unsigned generation, struct ring *r, struct chain *ret)
{
	int err = generation < GC_PYTHON_GENERATIONS ? copy_ring(bytes, generation, r) : -EAGAIN;

	return err ? err : read_chain(r, ret);
}

static struct gc_python_mark mark_at(const struct entry *e)
{
	return (struct gc_python_mark){ (uint64_t)e->collections, e->duration, e->stop };
}

/* As it was before `e`, whose own part of the sums is known. */
static struct gc_python_mark mark_before(const struct entry *e)
{
	double seconds = e->duration - (double)length(e) / 1e9;

	return (struct gc_python_mark){ (uint64_t)e->collections - 1,
					e->collections > 1 && seconds > 0 ? seconds : 0, e->start };
}

int gc_python_ring_last(const void *bytes, unsigned generation, struct gc_python_mark *ret)
{
	struct chain c;
	struct ring r;
	int err = chain_of(bytes, generation, &r, &c);

	if (err)
		return err;
	*ret = c.nr ? mark_at(c.of[0]) : (struct gc_python_mark){ 0 };
	return 0;
}

int gc_python_ring_before(const void *bytes, unsigned generation, int64_t time,
			  struct gc_python_mark *ret)
{
	struct chain c;
	struct ring r;
	int err = chain_of(bytes, generation, &r, &c);

	if (err)
		return err;
	*ret = (struct gc_python_mark){ 0 };
	for (unsigned i = 0; i < c.nr; i++) {
		if (c.of[i]->start < time) {
			*ret = mark_at(c.of[i]);
			return 0;
		}
	}
	if (!c.nr || c.of[c.nr - 1]->collections == 1)
		return 0;
	*ret = mark_before(c.of[c.nr - 1]);
	return 1;
}

/* Can the interpreter that was at a mark be at this entry's begin now? */
static bool may_lead_to(const struct gc_python_mark *mark, const struct gc_python_mark *from)
{
	if (from->end < mark->end)
		return false;
	return from->seconds > mark->seconds
		       ? from->nr > mark->nr ||
				 is_same_time(from->seconds, mark->seconds, from->seconds)
		       : is_same_time(from->seconds, mark->seconds, from->seconds);
}

int gc_python_ring_news(const void *bytes, unsigned generation, struct gc_python_mark *mark,
			struct gc_python_news *ret)
{
	struct gc_python_news news = { 0 };
	struct gc_python_mark from = { 0 };
	unsigned nr = 0;
	struct chain c;
	struct ring r;
	int err = chain_of(bytes, generation, &r, &c);

	if (err)
		return err;
	if (c.nr)
		from = mark_at(c.of[0]);
	if (from.nr < mark->nr || (from.nr == mark->nr && from.end != mark->end))
		return -ERANGE;
	while (nr < c.nr && (uint64_t)c.of[nr]->collections > mark->nr)
		nr++;
	*ret = news;
	if (!nr)
		return 0;
	from = mark_before(c.of[nr - 1]);
	news.nr_lost = from.nr - mark->nr;
	if (!may_lead_to(mark, &from))
		return -ERANGE;
	if (news.nr_lost && from.seconds > mark->seconds)
		news.lost_ns = (uint64_t)((from.seconds - mark->seconds) * 1e9 + 0.5);
	while (nr) {
		const struct entry *e = c.of[--nr];

		news.pauses[news.nr++] = (struct gc_python_pause){ (uint64_t)length(e), e->stop };
	}
	*mark = mark_at(c.of[0]);
	*ret = news;
	return 0;
}
