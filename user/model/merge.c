// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Adding one profile to another: every id of the one is looked up in the other, once. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/label.h"

#include "model/profile.h"

struct merge {
	struct profile *into;
	const struct profile *from;
	uint32_t *strings, *mappings, *frames, *stacks, *whos, *labels; /* from's id → into's */
	bool interpreted; /* stacks with frames of an interpreter keep only these, and marks */
	bool calls_once;  /* leaves out samples of calls that others are of, too */
};

static int merge_strings(struct merge *m)
{
	for (uint32_t i = 0; i < profile_nr_strings(m->from); i++) {
		int r = profile_string(m->into, profile_string_at(m->from, i), &m->strings[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int merge_mappings(struct merge *m)
{
	for (uint32_t i = 0; i < profile_nr_mappings(m->from); i++) {
		struct mapping copy = *profile_mapping_at(m->from, i);
		int r;

		copy.path = m->strings[copy.path];
		copy.build_id = m->strings[copy.build_id];
		r = profile_mapping(m->into, &copy, &m->mappings[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int merge_frames(struct merge *m)
{
	for (uint32_t i = 0; i < profile_nr_frames(m->from); i++) {
		struct frame copy = *profile_frame_at(m->from, i);
		int r;

		copy.function = m->strings[copy.function];
		copy.file = m->strings[copy.file];
		if (copy.mapping)
			copy.mapping = m->mappings[copy.mapping - 1] + 1;
		r = profile_frame(m->into, &copy, &m->frames[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Marks say what is missing between frames. */
static bool is_kept(const struct merge *m, uint32_t frame)
{
	enum frame_kind kind = profile_frame_at(m->from, frame)->kind;

	return kind == FRAME_INTERPRETER || kind == FRAME_MARK;
}

static bool is_interpreted(const struct merge *m, uint32_t frame)
{
	return profile_frame_at(m->from, frame)->kind == FRAME_INTERPRETER;
}

/* The stack's frames as ids of `into`: how many there are. */
static uint32_t convert_stack(const struct merge *m, const struct stack *s, uint32_t *frames)
{
	bool reduce = false;
	uint32_t nr = 0;

	for (uint32_t k = 0; m->interpreted && k < s->nr && !reduce; k++)
		reduce = is_interpreted(m, s->frames[k]);
	for (uint32_t k = 0; k < s->nr; k++)
		if (!reduce || is_kept(m, s->frames[k]))
			frames[nr++] = m->frames[s->frames[k]];
	return nr;
}

static int merge_stacks(struct merge *m)
{
	for (uint32_t i = 0; i < profile_nr_stacks(m->from); i++) {
		struct stack s = profile_stack_at(m->from, i);
		_cleanup_free_ uint32_t *frames = calloc(s.nr + 1u, sizeof(*frames));
		int r;

		if (!frames)
			return -ENOMEM;
		s.nr = convert_stack(m, &s, frames);
		r = profile_stack(m->into, &(struct stack){ s.nr, frames }, &m->stacks[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int merge_whos(struct merge *m)
{
	for (uint32_t i = 0; i < profile_nr_whos(m->from); i++) {
		struct who copy = *profile_who_at(m->from, i);
		int r;

		copy.comm = m->strings[copy.comm];
		copy.container = m->strings[copy.container];
		copy.cgroup = m->strings[copy.cgroup];
		r = profile_who(m->into, &copy, &m->whos[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int merge_labels(struct merge *m)
{
	for (uint32_t i = 0; i < profile_nr_label_sets(m->from); i++) {
		struct label_set l = profile_labels_at(m->from, i);
		_cleanup_free_ struct label *labels = calloc(l.nr + 1u, sizeof(*labels));
		int r;

		if (!labels)
			return -ENOMEM;
		for (uint32_t k = 0; k < l.nr; k++)
			labels[k] = (struct label){ m->strings[l.labels[k].name],
						    m->strings[l.labels[k].value] };
		r = profile_labels(m->into, &(struct label_set){ l.nr, labels }, &m->labels[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * `value` times `scale`, rounded; what rounding took or gave goes to the next one, so that
 * many small samples do not vanish and the sum stays right.
 */
static uint64_t scale_value(uint64_t value, double scale, double *rest)
{
	double scaled, whole;

	/* 1 is the common case, and a double would lose the last bits of a large total. */
	if (scale == 1)
		return value;
	scaled = (double)value * scale + *rest;
	whole = floor(scaled + 0.5);
	if (whole < 0)
		whole = 0;
	if (whole >= 0x1p64)
		return UINT64_MAX;
	*rest = scaled - whole;
	return (uint64_t)whole;
}

/* Does a sample sum up calls that another one stands for? */
static bool is_repeated(const struct profile *p, uint32_t labels)
{
	struct label_set set = profile_labels_at(p, labels);

	for (uint32_t i = 0; i < set.nr; i++)
		if (!strcmp(profile_string_at(p, set.labels[i].name), LABEL_SUM))
			return strcmp(profile_string_at(p, set.labels[i].value), LABEL_SUM_SELF);
	return false;
}

static int merge_samples(struct merge *m, double scale)
{
	double count_rest = 0, total_rest = 0;

	for (uint32_t i = 0; i < profile_nr_samples(m->from); i++) {
		struct sample copy = *profile_sample_at(m->from, i);
		int r;

		if (m->calls_once && is_repeated(m->from, copy.labels))
			continue;
		copy.stack = m->stacks[copy.stack];
		copy.who = m->whos[copy.who];
		copy.labels = m->labels[copy.labels];
		copy.count = scale_value(copy.count, scale, &count_rest);
		copy.total = scale_value(copy.total, scale, &total_rest);
		r = profile_add(m->into, &copy);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * What was measured after `into`, for whose time nothing is known of a process that was there,
 * leaves unknown how much CPU time it used in all.
 */
static int merge_times(const struct merge *m, uint64_t into_ns, double scale)
{
	const struct process_times *from = profile_times(m->from), *into = profile_times(m->into);
	double wall_rest = 0, cpu_rest = 0;

	for (uint32_t i = 0; i < from->pids.count; i++) {
		struct process_time time = from->all[i];
		bool missed = into_ns && !time.began && !process_times_find(into, time.pid);
		int r;

		time.wall_ns = scale_value(time.wall_ns, scale, &wall_rest);
		if (missed)
			time.wall_ns += into_ns;
		if (missed)
			time.cpu_ns = TIME_UNKNOWN;
		if (time.cpu_ns != TIME_UNKNOWN)
			time.cpu_ns = scale_value(time.cpu_ns, scale, &cpu_rest);
		r = profile_add_time(m->into, &time);
		if (r < 0)
			return r;
	}
	return 0;
}

static int merge_all(struct merge *m, uint64_t into_ns, double scale)
{
	const struct profile *from = m->from;
	uint32_t nr[] = { profile_nr_strings(from), profile_nr_mappings(from),
			  profile_nr_frames(from),  profile_nr_stacks(from),
			  profile_nr_whos(from),    profile_nr_label_sets(from) };
	uint32_t **maps[] = { &m->strings, &m->mappings, &m->frames,
			      &m->stacks,  &m->whos,	 &m->labels };
	_cleanup_free_ uint32_t *all = NULL;
	size_t total = 0;
	int r;

	for (size_t i = 0; i < 6; i++)
		total += nr[i];
	all = calloc(total + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (size_t i = 0, at = 0; i < 6; at += nr[i++])
		*maps[i] = all + at;
	if ((r = merge_strings(m)) < 0 || (r = merge_mappings(m)) < 0 ||
	    (r = merge_frames(m)) < 0 || (r = merge_stacks(m)) < 0 || (r = merge_whos(m)) < 0 ||
	    (r = merge_labels(m)) < 0)
		return r;
	r = merge_times(m, into_ns, scale);
	return r < 0 ? r : merge_samples(m, scale);
}

int profile_merge(struct profile *into, const struct profile *from, double scale)
{
	struct merge m = { .into = into, .from = from };
	int r;

	if (strcmp(profile_facts(into)->mode, profile_facts(from)->mode))
		return -EINVAL;
	r = merge_all(&m, profile_facts(into)->duration_ns, scale);
	if (r < 0)
		return r;
	quality_merge(&profile_info(into)->quality, &profile_facts(from)->quality);
	profile_info(into)->duration_ns += profile_facts(from)->duration_ns;
	return 0;
}

/* `m`: how; of `m->from`. */
static int copy(struct merge *m, struct profile **ret)
{
	_cleanup_(profile_freep) struct profile *into = NULL;
	int r = profile_new(&into, profile_facts(m->from));

	m->into = into;
	if (r >= 0)
		r = merge_all(m, 0, 1);
	if (r < 0)
		return r;
	*ret = into;
	into = NULL;
	return 0;
}

int profile_interpreted(const struct profile *from, struct profile **ret)
{
	struct merge m = { .from = from, .interpreted = true };

	return copy(&m, ret);
}

int profile_calls_once(const struct profile *from, struct profile **ret)
{
	struct merge m = { .from = from, .calls_once = true };

	return copy(&m, ret);
}
