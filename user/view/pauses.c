// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What stopped processes, a block each: how often, how long, which share of their time. */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/parse.h"
#include "base/wrap.h"
#include "model/label.h"
#include "model/summary.h"
#include "view/bars.h"
#include "view/grid.h"
#include "view/stacks.h"
#include "view/text.h"
#include "view/view.h"

enum { MAX_PROCESSES = 10, MAX_LABELS = 6, MAX_STACKS = 5, INDENT = 2 };
enum { LEAST_LABEL = 6, LEAST_OPERATION = 22 };

/* Labels that say what a pause was, in the order of their columns; others follow. */
static const struct {
	const char *name, *title;
	unsigned least;
} first_labels[] = {
	{ "generation", "gen", LEAST_LABEL },
	{ "kind", "kind", LEAST_LABEL },
	/* Names such as G1CollectForAllocation begin alike. */
	{ "operation", "operation", LEAST_OPERATION },
	{ "reason", "reason", LEAST_LABEL },
};

/* What tells the rows of one block apart: strings of the profile. */
struct label_names {
	uint32_t ids[MAX_LABELS];
	size_t nr;
};

/* What a block is made of. */
struct block {
	const struct profile *p;
	const struct pauses *pauses;
	const struct pause_process *process;
	const struct process_time *time; /* NULL: unknown */
	uint32_t runtime;		 /* string; of all rows; 0: there are several, or none */
	struct label_names names;
	const struct view_settings *settings;
};

static bool is_name(const struct profile *p, const struct label *l, const char *name)
{
	return !strcmp(profile_string_at(p, l->name), name);
}

static const struct pause_sum *sum_of(const struct block *b, uint32_t i)
{
	return &b->pauses->sums[b->process->first + i];
}

static void find_runtime(struct block *b)
{
	for (uint32_t i = 0; i < b->process->nr; i++) {
		const struct label_set *set = &sum_of(b, i)->labels;
		uint32_t runtime = 0;

		for (uint32_t k = 0; k < set->nr; k++)
			if (is_name(b->p, &set->labels[k], LABEL_RUNTIME))
				runtime = set->labels[k].value;
		if (!runtime || (i && runtime != b->runtime)) {
			b->runtime = 0;
			return;
		}
		b->runtime = runtime;
	}
}

static void add_name(struct block *b, const struct label *l)
{
	for (size_t i = 0; i < b->names.nr; i++)
		if (b->names.ids[i] == l->name)
			return;
	if (b->names.nr < MAX_LABELS)
		b->names.ids[b->names.nr++] = l->name;
}

/* `name` NULL: all but a runtime that the block's head has already. */
static void add_names(struct block *b, const char *name)
{
	for (uint32_t i = 0; i < b->process->nr; i++) {
		const struct label_set *set = &sum_of(b, i)->labels;

		for (uint32_t k = 0; k < set->nr; k++) {
			const struct label *l = &set->labels[k];

			if (name ? is_name(b->p, l, name)
				 : !b->runtime || !is_name(b->p, l, LABEL_RUNTIME))
				add_name(b, l);
		}
	}
}

static void find_names(struct block *b)
{
	if (!b->runtime)
		add_names(b, LABEL_RUNTIME);
	for (size_t i = 0; i < ARRAY_SIZE(first_labels); i++)
		add_names(b, first_labels[i].name);
	add_names(b, NULL);
}

/* What a row says of its distribution, the least telling with the highest `drop`. */
static const struct percentile {
	const char *title;
	double fraction;
	unsigned drop;
} percentiles[] = { { "p50", 0.5, 4 }, { "p90", 0.9, 6 }, { "p99", 0.99, 3 }, { "max", 1, 1 } };

static struct grid_column label_column(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(first_labels); i++)
		if (!strcmp(name, first_labels[i].name))
			return (struct grid_column){ .title = first_labels[i].title,
						     .least = first_labels[i].least };
	return (struct grid_column){ .title = name, .least = LEAST_LABEL };
}

static void add_columns(struct grid *g, const struct block *b)
{
	for (size_t i = 0; i < b->names.nr; i++)
		grid_column(g, label_column(profile_string_at(b->p, b->names.ids[i])));
	grid_column(g, (struct grid_column){ .title = "count", .right = true });
	grid_column(g, (struct grid_column){ .title = "per s", .right = true, .drop = 7 });
	for (size_t i = 0; i < ARRAY_SIZE(percentiles); i++)
		grid_column(g, (struct grid_column){ .title = percentiles[i].title,
						     .right = true,
						     .drop = percentiles[i].drop });
	grid_column(g, (struct grid_column){ .title = "total", .right = true });
	grid_column(g, (struct grid_column){ .title = "of wall", .right = true, .drop = 2 });
	grid_column(g, (struct grid_column){ .title = "of CPU", .right = true, .drop = 5 });
}

