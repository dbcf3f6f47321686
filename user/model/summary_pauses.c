// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "model/label.h"

struct sum_key {
	uint32_t pid, set;
};

/* Sums in the making: by id of their keys, and of their pids. */
struct builder {
	const struct profile *p;
	struct pauses *out;
	struct intern sums, pids;
	uint32_t *set_of; /* label set of the profile → of out->sets */
	uint32_t *sum_of; /* sample → sum */
	uint64_t *of_who; /* who → total */
	uint32_t cap_sums, cap_processes;
};

static bool tells_apart(const struct profile *p, const struct label *l, const char *by)
{
	const char *name = profile_string_at(p, l->name);

	return by ? !strcmp(name, by) : strcmp(name, LABEL_TASK) != 0;
}

static int reduce_sets(struct builder *b, const char *by)
{
	for (uint32_t i = 0; i < profile_nr_label_sets(b->p); i++) {
		struct label_set from = profile_labels_at(b->p, i);
		_cleanup_free_ struct label *kept = calloc(from.nr + 1u, sizeof(*kept));
		uint32_t nr = 0;

		if (!kept)
			return -ENOMEM;
		for (uint32_t k = 0; k < from.nr; k++)
			if (tells_apart(b->p, &from.labels[k], by))
				kept[nr++] = from.labels[k];
		if (intern_add(&b->out->sets, kept, nr * sizeof(*kept), &b->set_of[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static struct label_set set_at(const struct pauses *s, uint32_t id)
{
	return (struct label_set){ .nr = (uint32_t)(intern_size(&s->sets, id) /
						    sizeof(struct label)),
				   .labels = intern_bytes(&s->sets, id) };
}

static int find_process(struct builder *b, uint32_t who, uint32_t *ret)
{
	uint32_t pid = profile_who_at(b->p, who)->pid;
	struct pauses *s = b->out;
	int r = intern_add(&b->pids, &pid, sizeof(pid), ret);

	if (r < 0 || array_reserve(s->processes, b->cap_processes, b->pids.count) < 0)
		return -ENOMEM;
	if (r)
		s->processes[s->nr_processes++] = (struct pause_process){ .pid = pid, .who = who };
	return 0;
}

static int add_sample(struct builder *b, uint32_t id)
{
	const struct sample *sample = profile_sample_at(b->p, id);
	struct sum_key key = { profile_who_at(b->p, sample->who)->pid, b->set_of[sample->labels] };
	struct pauses *s = b->out;
	uint32_t process, sum;
	int r = find_process(b, sample->who, &process);

	if (r < 0)
		return r;
	r = intern_add(&b->sums, &key, sizeof(key), &sum);
	if (r < 0 || array_reserve(s->sums, b->cap_sums, b->sums.count) < 0)
		return -ENOMEM;
	if (r)
		s->sums[s->nr_sums++] = (struct pause_sum){ .process = process,
							    .labels = set_at(s, key.set) };
	b->sum_of[id] = sum;
	b->of_who[sample->who] += sample->total;
	s->sums[sum].nr++;
	s->sums[sum].count += sample->count;
	s->sums[sum].total += sample->total;
	s->processes[process].nr++;
	s->processes[process].count += sample->count;
	s->processes[process].total += sample->total;
	if (b->of_who[sample->who] > b->of_who[s->processes[process].who])
		s->processes[process].who = sample->who;
	return 0;
}

/* Gives each sum its own part of `samples`. */
static void sort_samples(struct builder *b)
{
	struct pauses *s = b->out;

	for (uint32_t i = 0, first = 0; i < s->nr_sums; i++) {
		s->sums[i].first = first;
		first += s->sums[i].nr;
		s->sums[i].nr = 0;
	}
	for (uint32_t i = 0; i < profile_nr_samples(b->p); i++) {
		struct pause_sum *sum = &s->sums[b->sum_of[i]];

		s->samples[sum->first + sum->nr++] = i;
	}
}

static int compare_totals(uint64_t a_total, uint64_t a_count, uint64_t b_total, uint64_t b_count)
{
	if (a_total != b_total)
		return a_total > b_total ? -1 : 1;
	return (a_count < b_count) - (a_count > b_count);
}

static int by_process_total(const void *a, const void *b)
{
	const struct pause_process *x = a, *y = b;
	int r = compare_totals(x->total, x->count, y->total, y->count);

	return r ? r : (x->pid > y->pid) - (x->pid < y->pid);
}

static int by_process_and_total(const void *a, const void *b, void *profile)
{
	const struct pause_sum *x = a, *y = b;
	int r;

	if (x->process != y->process)
		return x->process < y->process ? -1 : 1;
	r = compare_totals(x->total, x->count, y->total, y->count);
	return r ? r : summary_compare_labels(profile, &x->labels, &y->labels);
}

static int sort_sums(struct builder *b)
{
	struct pauses *s = b->out;
	_cleanup_free_ uint32_t *rank = calloc(s->nr_processes + 1u, sizeof(*rank));

	if (!rank)
		return -ENOMEM;
	if (!s->nr_processes)
		return 0;
	qsort(s->processes, s->nr_processes, sizeof(*s->processes), by_process_total);
	for (uint32_t i = 0; i < s->nr_processes; i++) {
		uint32_t id = 0;

		intern_find(&b->pids, &s->processes[i].pid, sizeof(uint32_t), &id);
		rank[id] = i;
		s->processes[i].nr = 0;
	}
	for (uint32_t i = 0; i < s->nr_sums; i++)
		s->sums[i].process = rank[s->sums[i].process];
	qsort_r(s->sums, s->nr_sums, sizeof(*s->sums), by_process_and_total,
		(void *)(uintptr_t)b->p);
	for (uint32_t i = 0; i < s->nr_sums; i++) {
		struct pause_process *process = &s->processes[s->sums[i].process];

		if (!process->nr++)
			process->first = i;
	}
	return 0;
}

bool summary_has_pauses(const struct profile *p)
{
	for (uint32_t i = 0; i < profile_nr_label_sets(p); i++) {
		struct label_set set = profile_labels_at(p, i);

		for (uint32_t k = 0; k < set.nr; k++)
			if (!strcmp(profile_string_at(p, set.labels[k].name), LABEL_RUNTIME))
				return true;
	}
	return false;
}

int summary_pauses(const struct profile *p, const char *by, struct pauses *ret)
{
	struct pauses s = { 0 };
	struct builder b = { .p = p, .out = &s };
	int r = -ENOMEM;

	b.set_of = calloc(profile_nr_label_sets(p) + 1u, sizeof(*b.set_of));
	b.sum_of = calloc(profile_nr_samples(p) + 1u, sizeof(*b.sum_of));
	b.of_who = calloc(profile_nr_whos(p) + 1u, sizeof(*b.of_who));
	s.samples = calloc(profile_nr_samples(p) + 1u, sizeof(*s.samples));
	if (b.set_of && b.sum_of && b.of_who && s.samples)
		r = reduce_sets(&b, by);
	for (uint32_t i = 0; i < profile_nr_samples(p) && r >= 0; i++)
		r = add_sample(&b, i);
	if (r >= 0) {
		sort_samples(&b);
		r = sort_sums(&b);
	}
	free(b.set_of);
	free(b.sum_of);
	free(b.of_who);
	intern_done(&b.sums);
	intern_done(&b.pids);
	if (r < 0)
		summary_pauses_done(&s);
	else
		*ret = s;
	return r;
}

void summary_pauses_done(struct pauses *s)
{
	free(s->processes);
	free(s->sums);
	free(s->samples);
	intern_done(&s->sets);
	*s = (struct pauses){ 0 };
}

bool summary_pauses_hist(const struct profile *p, const struct pauses *s,
			 const struct pause_sum *sum, struct hist *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (uint32_t i = 0; i < sum->nr; i++) {
		const struct sample *sample = profile_sample_at(p, s->samples[sum->first + i]);

		if (sample->bucket != BUCKET_NONE)
			hist_add(ret, sample->bucket, sample->count, sample->total, sample->min,
				 sample->max);
	}
	return ret->count != 0;
}

const struct process_time *summary_pauses_time(const struct profile *p,
					       const struct pause_process *process)
{
	return process_times_find(profile_times(p), process->pid);
}
