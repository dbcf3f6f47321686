// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t size_of(uint32_t cap)
{
	return sizeof(struct ranges) + cap * sizeof(struct range);
}

struct ranges *ranges_share(struct ranges *r)
{
	if (r)
		r->refs++;
	return r;
}

void ranges_drop(struct ranges *r, struct ranges_budget *b)
{
	if (!r || --r->refs)
		return;
	b->used -= size_of(r->cap);
	free(r);
}

static int new_array(struct ranges **ret, uint32_t cap, struct ranges_budget *b)
{
	struct ranges *r;

	if (size_of(cap) > b->max - b->used)
		return -ENOSPC;
	r = malloc(size_of(cap));
	if (!r)
		return -ENOMEM;
	*r = (struct ranges){ .refs = 1, .cap = cap };
	b->used += size_of(cap);
	*ret = r;
	return 0;
}

/* An array that is ours alone and has room for `want` entries, as well as for those it has. */
static int own(struct ranges **r, uint32_t want, struct ranges_budget *b)
{
	uint32_t nr = *r ? (*r)->nr : 0, cap;
	struct ranges *mine;
	int ret;

	want = want > nr ? want : nr;
	cap = want + want / 2 + 4;

	if (want > RANGES_MAX)
		return -ENOSPC;
	if (*r && (*r)->refs == 1 && (*r)->cap >= want)
		return 0;
	ret = new_array(&mine, cap > RANGES_MAX ? RANGES_MAX : cap, b);
	if (ret < 0)
		return ret;
	if (nr)
		memcpy(mine->r, (*r)->r, nr * sizeof(mine->r[0]));
	mine->nr = nr;
	ranges_drop(*r, b);
	*r = mine;
	return 0;
}

static bool runs_on(const struct range *a, const struct range *b)
{
	return a->end == b->start && a->file == b->file &&
	       a->offset + (a->end - a->start) == b->offset;
}

static struct range cut(const struct range *r, uint64_t start, uint64_t end)
{
	return (struct range){ start, end, r->offset + (start - r->start), r->file, 0 };
}

void range_append(struct range *to, uint32_t *nr, const struct range *new)
{
	if (*nr && runs_on(&to[*nr - 1], new))
		to[*nr - 1].end = new->end;
	else
		to[(*nr)++] = *new;
}

/* The first range that ends above `address`. */
static uint32_t first_above(const struct ranges *r, uint64_t address)
{
	uint32_t from = 0, to = r ? r->nr : 0;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (r->r[middle].end > address)
			to = middle;
		else
			from = middle + 1;
	}
	return from;
}

int ranges_insert(struct ranges **r, const struct range *new, struct ranges_budget *b)
{
	uint32_t nr = *r ? (*r)->nr : 0, from = first_above(*r, new->start), to = from, nr_mid = 0;
	struct range mid[3];
	int ret;

	/* Neighbours that only touch are taken along, so that they may be joined. */
	if (from && (*r)->r[from - 1].end == new->start)
		from--;
	while (to < nr && (*r)->r[to].start <= new->end)
		to++;
	if (from < to && (*r)->r[from].start < new->start) {
		struct range left = (*r)->r[from];

		left.end = left.end < new->start ? left.end : new->start;
		range_append(mid, &nr_mid, &left);
	}
	range_append(mid, &nr_mid, new);
	if (from < to && (*r)->r[to - 1].end > new->end) {
		const struct range *last = &(*r)->r[to - 1];
		uint64_t start = last->start > new->end ? last->start : new->end;
		struct range right = cut(last, start, last->end);

		range_append(mid, &nr_mid, &right);
	}
	/* The same again, or a part of what is known: a shared array stays shared. */
	if (nr_mid == to - from && !memcmp(mid, &(*r)->r[from], nr_mid * sizeof(mid[0])))
		return 0;
	ret = own(r, nr - (to - from) + nr_mid, b);
	if (ret < 0)
		return ret;
	if (nr_mid != to - from)
		memmove(&(*r)->r[from + nr_mid], &(*r)->r[to], (nr - to) * sizeof(mid[0]));
	memcpy(&(*r)->r[from], mid, nr_mid * sizeof(mid[0]));
	(*r)->nr = nr - (to - from) + nr_mid;
	return nr_mid == to - from ? 0 : (int)(nr - to);
}

/* All of `winners`, and of `losers` what they leave uncovered. */
static uint32_t paint(struct range *out, const struct range *losers, uint32_t nr_losers,
		      const struct range *winners, uint32_t nr_winners)
{
	uint32_t nr = 0, w = 0;

	for (uint32_t i = 0; i < nr_losers; i++) {
		const struct range *l = &losers[i];
		uint64_t at = l->start;

		while (w < nr_winners && winners[w].start < l->end) {
			if (winners[w].start > at) {
				struct range piece = cut(l, at, winners[w].start);

				range_append(out, &nr, &piece);
			}
			if (winners[w].end > at)
				at = winners[w].end;
			/* One that reaches further meets the next loser too. */
			if (winners[w].end > l->end)
				break;
			range_append(out, &nr, &winners[w++]);
		}
		if (at < l->end) {
			struct range piece = cut(l, at, l->end);

			range_append(out, &nr, &piece);
		}
	}
	while (w < nr_winners)
		range_append(out, &nr, &winners[w++]);
	return nr;
}

int ranges_overlay(struct ranges **r, const struct range *new, uint32_t nr_new, bool replace,
		   struct ranges_budget *b)
{
	const struct range *old = *r ? (*r)->r : NULL;
	uint32_t nr_old = *r ? (*r)->nr : 0, nr;
	struct ranges *mine = NULL;
	struct range *out;
	int ret;

	/* Each winner cuts a loser in two at most. */
	out = malloc(((size_t)nr_old + nr_new) * 2 * sizeof(*out) + 1);
	if (!out)
		return -ENOMEM;
	if (replace)
		nr = paint(out, old, nr_old, new, nr_new);
	else
		nr = paint(out, new, nr_new, old, nr_old);
	ret = 0;
	if (nr == nr_old && (!nr || !memcmp(out, old, nr * sizeof(*out))))
		goto end;
	ret = nr > RANGES_MAX ? -ENOSPC : new_array(&mine, nr, b);
	if (ret < 0)
		goto end;
	memcpy(mine->r, out, nr * sizeof(*out));
	mine->nr = nr;
	ranges_drop(*r, b);
	*r = mine;
	ret = 1;
end:
	free(out);
	return ret;
}

enum ranges_effect ranges_effect(const struct ranges *r, const struct range *new)
{
	uint64_t covered = 0;

	for (uint32_t i = first_above(r, new->start); r && i < r->nr; i++) {
		const struct range *old = &r->r[i];
		uint64_t start = old->start > new->start ? old->start : new->start;

		if (old->start >= new->end)
			break;
		if (old->file != new->file || old->offset - old->start != new->offset - new->start)
			return RANGES_REPLACED;
		covered += (old->end < new->end ? old->end : new->end) - start;
	}
	return covered == new->end - new->start ? RANGES_KNOWN : RANGES_ADDED;
}

const struct range *ranges_find(const struct ranges *r, uint64_t address, uint32_t *hint)
{
	uint32_t i = *hint;

	if (!r)
		return NULL;
	if (i < r->nr && address >= r->r[i].start && address < r->r[i].end)
		return &r->r[i];
	i = first_above(r, address);
	if (i == r->nr || address < r->r[i].start)
		return NULL;
	*hint = i;
	return &r->r[i];
}