static void add_rate(struct strbuf *cell, uint64_t count, uint64_t ns)
{
	double rate = (double)count / ((double)ns / 1e9);

	if (!ns)
		return;
	if (rate < 99.95)
		strbuf_addf(cell, "%.1f", rate);
	else
		format_count((uint64_t)(rate + 0.5), cell);
}

static void add_label(struct strbuf *cell, const struct profile *p, const struct label_set *set,
		      uint32_t name)
{
	for (uint32_t i = 0; i < set->nr; i++)
		if (set->labels[i].name == name)
			strbuf_add_escaped(cell, profile_string_at(p, set->labels[i].value));
}

static const char *unit_of(const struct profile *p)
{
	return profile_facts(p)->values[text_weight(p)].unit;
}

/* In pauses that together are longer it waited for a CPU: what share of it they took isn't known.
 */
static bool waited(const struct block *b)
{
	return b->process->total > b->time->cpu_ns;
}

static bool has_cpu(const struct block *b)
{
	return b->time && b->time->cpu_ns && b->time->cpu_ns != TIME_UNKNOWN;
}

static void add_row(struct grid *g, struct strbuf *cell, const struct block *b,
		    const struct pause_sum *sum, const struct hist *hist)
{
	for (size_t i = 0; i < b->names.nr; i++) {
		add_label(cell, b->p, &sum->labels, b->names.ids[i]);
		grid_add(g, cell);
	}
	format_count(sum->count, cell);
	grid_add(g, cell);
	add_rate(cell, sum->count, b->time ? b->time->wall_ns : 0);
	grid_add(g, cell);
	for (size_t i = 0; i < ARRAY_SIZE(percentiles); i++) {
		if (hist->count)
			text_value(cell, unit_of(b->p),
				   hist_percentile(hist, percentiles[i].fraction));
		grid_add(g, cell);
	}
	text_value(cell, unit_of(b->p), sum->total);
	grid_add(g, cell);
	if (b->time)
		text_percent(cell, sum->total, b->time->wall_ns);
	grid_add(g, cell);
	if (has_cpu(b) && !waited(b))
		text_percent(cell, sum->total, b->time->cpu_ns);
	grid_add(g, cell);
}

/* Rows `from` to `to`; of one alone its histogram too, if it was asked for. */
static void add_rows(const struct block *b, uint32_t from, uint32_t to, struct hist *hist,
		     struct strbuf *lines)
{
	struct strbuf cell = STRBUF_INIT;
	struct grid g = { 0 };

	add_columns(&g, b);
	for (uint32_t i = from; i < to; i++) {
		summary_pauses_hist(b->p, b->pauses, sum_of(b, i), hist);
		add_row(&g, &cell, b, sum_of(b, i), hist);
	}
	strbuf_addch(lines, '\n');
	grid_write(&g, b->settings, lines);
	if (b->settings->full && hist->count) {
		strbuf_addch(lines, '\n');
		bars_write(hist, unit_of(b->p), b->settings, lines);
	}
	grid_done(&g);
	strbuf_done(&cell);
}

static void add_count(struct strbuf *line, const struct profile *p, uint64_t count)
{
	const struct profile_info *info = profile_facts(p);
	const char *name = info->values[!text_weight(p)].name;

	format_count(count, line);
	strbuf_addch(line, ' ');
	strbuf_add_escaped(line, *name ? name : "pauses");
	/* "1 collection" */
	if (count == 1 && line->len && line->buf[line->len - 1] == 's')
		line->buf[--line->len] = '\0';
}

