// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The heaviest functions, and the processes that ran them. */
#include <errno.h>

#include "base/parse.h"
#include "model/summary.h"
#include "view/grid.h"
#include "view/text.h"
#include "view/view.h"

enum { DEFAULT_ROWS = 20, MAX_PROCESSES = 5, LEAST_FUNCTION = 24, LEAST_WHERE = 12 };

static void add_value(struct grid *g, struct strbuf *cell, const char *unit, uint64_t value,
		      uint64_t whole)
{
	/* A function that only called others has an empty place, not a nought. */
	if (value)
		text_percent(cell, value, whole);
	grid_add(g, cell);
	if (value)
		text_value(cell, unit, value);
	grid_add(g, cell);
}

static int add_processes(const struct profile *p, const struct view_settings *settings,
			 uint64_t whole, struct strbuf *lines)
{
	const struct value_type *type = &profile_facts(p)->values[text_weight(p)];
	_cleanup_free_ struct process_sum *rows = NULL;
	struct strbuf cell = STRBUF_INIT;
	struct grid g = { 0 };
	int nr = summary_processes(p, &rows);

	if (nr < 0)
		return nr;
	/* Of one process there is nothing to compare. */
	if (nr < 2)
		return 0;
	grid_column(&g, (struct grid_column){ .title = "share", .right = true });
	grid_column(&g, (struct grid_column){ .title = type->name, .right = true });
	grid_column(&g, (struct grid_column){ .title = "process", .least = LEAST_FUNCTION });
	for (int i = 0; i < nr && i < MAX_PROCESSES; i++) {
		add_value(&g, &cell, type->unit, rows[i].value[text_weight(p)], whole);
		text_process(&cell, p, rows[i].who);
		grid_add(&g, &cell);
	}
	strbuf_addch(lines, '\n');
	grid_write(&g, settings, lines);
	grid_done(&g);
	strbuf_done(&cell);
	return 0;
}

static void add_function(struct grid *g, struct strbuf *cell, const struct profile *p,
			 const struct function_sum *f, uint64_t whole)
{
	const char *unit = profile_facts(p)->values[text_weight(p)].unit;

	add_value(g, cell, unit, f->self[text_weight(p)], whole);
	add_value(g, cell, unit, f->total[text_weight(p)], whole);
	text_function(cell, p, f->frame);
	grid_add(g, cell);
	text_where(cell, p, f->frame);
	grid_add(g, cell);
}

static int add_functions(const struct profile *p, const struct view_settings *settings,
			 uint64_t whole, struct strbuf *lines)
{
	static const struct grid_column columns[] = {
		{ .title = "self %", .right = true, .drop = 1 },
		{ .title = "self", .right = true },
		{ .title = "total %", .right = true, .drop = 2 },
		{ .title = "total", .right = true },
		{ .title = "function", .least = LEAST_FUNCTION },
		{ .title = "where", .least = LEAST_WHERE, .drop = 3, .faint = true },
	};
	_cleanup_free_ struct function_sum *rows = NULL;
	struct strbuf cell = STRBUF_INIT;
	struct grid g = { 0 };
	int nr = summary_functions(p, &rows);
	int shown = settings->rows ? (int)settings->rows : DEFAULT_ROWS;

	if (nr < 0)
		return nr;
	if (!nr)
		return 0;
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		grid_column(&g, columns[i]);
	for (int i = 0; i < nr && i < shown; i++)
		add_function(&g, &cell, p, &rows[i], whole);
	strbuf_addch(lines, '\n');
	grid_write(&g, settings, lines);
	if (nr > shown) {
		strbuf_adds(lines, "  and ");
		format_count((uint64_t)(nr - shown), lines);
		strbuf_addf(lines, " more function%s\n", nr - shown == 1 ? "" : "s");
	}
	grid_done(&g);
	strbuf_done(&cell);
	return 0;
}

static int show(struct profile *p, const struct profile *base, const struct view_settings *settings,
		FILE *out)
{
	struct text_totals sum = text_sum(p);
	struct strbuf lines = STRBUF_INIT;
	int r;

	(void)base;
	text_head(&lines, p, settings);
	if (!sum.count)
		text_nothing(&lines, p);
	r = add_processes(p, settings, sum.value[text_weight(p)], &lines);
	if (r >= 0)
		r = add_functions(p, settings, sum.value[text_weight(p)], &lines);
	if (r >= 0) {
		text_quality(&lines, p, settings);
		r = lines.failed ? -ENOMEM : 0;
	}
	if (r >= 0)
		text_put(&lines, settings, out);
	strbuf_done(&lines);
	return r;
}

const struct view view_table = {
	.name = "table",
	.summary = "the heaviest functions, by themselves and with all that they call",
	.show = show,
};
