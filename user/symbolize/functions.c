// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/functions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/intern.h"
#include "symbolize/functions_table.h"

/* What is kept of all symbols that match, until it is known that they are too many. */
enum { MAX_CANDIDATES = 1 << 20 };

struct candidate {
	uint64_t address, offset, size;
	uint32_t rank, name; /* in `names`; UINT32_MAX: no longer kept */
};

struct finding {
	const struct functions_query *query;
	struct functions *ret;
	struct candidate *all;
	size_t nr, cap;
	struct intern names;
	struct strbuf scratch;
};

static bool is_wanted(struct finding *f, const struct function_symbol *s)
{
	for (size_t i = 0; i < f->query->nr_patterns; i++)
		if (function_pattern_match(&f->query->patterns[i], s->name, s->name_size,
					   &f->scratch))
			return true;
	return false;
}

static int keep(void *ctx, const struct function_symbol *s)
{
	struct finding *f = ctx;
	struct candidate c = { .address = s->address,
			       .offset = s->offset,
			       .size = s->size,
			       .rank = s->rank,
			       .name = UINT32_MAX };

	if (!is_wanted(f, s))
		return 0;
	if (s->is_indirect) {
		f->ret->nr_indirect++;
		return 0;
	}
	if (f->nr == MAX_CANDIDATES)
		return -E2BIG;
	if (array_reserve(f->all, f->cap, f->nr + 1) < 0)
		return -ENOMEM;
	/* Each may have a few names; with more than that they are too many. */
	if (f->names.count <= 4 * f->query->max &&
	    intern_add(&f->names, s->name, s->name_size, &c.name) < 0)
		return -ENOMEM;
	f->all[f->nr++] = c;
	return 0;
}

/* By address, the best name of one first. */
static int compare(const void *a, const void *b, void *ctx)
{
	const struct candidate *x = a, *y = b;
	const struct finding *f = ctx;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	if (x->name == y->name || x->name == UINT32_MAX || y->name == UINT32_MAX)
		return x->name < y->name ? -1 : x->name > y->name;
	return strcmp(intern_bytes(&f->names, x->name), intern_bytes(&f->names, y->name));
}

static void choose(struct finding *f)
{
	size_t nr = 0;

	if (f->nr)
		qsort_r(f->all, f->nr, sizeof(*f->all), compare, f);
	for (size_t i = 0; i < f->nr; i++)
		if (!nr || f->all[nr - 1].address != f->all[i].address)
			f->all[nr++] = f->all[i];
	f->nr = nr;
}

static int hand_over(struct finding *f)
{
	struct functions *ret = f->ret;

	ret->nr_matched = f->nr;
	if (f->nr > f->query->max)
		return -E2BIG;
	ret->all = calloc(f->nr + 1, sizeof(*ret->all));
	if (!ret->all)
		return -ENOMEM;
	for (size_t i = 0; i < f->nr; i++) {
		const struct candidate *c = &f->all[i];

		/* More names than functions were kept: too many for one address. */
		if (c->name == UINT32_MAX)
			return -E2BIG;
		ret->all[i] = (struct function){ c->address, c->offset, c->size, NULL };
		ret->all[i].name = strdup(intern_bytes(&f->names, c->name));
		if (!ret->all[i].name)
			return -ENOMEM;
		ret->nr = i + 1;
	}
	return 0;
}

int functions_find(struct functions *ret, const struct functions_query *q)
{
	struct finding f = { .query = q, .ret = ret, .names = INTERN_INIT };
	int r;

	*ret = (struct functions)FUNCTIONS_INIT;
	r = functions_each(q, ret, keep, &f);
	if (r >= 0 || r == -E2BIG) {
		int chosen;

		choose(&f);
		chosen = hand_over(&f);
		r = r < 0 ? r : chosen;
	}
	free(f.all);
	intern_done(&f.names);
	strbuf_done(&f.scratch);
	return r;
}

void functions_done(struct functions *f)
{
	for (size_t i = 0; i < f->nr; i++)
		free(f->all[i].name);
	free(f->all);
	*f = (struct functions)FUNCTIONS_INIT;
}