/* Who it is, and all of its pauses together. */
static void add_head(const struct block *b, struct strbuf *lines)
{
	const struct who *who = profile_who_at(b->p, b->process->who);
	struct strbuf line = STRBUF_INIT;

	strbuf_adds(&line, "  ");
	text_process(&line, b->p, b->process->who);
	if (b->runtime) {
		strbuf_adds(&line, ", ");
		strbuf_add_escaped(&line, profile_string_at(b->p, b->runtime));
	}
	if (who->container) {
		strbuf_adds(&line, ", container ");
		strbuf_add_escaped(&line, profile_string_at(b->p, who->container));
	}
	strbuf_adds(lines, b->settings->color ? "\n" STYLE_HEAD : "\n");
	text_cut(lines, strbuf_str(&line), b->settings->width);
	strbuf_adds(lines, b->settings->color ? STYLE_END "\n" : "\n");
	strbuf_reset(&line);
	text_value(&line, unit_of(b->p), b->process->total);
	strbuf_adds(&line, " in ");
	add_count(&line, b->p, b->process->count);
	if (b->time && b->time->wall_ns) {
		strbuf_adds(&line, ", ");
		text_percent(&line, b->process->total, b->time->wall_ns);
		strbuf_adds(&line, " of the ");
		format_duration(b->time->wall_ns, &line);
		strbuf_adds(&line, " it was measured");
	}
	if (has_cpu(b)) {
		strbuf_adds(&line, ", ");
		if (waited(b))
			strbuf_adds(&line, "more than");
		else
			text_percent(&line, b->process->total, b->time->cpu_ns);
		strbuf_adds(&line, waited(b) ? " its " : " of its ");
		format_duration(b->time->cpu_ns, &line);
		strbuf_adds(&line, waited(b) ? " of CPU time: it waited for a CPU meanwhile"
					     : " of CPU time");
	}
	wrap_words(lines, strbuf_str(&line), line.len, INDENT, b->settings->width);
	lines->failed |= line.failed;
	strbuf_done(&line);
}

static void add_process(struct block *b, struct hist *hist, struct strbuf *lines)
{
	b->runtime = 0;
	b->names.nr = 0;
	b->time = summary_pauses_time(b->p, b->process);
	find_runtime(b);
	find_names(b);
	add_head(b, lines);
	if (!b->settings->full)
		add_rows(b, 0, b->process->nr, hist, lines);
	for (uint32_t i = 0; b->settings->full && i < b->process->nr; i++)
		add_rows(b, i, i + 1, hist, lines);
}

/* Those for whom there is no block. */
static void add_others(const struct block *b, uint32_t from, struct strbuf *lines)
{
	struct strbuf line = STRBUF_INIT;
	uint64_t count = 0, total = 0;

	for (uint32_t i = from; i < b->pauses->nr_processes; i++) {
		count += b->pauses->processes[i].count;
		total += b->pauses->processes[i].total;
	}
	strbuf_adds(&line, "and ");
	format_count(b->pauses->nr_processes - from, &line);
	strbuf_addf(&line, " more process%s: ", b->pauses->nr_processes - from == 1 ? "" : "es");
	text_value(&line, unit_of(b->p), total);
	strbuf_adds(&line, " in ");
	add_count(&line, b->p, count);
	strbuf_addch(lines, '\n');
	wrap_words(lines, strbuf_str(&line), line.len, INDENT, b->settings->width);
	lines->failed |= line.failed;
	strbuf_done(&line);
}

static void add_nothing(const struct profile *p, const struct view_settings *settings,
			struct strbuf *lines)
{
	const char *watched = profile_facts(p)->watched;
	struct strbuf line = STRBUF_INIT;

	strbuf_adds(&line, *watched ? "no collections: " : "nothing was seen: no collections");
	strbuf_add_escaped(&line, watched);
	strbuf_addch(lines, '\n');
	wrap_words(lines, strbuf_str(&line), line.len, INDENT, settings->width);
	lines->failed |= line.failed;
	strbuf_done(&line);
}

static int add_processes(const struct profile *p, const struct view_settings *settings,
			 struct strbuf *lines)
{
	uint32_t max = settings->rows ? settings->rows : MAX_PROCESSES;
	_cleanup_free_ struct hist *hist = malloc(sizeof(*hist));
	struct pauses pauses;
	struct block b = { .p = p, .pauses = &pauses, .settings = settings };
	int r = hist ? summary_pauses(p, settings->by, &pauses) : -ENOMEM;

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < pauses.nr_processes && i < max; i++) {
		b.process = &pauses.processes[i];
		add_process(&b, hist, lines);
	}
	if (pauses.nr_processes > max)
		add_others(&b, max, lines);
	if (!pauses.nr_processes)
		add_nothing(p, settings, lines);
	r = pauses.nr_processes ? stacks_write(p, settings, MAX_STACKS, lines) : 0;
	summary_pauses_done(&pauses);
	return r;
}

static int show(struct profile *p, const struct profile *base, const struct view_settings *settings,
		FILE *out)
{
	struct strbuf lines = STRBUF_INIT;
	int r;

	(void)base;
	text_head(&lines, p, settings);
	r = add_processes(p, settings, &lines);
	if (r >= 0) {
		text_quality(&lines, p, settings);
		r = lines.failed ? -ENOMEM : 0;
	}
	if (r >= 0)
		text_put(&lines, settings, out);
	strbuf_done(&lines);
	return r;
}

const struct view view_pauses = {
	.name = "pauses",
	.summary =
		"what stopped each process, how often and how long, and which stacks asked for it",
	.show = show,
};
