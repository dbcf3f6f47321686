// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Distributions by labels: a line each, or whole histograms; then who caused them. */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "model/label.h"
#include "model/summary.h"
#include "view/bars.h"
#include "view/grid.h"
#include "view/stacks.h"
#include "view/text.h"
#include "view/view.h"

enum { MAX_LABELS = 8, MAX_STACKS = 5, LEAST_LABEL = 6 };

/* Names of the labels that tell rows apart, in the order of first sight. */
struct label_names {
	uint32_t ids[MAX_LABELS];
	size_t nr;
};

static void add_name(struct label_names *names, uint32_t id)
{
	for (size_t i = 0; i < names->nr; i++)
		if (names->ids[i] == id)
			return;
	if (names->nr < MAX_LABELS)
		names->ids[names->nr++] = id;
}

static struct label_names find_names(const struct profile *p, const struct label_sum *rows, int nr)
{
	struct label_names names = { .nr = 0 };

	for (int i = 0; i < nr; i++) {
		struct label_set set = profile_labels_at(p, rows[i].labels);

		for (uint32_t k = 0; k < set.nr; k++)
			add_name(&names, set.labels[k].name);
	}
	return names;
}

static void add_label(struct strbuf *cell, const struct profile *p, uint32_t set_id, uint32_t name)
{
	struct label_set set = profile_labels_at(p, set_id);

	for (uint32_t i = 0; i < set.nr; i++)
		if (set.labels[i].name == name)
			strbuf_add_escaped(cell, profile_string_at(p, set.labels[i].value));
}

/* What a line says of a distribution, the least telling with the highest `drop`. */
static const struct percentile {
	const char *title;
	double fraction;
	unsigned drop;
} percentiles[] = {
	{ "p50", 0.5, 1 },     { "p90", 0.9, 3 }, { "p99", 0.99, 0 },
	{ "p99.9", 0.999, 4 }, { "max", 1, 2 },
};

enum { NR_PERCENTILES = sizeof(percentiles) / sizeof(percentiles[0]) };

static void add_columns(struct grid *g, const struct profile *p, const struct label_names *names)
{
	for (size_t i = 0; i < names->nr; i++)
		grid_column(g, (struct grid_column){ .title = profile_string_at(p, names->ids[i]),
						     .least = LEAST_LABEL });
	grid_column(g, (struct grid_column){ .title = "count", .right = true });
	grid_column(g, (struct grid_column){ .title = "per s", .right = true, .drop = 5 });
	for (size_t i = 0; i < NR_PERCENTILES; i++)
		grid_column(g, (struct grid_column){ .title = percentiles[i].title,
						     .right = true,
						     .drop = percentiles[i].drop });
	grid_column(g, (struct grid_column){ .title = "mean", .right = true, .drop = 6 });
}

static void add_rate(struct strbuf *cell, uint64_t count, uint64_t duration_ns)
{
	double rate = (double)count / ((double)duration_ns / 1e9);

	if (!duration_ns)
		return;
	if (rate < 99.95)
		strbuf_addf(cell, "%.1f", rate);
	else
		format_count((uint64_t)(rate + 0.5), cell);
}

/* It was watched for less than the whole time. */
static bool is_detached(const struct profile *p, uint32_t set_id)
{
	struct label_set set = profile_labels_at(p, set_id);

	for (uint32_t i = 0; i < set.nr; i++)
		if (!strcmp(profile_string_at(p, set.labels[i].name), LABEL_DETACHED))
			return true;
	return false;
}

/* The unit that values of one event are in. */
static const char *unit_of(const struct profile *p)
{
	return profile_facts(p)->values[text_weight(p)].unit;
}

static void add_row(struct grid *g, struct strbuf *cell, const struct profile *p,
		    const struct label_sum *row, const struct label_names *names)
{
	for (size_t i = 0; i < names->nr; i++) {
		add_label(cell, p, row->labels, names->ids[i]);
		grid_add(g, cell);
	}
	format_count(row->count, cell);
	grid_add(g, cell);
	if (!is_detached(p, row->labels))
		add_rate(cell, row->count, profile_facts(p)->duration_ns);
	grid_add(g, cell);
	for (size_t i = 0; i < NR_PERCENTILES; i++) {
		if (row->hist && row->hist->count)
			text_value(cell, unit_of(p),
				   hist_percentile(row->hist, percentiles[i].fraction));
		grid_add(g, cell);
	}
	if (row->count && row->hist)
		text_value(cell, unit_of(p), row->total / row->count);
	grid_add(g, cell);
}

static void add_lines(const struct profile *p, const struct label_sum *rows, int nr,
		      const struct view_settings *settings, struct strbuf *lines)
{
	struct label_names names = find_names(p, rows, nr);
	struct strbuf cell = STRBUF_INIT;
	struct grid g = { 0 };

	add_columns(&g, p, &names);
	for (int i = 0; i < nr; i++)
		add_row(&g, &cell, p, &rows[i], &names);
	strbuf_addch(lines, '\n');
	grid_write(&g, settings, lines);
	grid_done(&g);
	strbuf_done(&cell);
}

/* One row with all of its buckets. */
static void add_full(const struct profile *p, const struct label_sum *row,
		     const struct view_settings *settings, struct strbuf *lines)
{
	add_lines(p, row, 1, settings, lines);
	if (!row->hist)
		return;
	strbuf_addch(lines, '\n');
	bars_write(row->hist, unit_of(p), settings, lines);
}

static int show(struct profile *p, const struct profile *base, const struct view_settings *settings,
		FILE *out)
{
	struct strbuf lines = STRBUF_INIT;
	struct label_sum *rows = NULL;
	int nr = summary_labels(p, settings->by, &rows), r = nr, shown = nr;

	(void)base;
	if (settings->rows && (int)settings->rows < shown)
		shown = (int)settings->rows;
	text_head(&lines, p, settings);
	if (!nr)
		text_nothing(&lines, p);
	else if (!settings->full && nr > 0)
		add_lines(p, rows, shown, settings, &lines);
	for (int i = 0; settings->full && i < shown; i++)
		add_full(p, &rows[i], settings, &lines);
	if (r > 0)
		r = stacks_write(p, settings, MAX_STACKS, &lines);
	if (r >= 0) {
		text_quality(&lines, p, settings);
		r = lines.failed ? -ENOMEM : 0;
	}
	if (r >= 0)
		text_put(&lines, settings, out);
	summary_labels_free(rows, nr);
	strbuf_done(&lines);
	return r;
}

const struct view view_hist = {
	.name = "hist",
	.summary = "how values are distributed, and which stacks they come from",
	.show = show,
};
