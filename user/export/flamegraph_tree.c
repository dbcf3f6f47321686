// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "export/flamegraph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* A sample's functions from the thread to the leaf, in struct paths' words. */
struct path {
	const uint32_t *functions;
	uint32_t nr;
	uint64_t value;
};

struct paths {
	struct path *paths;
	uint32_t nr;
	uint32_t *words;
};

static void paths_done(struct paths *t)
{
	free(t->paths);
	free(t->words);
}

/* Any order will do that puts equal beginnings side by side, and memcmp() is the fastest. */
static int compare_paths(const void *a, const void *b)
{
	const struct path *x = a, *y = b;
	const uint32_t nr = x->nr < y->nr ? x->nr : y->nr;
	int r = memcmp(x->functions, y->functions, nr * sizeof(*x->functions));

	return r ? r : (x->nr > y->nr) - (x->nr < y->nr);
}

static int collect_paths(const struct profile *p, const struct flame_ids *ids, struct paths *ret)
{
	size_t nr_words = 0, at = 0;
	uint32_t nr = profile_nr_samples(p);

	for (uint32_t i = 0; i < nr; i++)
		nr_words += 1u + profile_stack_at(p, profile_sample_at(p, i)->stack).nr;
	if (nr_words >= FLAME_NONE)
		return -EFBIG;
	ret->words = malloc((nr_words + 1) * sizeof(*ret->words));
	ret->paths = malloc((nr + 1u) * sizeof(*ret->paths));
	if (!ret->words || !ret->paths)
		return -ENOMEM;
	for (uint32_t i = 0; i < nr; i++) {
		const struct sample *s = profile_sample_at(p, i);
		const struct stack stack = profile_stack_at(p, s->stack);
		const uint64_t value = profile_value(p, s, 0);

		if (!value)
			continue;
		ret->paths[ret->nr++] = (struct path){ ret->words + at, stack.nr + 1u, value };
		ret->words[at++] = ids->who[s->who];
		for (uint32_t j = stack.nr; j-- > 0;)
			ret->words[at++] = ids->frame[stack.frames[j]];
	}
	qsort(ret->paths, ret->nr, sizeof(*ret->paths), compare_paths);
	return 0;
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint32_t common_prefix(const struct path *a, const struct path *b)
{
	uint32_t n = 0;

	while (n < a->nr && n < b->nr && a->functions[n] == b->functions[n])
		n++;
	return n;
}

/* Sorted paths are the tree in depth-first order: each adds what its predecessor has not. */
static int add_nodes(struct flame *f, const struct paths *paths)
{
	uint32_t nr = 1, at = 0;

	for (uint32_t i = 0; i < paths->nr; i++)
		nr += paths->paths[i].nr -
		      (i ? common_prefix(&paths->paths[i - 1], &paths->paths[i]) : 0);
	f->nodes = calloc(nr, sizeof(*f->nodes));
	if (!f->nodes)
		return -ENOMEM;
	f->nr_nodes = 1;
	f->nodes[0] = (struct flame_node){ .parent = FLAME_NONE };
	for (uint32_t i = 0; i < paths->nr; i++) {
		const struct path *path = &paths->paths[i];
		uint32_t same = i ? common_prefix(path - 1, path) : 0;

		while (f->nodes[at].depth > same)
			at = f->nodes[at].parent;
		for (; same < path->nr; same++) {
			f->nodes[f->nr_nodes] = (struct flame_node){
				.function = path->functions[same], .depth = same + 1, .parent = at
			};
			at = f->nr_nodes++;
		}
		f->nodes[at].self = add_saturated(f->nodes[at].self, path->value);
		f->depth = path->nr > f->depth ? path->nr : f->depth;
	}
	return 0;
}

static int compare_siblings(const void *a, const void *b, void *nodes)
{
	const struct flame_node *x = (struct flame_node *)nodes + *(const uint32_t *)a;
	const struct flame_node *y = (struct flame_node *)nodes + *(const uint32_t *)b;

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return (x->function > y->function) - (x->function < y->function);
}

static void sum_and_link(struct flame *f)
{
	for (uint32_t i = 0; i < f->nr_nodes; i++)
		f->nodes[i].first = f->nodes[i].next = FLAME_NONE;
	for (uint32_t i = f->nr_nodes; i-- > 0;) {
		struct flame_node *n = &f->nodes[i];
		uint64_t *of_kind = &f->kind_self[f->functions[n->function].kind];

		n->total = add_saturated(n->total, n->self);
		*of_kind = add_saturated(*of_kind, n->self);
		if (i) {
			struct flame_node *parent = &f->nodes[n->parent];

			parent->total = add_saturated(parent->total, n->total);
			n->next = parent->first;
			parent->first = i;
		}
	}
}

/* Links siblings anew, those of the greatest total first. */
static int sort_siblings(struct flame *f)
{
	_cleanup_free_ uint32_t *siblings = NULL;
	uint32_t cap = 0;

	for (uint32_t i = 0; i < f->nr_nodes; i++) {
		uint32_t nr = 0;

		for (uint32_t c = f->nodes[i].first; c != FLAME_NONE; c = f->nodes[c].next) {
			if (array_reserve(siblings, cap, nr + 1u) < 0)
				return -ENOMEM;
			siblings[nr++] = c;
		}
		if (nr < 2)
			continue;
		qsort_r(siblings, nr, sizeof(*siblings), compare_siblings, f->nodes);
		f->nodes[i].first = siblings[0];
		for (uint32_t j = 0; j < nr; j++)
			f->nodes[siblings[j]].next = j + 1 < nr ? siblings[j + 1] : FLAME_NONE;
	}
	return 0;
}

uint32_t flame_next(const struct flame *f, uint32_t node, bool past_children)
{
	if (!past_children && f->nodes[node].first != FLAME_NONE)
		return f->nodes[node].first;
	while (node && f->nodes[node].next == FLAME_NONE)
		node = f->nodes[node].parent;
	return node ? f->nodes[node].next : FLAME_NONE;
}

int flame_init(struct flame *f, const struct profile *p, const struct export_settings *settings)
{
	struct flame_ids ids = { 0 };
	struct paths paths = { 0 };
	int r;

	*f = (struct flame){ .profile = p };
	r = flame_functions(f, settings, &ids);
	if (r >= 0)
		r = collect_paths(p, &ids, &paths);
	if (r >= 0)
		r = add_nodes(f, &paths);
	paths_done(&paths);
	flame_ids_done(&ids);
	if (r >= 0) {
		sum_and_link(f);
		r = sort_siblings(f);
	}
	if (r < 0)
		flame_done(f);
	return r;
}

void flame_done(struct flame *f)
{
	free(f->functions);
	free(f->nodes);
	strbuf_done(&f->names);
	*f = (struct flame){ 0 };
}
