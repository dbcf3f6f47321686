// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Calls of Python functions, in the columns of Python's pstats. */
#include <errno.h>

#include "base/array.h"
#include "base/parse.h"
#include "model/summary.h"
#include "view/grid.h"
#include "view/text.h"
#include "view/view.h"

enum { DEFAULT_ROWS = 30, LEAST_FUNCTION = 16, LEAST_WHERE = 12 };

static void add_time(struct grid *g, struct strbuf *cell, const char *unit, uint64_t value,
		     uint64_t calls)
{
	text_value(cell, unit, value);
	grid_add(g, cell);
	if (calls)
		text_value(cell, unit, value / calls);
	grid_add(g, cell);
}

static void add_function(struct grid *g, struct strbuf *cell, const struct profile *p,
			 const struct called_function *f)
{
	const char *unit = profile_facts(p)->values[text_weight(p)].unit;

	format_count(f->cost.calls, cell);
	/* Where it recurs: all calls, and those that no other one of it is around. */
	if (f->cost.primitive != f->cost.calls) {
		strbuf_addch(cell, '/');
		format_count(f->cost.primitive, cell);
	}
	grid_add(g, cell);
	add_time(g, cell, unit, f->cost.self, f->cost.calls);
	add_time(g, cell, unit, f->cost.total, f->cost.primitive);
	text_function(cell, p, f->frame);
	grid_add(g, cell);
	text_where(cell, p, f->frame);
	grid_add(g, cell);
}

static int add_functions(const struct profile *p, const struct view_settings *settings,
			 struct strbuf *lines)
{
	static const struct grid_column columns[] = {
		{ .title = "ncalls", .right = true },
		{ .title = "tottime", .right = true },
		{ .title = "percall", .right = true, .drop = 2 },
		{ .title = "cumtime", .right = true },
		{ .title = "percall", .right = true, .drop = 1 },
		{ .title = "function", .least = LEAST_FUNCTION },
		{ .title = "where", .least = LEAST_WHERE, .drop = 3, .faint = true },
	};
	uint32_t most = settings->rows ? settings->rows : DEFAULT_ROWS;
	struct strbuf cell = STRBUF_INIT;
	struct grid g = { 0 };
	struct called called;
	int r = summary_calls(p, &called);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		grid_column(&g, columns[i]);
	for (uint32_t i = 0; i < called.nr_functions && i < most; i++)
		add_function(&g, &cell, p, &called.functions[i]);
	strbuf_addch(lines, '\n');
	if (called.nr_functions)
		grid_write(&g, settings, lines);
	else
		strbuf_adds(lines, "  nothing was seen: no calls of Python functions\n");
	if (called.nr_functions > most) {
		strbuf_adds(lines, "  and ");
		format_count(called.nr_functions - most, lines);
		strbuf_addf(lines, " more function%s\n",
			    called.nr_functions - most == 1 ? "" : "s");
	}
	summary_calls_done(&called);
	grid_done(&g);
	strbuf_done(&cell);
	return 0;
}

static int show(struct profile *p, const struct profile *base, const struct view_settings *settings,
		FILE *out)
{
	_cleanup_(profile_freep) struct profile *once = NULL;
	struct strbuf lines = STRBUF_INIT;
	int r = profile_calls_once(p, &once);

	(void)base;
	if (r >= 0) {
		text_head(&lines, once, settings);
		r = add_functions(p, settings, &lines);
	}
	if (r >= 0) {
		text_quality(&lines, p, settings);
		r = lines.failed ? -ENOMEM : 0;
	}
	if (r >= 0)
		text_put(&lines, settings, out);
	strbuf_done(&lines);
	return r;
}

const struct view view_pycalls = {
	.name = "pycalls",
	.summary = "calls of Python functions, as Python's pstats shows them",
	.show = show,
};
