// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "view/annotate.h"

#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/parse.h"
#include "base/wrap.h"
#include "model/summary.h"
#include "view/grid.h"
#include "view/text.h"

enum { TAB = 8, LEAST_SOURCE = 32, MAX_SHOWN = 4096 };

/* `drop`: shares say more than numbers, and self and total more than their parts. */
static const struct grid_column columns[] = {
	{ .title = "self %", .right = true },
	{ .title = "self", .right = true, .drop = 4 },
	{ .title = "total %", .right = true },
	{ .title = "total", .right = true, .drop = 5 },
	{ .title = "python %", .right = true, .drop = 1 },
	{ .title = "python", .right = true, .drop = 6 },
	{ .title = "native %", .right = true, .drop = 2 },
	{ .title = "native", .right = true, .drop = 7 },
	{ .title = "kernel %", .right = true, .drop = 3 },
	{ .title = "kernel", .right = true, .drop = 8 },
	{ .title = "line", .right = true },
	{ .title = "source", .least = LEAST_SOURCE },
};

struct annotating {
	const struct profile *p;
	struct source_sum sum;
	uint32_t at; /* the next of sum.lines */
	uint64_t whole;
	struct grid grid;
	struct strbuf cell;
};

static void add_value(struct annotating *a, uint64_t value)
{
	if (value)
		text_percent(&a->cell, value, a->whole);
	grid_add(&a->grid, &a->cell);
	if (value)
		text_value(&a->cell, profile_facts(a->p)->values[0].unit, value);
	grid_add(&a->grid, &a->cell);
}

/* A line of source as a terminal may show it. */
static void add_source(struct strbuf *cell, const char *text, size_t size)
{
	struct strbuf plain = STRBUF_INIT;

	if (size && text[size - 1] == '\r')
		size--;
	/* No terminal is as wide. */
	size = size < MAX_SHOWN ? size : MAX_SHOWN;
	for (size_t i = 0; i < size; i++) {
		if (!text[i])
			strbuf_adds(&plain, "\\x00");
		else if (text[i] != '\t')
			strbuf_addch(&plain, text[i]);
		else
			do
				strbuf_addch(&plain, ' ');
			while (plain.len % TAB && !plain.failed);
	}
	strbuf_add_escaped(cell, strbuf_str(&plain));
	cell->failed |= plain.failed;
	strbuf_done(&plain);
}

/* `sum`: NULL where nothing ran. */
static void add_line(struct annotating *a, const struct line_sum *sum, uint32_t line,
		     const char *text, size_t size)
{
	static const struct line_sum nothing;

	sum = sum ? sum : &nothing;
	add_value(a, sum->self);
	add_value(a, sum->total);
	add_value(a, sum->leaf[LEAF_INTERPRETED]);
	add_value(a, sum->leaf[LEAF_NATIVE]);
	add_value(a, sum->leaf[LEAF_KERNEL]);
	if (line)
		strbuf_addf(&a->cell, "%u", line);
	else
		strbuf_addch(&a->cell, '?');
	grid_add(&a->grid, &a->cell);
	add_source(&a->cell, text, size);
	grid_add(&a->grid, &a->cell);
}

/* The source's lines; those that ran and aren't in it follow. How many these are. */
static uint32_t add_lines(struct annotating *a, const char *text, size_t size)
{
	const struct line_sum *unknown = NULL;
	uint32_t line = 0, beyond;

	if (a->sum.nr && !a->sum.lines[0].line)
		unknown = &a->sum.lines[a->at++];
	for (size_t at = 0; at < size;) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t n = end ? (size_t)(end - text) - at : size - at;
		bool ran;

		line++;
		ran = a->at < a->sum.nr && a->sum.lines[a->at].line == line;
		add_line(a, ran ? &a->sum.lines[a->at++] : NULL, line, text + at, n);
		at += n + 1;
	}
	beyond = a->sum.nr - a->at;
	for (; a->at < a->sum.nr; a->at++)
		add_line(a, &a->sum.lines[a->at], a->sum.lines[a->at].line, "", 0);
	if (unknown)
		add_line(a, unknown, 0, "", 0);
	return beyond;
}

static void add_note(struct strbuf *lines, const char *text, const struct view_settings *settings)
{
	strbuf_adds(lines, "  ");
	wrap_words(lines, text, strlen(text), 2, settings->width);
}

static void add_head(struct strbuf *lines, const struct annotating *a, const struct annotate *from,
		     const struct view_settings *settings)
{
	const struct value_type *type = &profile_facts(a->p)->values[0];
	const char *name = profile_string_at(a->p, from->file);
	struct strbuf text = STRBUF_INIT;

	strbuf_add_escaped(&text, name);
	strbuf_adds(&text, ": ");
	text_value(&text, type->unit, a->sum.total);
	strbuf_adds(&text, " of ");
	text_value(&text, type->unit, a->whole);
	strbuf_addch(&text, ' ');
	strbuf_add_escaped(&text, type->name);
	strbuf_adds(&text, " (");
	text_percent(&text, a->sum.total, a->whole);
	strbuf_adds(&text, ")");
	if (from->path && strcmp(from->path, name)) {
		strbuf_adds(&text, ", source from ");
		strbuf_add_escaped(&text, from->path);
	}
	strbuf_addch(lines, '\n');
	add_note(lines, strbuf_str(&text), settings);
	lines->failed |= text.failed;
	strbuf_done(&text);
	if (from->note)
		add_note(lines, from->note, settings);
	strbuf_addch(lines, '\n');
}

static void add_foot(struct strbuf *lines, const struct annotate *from, uint32_t beyond,
		     const struct view_settings *settings)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_addch(lines, '\n');
	if (beyond && from->path) {
		strbuf_addf(&text,
			    "%u line%s that ran %s past the end of this source: it is not the one "
			    "that was run.",
			    beyond, beyond == 1 ? "" : "s", beyond == 1 ? "is" : "are");
		add_note(lines, strbuf_str(&text), settings);
	}
	add_note(lines,
		 "self: the line, and what it calls but for other Python lines. python, native, "
		 "kernel: the parts of total, by what ran.",
		 settings);
	lines->failed |= text.failed;
	strbuf_done(&text);
}

int annotate_show(const struct profile *p, const struct annotate *from,
		  const struct view_settings *settings, FILE *out)
{
	struct annotating a = { .p = p, .whole = text_sum(p).value[0] };
	struct strbuf lines = STRBUF_INIT;
	uint32_t beyond;
	int r = summary_source(p, from->file, &a.sum);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		grid_column(&a.grid, columns[i]);
	text_head(&lines, p, settings);
	add_head(&lines, &a, from, settings);
	beyond = add_lines(&a, from->text, from->path ? from->size : 0);
	grid_write(&a.grid, settings, &lines);
	add_foot(&lines, from, beyond, settings);
	text_quality(&lines, p, settings);
	r = lines.failed || a.cell.failed ? -ENOMEM : 0;
	if (r >= 0)
		text_put(&lines, settings, out);
	grid_done(&a.grid);
	strbuf_done(&a.cell);
	strbuf_done(&lines);
	summary_source_done(&a.sum);
	return r;
}
