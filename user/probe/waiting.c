// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "probe/waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* More than what the libraries of a large program take. */
static const uint64_t MUCH_NS = 500000000;

void waiting_done(struct waiting *w)
{
	free(w->first.files);
	free(w->later.files);
	*w = (struct waiting){ 0 };
}

static bool push(struct waiting_queue *q, const struct waiting_file *f)
{
	if (q->nr == q->cap && q->next) {
		q->nr -= q->next;
		memmove(q->files, q->files + q->next, q->nr * sizeof(*q->files));
		q->next = 0;
	}
	if (q->nr >= WAITING_MOST || array_reserve(q->files, q->cap, q->nr + 1) < 0)
		return false;
	q->files[q->nr++] = *f;
	return true;
}

static bool pop(struct waiting_queue *q, struct waiting_file *ret)
{
	if (q->next == q->nr)
		return false;
	*ret = q->files[q->next++];
	if (q->next == q->nr)
		q->next = q->nr = 0;
	return true;
}

static uint64_t *spent_of(struct waiting *w, uint32_t owner)
{
	return &w->spent[owner % WAITING_OWNERS];
}

bool waiting_add(struct waiting *w, const struct space_key *key, uint64_t address, uint64_t offset)
{
	const struct waiting_file f = { .key = *key, .address = address, .offset = offset };
	size_t before = w->first.next;
	bool added = push(&w->first, &f);

	/* What stood in front was let go. */
	if (before && !w->first.next)
		w->sorted -= before;
	w->refused += !added;
	return added;
}

void waiting_sort(struct waiting *w, uint32_t (*owner)(void *ctx, const struct space_key *key),
		  void *ctx)
{
	struct waiting_queue *q = &w->first;
	size_t to = w->sorted;

	for (size_t i = w->sorted; i < q->nr; i++) {
		struct waiting_file f = q->files[i];

		f.owner = owner(ctx, &f.key);
		if (*spent_of(w, f.owner) <= MUCH_NS)
			q->files[to++] = f;
		else if (!push(&w->later, &f))
			w->refused++;
	}
	w->sorted = q->nr = to;
	if (q->next == q->nr)
		w->sorted = q->next = q->nr = 0;
}

bool waiting_take(struct waiting *w, struct waiting_file *ret)
{
	while (w->first.next < w->sorted) {
		bool any = pop(&w->first, ret);

		if (!w->first.next)
			w->sorted = 0;
		/* It may have cost much since it came. */
		if (any && *spent_of(w, ret->owner) <= MUCH_NS)
			return true;
		if (any && !push(&w->later, ret))
			w->refused++;
	}
	return false;
}

bool waiting_take_later(struct waiting *w, struct waiting_file *ret)
{
	return pop(&w->later, ret);
}

void waiting_spent(struct waiting *w, uint32_t owner, uint64_t ns)
{
	*spent_of(w, owner) += ns;
}

bool waiting_any(const struct waiting *w)
{
	return w->first.next < w->first.nr || w->later.next < w->later.nr;
}

size_t waiting_memory(const struct waiting *w)
{
	return (w->first.cap + w->later.cap) * sizeof(*w->first.files);
}
