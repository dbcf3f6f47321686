// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/spans.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

/* The spans that contain the address where the sweep stands; the highest rank on top. */
struct heap {
	const struct span **at;
	size_t nr, cap;
};

struct sweep {
	struct heap open;
	struct spans *out;
	size_t cap_starts, cap_values;
	uint64_t at;
};

static int heap_push(struct heap *h, const struct span *s)
{
	size_t i = h->nr;

	if (array_reserve(h->at, h->cap, h->nr + 1) < 0)
		return -ENOMEM;
	h->nr++;
	for (; i && h->at[(i - 1) / 2]->rank < s->rank; i = (i - 1) / 2)
		h->at[i] = h->at[(i - 1) / 2];
	h->at[i] = s;
	return 0;
}

static void heap_pop(struct heap *h)
{
	const struct span *last = h->at[--h->nr];
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < h->nr; i = child) {
		if (child + 1 < h->nr && h->at[child + 1]->rank > h->at[child]->rank)
			child++;
		if (h->at[child]->rank <= last->rank)
			break;
		h->at[i] = h->at[child];
	}
	h->at[i] = last;
}

static int emit(struct sweep *w, uint32_t value)
{
	struct spans *out = w->out;

	if (out->nr ? out->values[out->nr - 1] == value : value == SPAN_NONE)
		return 0;
	if (out->nr == UINT32_MAX || array_reserve(out->starts, w->cap_starts, out->nr + 1u) < 0 ||
	    array_reserve(out->values, w->cap_values, out->nr + 1u) < 0)
		return -ENOMEM;
	out->starts[out->nr] = w->at;
	out->values[out->nr++] = value;
	return 0;
}

/* Emits all up to `until`, where the next span begins. */
static int sweep_to(struct sweep *w, uint64_t until)
{
	while (w->at < until) {
		const struct span *top = w->open.nr ? w->open.at[0] : NULL;

		if (top && top->end <= w->at) {
			heap_pop(&w->open);
			continue;
		}
		if (emit(w, top ? top->value : SPAN_NONE) < 0)
			return -ENOMEM;
		w->at = top && top->end < until ? top->end : until;
	}
	return 0;
}

static int compare_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void sort_spans(struct span *spans, size_t nr)
{
	size_t i = 1;

	while (i < nr && spans[i - 1].start <= spans[i].start)
		i++;
	if (i < nr)
		qsort(spans, nr, sizeof(*spans), compare_start);
}

/* Growing doubled them; what is kept is kept long. */
static void trim(struct spans *s)
{
	uint64_t *starts = reallocarray(s->starts, s->nr + 1u, sizeof(*starts));
	uint32_t *values = reallocarray(s->values, s->nr + 1u, sizeof(*values));

	if (starts)
		s->starts = starts;
	if (values)
		s->values = values;
}

int spans_build(struct spans *ret, struct span *spans, size_t nr)
{
	struct spans out = { 0 };
	struct sweep w = { .out = &out };
	int r = 0;

	sort_spans(spans, nr);
	for (size_t i = 0; i < nr && !r; i++) {
		if (spans[i].end <= spans[i].start)
			continue;
		r = sweep_to(&w, spans[i].start);
		if (!r)
			r = heap_push(&w.open, &spans[i]);
	}
	if (!r)
		r = sweep_to(&w, UINT64_MAX);
	free(w.open.at);
	if (r < 0) {
		spans_done(&out);
		return r;
	}
	trim(&out);
	*ret = out;
	return 0;
}

uint32_t spans_find(const struct spans *s, uint64_t address)
{
	const uint64_t *base = s->starts;
	size_t nr = s->nr;

	if (!nr || address < base[0])
		return SPAN_NONE;
	while (nr > 1) {
		size_t half = nr / 2;

		base += base[half] <= address ? half : 0;
		nr -= half;
	}
	return s->values[base - s->starts];
}

size_t spans_memory(const struct spans *s)
{
	return s->nr * (sizeof(*s->starts) + sizeof(*s->values));
}

void spans_done(struct spans *s)
{
	free(s->starts);
	free(s->values);
	*s = (struct spans){ 0 };
}
