// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/intern.h"
#include "model/label.h"
#include "model/summary.h"

struct pair {
	uint32_t function, frame;
};

struct sums {
	const struct profile *p;
	struct called *out;
	struct intern functions, pairs; /* frame; struct pair */
	uint32_t cap_functions, cap_callers;
	unsigned value;
};

/* The label's value; NULL: it has none. */
static const char *sum_of(const struct profile *p, uint32_t labels)
{
	struct label_set set = profile_labels_at(p, labels);

	for (uint32_t i = 0; i < set.nr; i++)
		if (!strcmp(profile_string_at(p, set.labels[i].name), LABEL_SUM))
			return profile_string_at(p, set.labels[i].value);
	return NULL;
}

bool summary_has_calls(const struct profile *p)
{
	for (uint32_t i = 0; i < profile_nr_label_sets(p); i++)
		if (sum_of(p, i))
			return true;
	return false;
}

static int find_function(struct sums *s, uint32_t frame, struct called_function **ret)
{
	struct called *out = s->out;
	uint32_t at;
	int r = intern_add(&s->functions, &frame, sizeof(frame), &at);

	if (r < 0 || array_reserve(out->functions, s->cap_functions, at + 1u) < 0)
		return -ENOMEM;
	if (r) {
		out->functions[at] = (struct called_function){ .frame = frame };
		out->nr_functions++;
	}
	*ret = &out->functions[at];
	return 0;
}

static int find_caller(struct sums *s, uint32_t function, uint32_t frame, struct called_from **ret)
{
	struct pair pair = { function, frame };
	struct called *out = s->out;
	uint32_t at;
	int r = intern_add(&s->pairs, &pair, sizeof(pair), &at);

	if (r < 0 || array_reserve(out->callers, s->cap_callers, at + 1u) < 0)
		return -ENOMEM;
	if (r) {
		out->callers[at] = (struct called_from){ .function = function, .frame = frame };
		out->nr_callers++;
	}
	*ret = &out->callers[at];
	return 0;
}

static void add_self(struct call_cost *c, const struct sums *s, const struct sample *sample)
{
	c->calls += sample->count;
	c->self += profile_value(s->p, sample, s->value);
}

static void add_total(struct call_cost *c, const struct sums *s, const struct sample *sample)
{
	c->primitive += sample->count;
	c->total += profile_value(s->p, sample, s->value);
}

/* A stack is a function and, where there is one, its caller. */
static int add_sample(struct sums *s, const struct sample *sample)
{
	struct stack stack = profile_stack_at(s->p, sample->stack);
	const char *sum = sum_of(s->p, sample->labels);
	struct called_from *caller = NULL;
	struct called_function *f;
	int r;

	if (!sum || !stack.nr)
		return 0;
	r = find_function(s, stack.frames[0], &f);
	if (r >= 0 && stack.nr > 1)
		r = find_caller(s, (uint32_t)(f - s->out->functions), stack.frames[1], &caller);
	if (r < 0)
		return r;
	if (!strcmp(sum, LABEL_SUM_SELF)) {
		add_self(&f->cost, s, sample);
		if (caller)
			add_self(&caller->cost, s, sample);
	} else if (!strcmp(sum, LABEL_SUM_ALL)) {
		add_total(&f->cost, s, sample);
	} else if (!strcmp(sum, LABEL_SUM_BY_CALLER) && caller) {
		add_total(&caller->cost, s, sample);
	}
	return 0;
}

static int by_cost(const struct call_cost *x, const struct call_cost *y)
{
	if (x->self != y->self)
		return x->self < y->self ? 1 : -1;
	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return (x->calls < y->calls) - (x->calls > y->calls);
}

static int by_function(const void *a, const void *b)
{
	const struct called_function *x = a, *y = b;
	int r = by_cost(&x->cost, &y->cost);

	return r ? r : (x->frame > y->frame) - (x->frame < y->frame);
}

static int by_caller(const void *a, const void *b)
{
	const struct called_from *x = a, *y = b;
	int r = (x->function > y->function) - (x->function < y->function);

	if (!r)
		r = by_cost(&x->cost, &y->cost);
	return r ? r : (x->frame > y->frame) - (x->frame < y->frame);
}

/* By `first`, which has been each function's place before. */
static int sort(struct called *c)
{
	_cleanup_free_ uint32_t *now = calloc(c->nr_functions + 1u, sizeof(*now));

	if (!now)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->nr_functions; i++)
		c->functions[i].first = i;
	if (c->nr_functions)
		qsort(c->functions, c->nr_functions, sizeof(*c->functions), by_function);
	for (uint32_t i = 0; i < c->nr_functions; i++)
		now[c->functions[i].first] = i;
	for (uint32_t i = 0; i < c->nr_callers; i++)
		c->callers[i].function = now[c->callers[i].function];
	if (c->nr_callers)
		qsort(c->callers, c->nr_callers, sizeof(*c->callers), by_caller);
	for (uint32_t i = 0; i < c->nr_functions; i++)
		c->functions[i].first = 0;
	for (uint32_t i = c->nr_callers; i--;)
		c->functions[c->callers[i].function].first = i;
	for (uint32_t i = 0; i < c->nr_callers; i++)
		c->functions[c->callers[i].function].nr++;
	return 0;
}

int summary_calls(const struct profile *p, struct called *ret)
{
	struct called made = { 0 };
	struct sums s = { .p = p,
			  .out = &made,
			  .value = !strcmp(profile_facts(p)->values[0].unit, "count") };
	int r = 0;

	for (uint32_t i = 0; i < profile_nr_samples(p) && r >= 0; i++)
		r = add_sample(&s, profile_sample_at(p, i));
	if (r >= 0)
		r = sort(&made);
	intern_done(&s.functions);
	intern_done(&s.pairs);
	if (r < 0)
		summary_calls_done(&made);
	else
		*ret = made;
	return r < 0 ? r : 0;
}

void summary_calls_done(struct called *c)
{
	free(c->functions);
	free(c->callers);
	*c = (struct called){ 0 };
}
