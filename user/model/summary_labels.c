// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model/summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "model/label.h"
/* The set that holds only the labels called `by` of `set`. */
static int reduce_set(struct profile *p, uint32_t set, const char *by, uint32_t *ret_set)
{
	struct label_set from = profile_labels_at(p, set);
	_cleanup_free_ struct label *kept = calloc(from.nr + 1u, sizeof(*kept));
	uint32_t nr = 0;

	if (!kept)
		return -ENOMEM;
	for (uint32_t i = 0; i < from.nr; i++)
		if (!strcmp(profile_string_at(p, from.labels[i].name), by))
			kept[nr++] = from.labels[i];
	return profile_labels(p, &(struct label_set){ nr, kept }, ret_set);
}

static int add_sample(struct label_sum *row, const struct sample *s)
{
	row->count += s->count;
	row->total += s->total;
	if (s->bucket == BUCKET_NONE)
		return 0;
	if (!row->hist)
		row->hist = calloc(1, sizeof(*row->hist));
	if (!row->hist)
		return -ENOMEM;
	hist_add(row->hist, s->bucket, s->count, s->total, s->min, s->max);
	return 0;
}

int summary_compare_labels(const struct profile *p, const struct label_set *x,
			   const struct label_set *y)
{
	for (uint32_t i = 0; i < x->nr && i < y->nr; i++) {
		const struct label *v = &x->labels[i], *w = &y->labels[i];
		int r = strcmp(profile_string_at(p, v->name), profile_string_at(p, w->name));

		if (!r)
			r = strcmp(profile_string_at(p, v->value), profile_string_at(p, w->value));
		if (r)
			return r;
	}
	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

static int by_total(const void *a, const void *b, void *p)
{
	const struct label_sum *x = a, *y = b;
	struct label_set v = profile_labels_at(p, x->labels), w = profile_labels_at(p, y->labels);

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return summary_compare_labels(p, &v, &w);
}

int summary_labels(struct profile *p, const char *by, struct label_sum **ret)
{
	uint32_t nr_sets = profile_nr_label_sets(p);
	_cleanup_free_ uint32_t *row_set = calloc(nr_sets, sizeof(*row_set));
	struct label_sum *rows = NULL;
	uint32_t nr = 0;
	int r = 0;

	if (!row_set)
		return -ENOMEM;
	for (uint32_t i = 0; i < nr_sets && r >= 0; i++) {
		row_set[i] = i;
		if (by)
			r = reduce_set(p, i, by, &row_set[i]);
	}
	/* Reducing may have added sets. */
	rows = calloc(profile_nr_label_sets(p), sizeof(*rows));
	if (!rows)
		r = -ENOMEM;
	for (uint32_t i = 0; i < profile_nr_samples(p) && r >= 0; i++) {
		const struct sample *s = profile_sample_at(p, i);

		r = add_sample(&rows[row_set[s->labels]], s);
	}
	if (r < 0) {
		summary_labels_free(rows, rows ? (int)profile_nr_label_sets(p) : 0);
		return r;
	}
	for (uint32_t i = 0; i < profile_nr_label_sets(p); i++) {
		struct label_sum row = rows[i];

		if (!row.count && !row.total) {
			free(row.hist);
			continue;
		}
		row.labels = i;
		rows[nr++] = row;
	}
	qsort_r(rows, nr, sizeof(*rows), by_total, p);
	*ret = rows;
	return (int)nr;
}

void summary_labels_free(struct label_sum *rows, int nr)
{
	for (int i = 0; i < nr; i++)
		free(rows[i].hist);
	free(rows);
}

/* The value of the set's label "task"; 0: it has none. */
static uint32_t task_of(const struct profile *p, uint32_t set)
{
	struct label_set l = profile_labels_at(p, set);

	for (uint32_t i = 0; i < l.nr; i++)
		if (!strcmp(profile_string_at(p, l.labels[i].name), LABEL_TASK))
			return l.labels[i].value;
	return 0;
}

static int by_task_total(const void *a, const void *b, void *profile)
{
	const struct task_sum *x = a, *y = b;

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(profile_string_at(profile, x->task), profile_string_at(profile, y->task));
}

int summary_tasks(const struct profile *p, struct task_sum **ret)
{
	uint32_t nr_sets = profile_nr_label_sets(p), nr = 0;
	_cleanup_free_ uint32_t *row_of = calloc(nr_sets + 1u, sizeof(*row_of));
	_cleanup_free_ struct task_sum *rows = calloc(nr_sets + 1u, sizeof(*rows));
	struct intern tasks = INTERN_INIT;
	int r = 0;

	if (!row_of || !rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < nr_sets && r >= 0; i++) {
		uint32_t task = task_of(p, i);

		r = intern_add(&tasks, &task, sizeof(task), &row_of[i]);
		if (r > 0)
			rows[row_of[i]].task = task;
	}
	for (uint32_t i = 0; i < profile_nr_samples(p) && r >= 0; i++) {
		const struct sample *s = profile_sample_at(p, i);

		rows[row_of[s->labels]].count += s->count;
		rows[row_of[s->labels]].total += s->total;
	}
	for (uint32_t i = 0; i < tasks.count; i++)
		if (rows[i].task && (rows[i].count || rows[i].total))
			rows[nr++] = rows[i];
	intern_done(&tasks);
	if (r < 0)
		return r;
	qsort_r(rows, nr, sizeof(*rows), by_task_total, (void *)(uintptr_t)p);
	*ret = rows;
	rows = NULL;
	return (int)nr;
}
