// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/dwarf_segments.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* Ranges that have begun, the largest owner on top; ended ones stay until they come to the top. */
struct heap {
	const struct range **all;
	size_t nr;
};

static void heap_push(struct heap *h, const struct range *r)
{
	size_t i = h->nr++;

	for (; i && h->all[(i - 1) / 2]->owner < r->owner; i = (i - 1) / 2)
		h->all[i] = h->all[(i - 1) / 2];
	h->all[i] = r;
}

static void heap_pop(struct heap *h)
{
	const struct range *last = h->all[--h->nr];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < h->nr) {
		if (child + 1 < h->nr && h->all[child]->owner < h->all[child + 1]->owner)
			child++;
		if (h->all[child]->owner <= last->owner)
			break;
		h->all[i] = h->all[child];
		i = child;
	}
	h->all[i] = last;
}

static int compare_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->owner < y->owner ? -1 : x->owner > y->owner;
}

static void emit(struct segments *s, uint64_t start, uint32_t owner)
{
	if (s->nr ? s->all[s->nr - 1].owner == owner : owner == SEGMENT_NONE)
		return;
	s->all[s->nr++] = (struct segment){ start, owner };
}

int segments_paint(struct segments *ret, struct range *ranges, size_t nr)
{
	_cleanup_free_ const struct range **heap = NULL;
	struct segments s = { 0 };
	struct segment *fit;
	struct heap h;
	size_t i = 0;

	*ret = s;
	if (!nr)
		return 0;
	heap = calloc(nr, sizeof(struct range *));
	s.all = calloc(nr, 2 * sizeof(*s.all));
	if (!heap || !s.all) {
		free(s.all);
		return -ENOMEM;
	}
	h = (struct heap){ heap, 0 };
	qsort(ranges, nr, sizeof(*ranges), compare_start);
	for (uint64_t at = ranges[0].start;;) {
		for (; i < nr && ranges[i].start <= at; i++)
			if (ranges[i].end > at)
				heap_push(&h, &ranges[i]);
		while (h.nr && h.all[0]->end <= at)
			heap_pop(&h);
		emit(&s, at, h.nr ? h.all[0]->owner : SEGMENT_NONE);
		if (!h.nr && i == nr)
			break;
		at = h.nr ? h.all[0]->end : ranges[i].start;
		if (i < nr && ranges[i].start < at)
			at = ranges[i].start;
	}
	fit = realloc(s.all, (s.nr ? s.nr : 1) * sizeof(*s.all));
	*ret = (struct segments){ fit ? fit : s.all, s.nr };
	return 0;
}

void segments_done(struct segments *s)
{
	free(s->all);
	*s = (struct segments){ 0 };
}

uint32_t segments_find(const struct segments *s, uint64_t address)
{
	const struct segment *at = s->all;

	if (!s->nr || address < at->start)
		return SEGMENT_NONE;
	/* Without a branch that depends on the data: half of those would be guessed wrong. */
	for (size_t nr = s->nr; nr > 1;) {
		size_t half = nr / 2;

		at = at[half].start <= address ? at + half : at;
		nr -= half;
	}
	return at->owner;
}
