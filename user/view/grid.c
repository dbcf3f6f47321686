// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "view/grid.h"

#include <string.h>

#include "base/utf8.h"
#include "view/text.h"

enum { INDENT = 2, GAP = 2, NARROWEST_TEXT = 8 };

struct layout {
	size_t width[GRID_MAX_COLUMNS]; /* 0: not shown */
};

void grid_done(struct grid *g)
{
	strbuf_done(&g->text);
	g->nr_columns = g->nr_cells = 0;
}

bool grid_column(struct grid *g, struct grid_column c)
{
	if (g->nr_columns == GRID_MAX_COLUMNS)
		return false;
	g->columns[g->nr_columns++] = c;
	return true;
}

void grid_add(struct grid *g, struct strbuf *text)
{
	strbuf_add(&g->text, strbuf_str(text), strlen(strbuf_str(text)) + 1);
	g->text.failed |= text->failed;
	g->nr_cells++;
	strbuf_reset(text);
}

static size_t columns_of(const char *s)
{
	return utf8_width(s, strlen(s));
}

/* As wide as the widest cell. */
static void measure(const struct grid *g, struct layout *l)
{
	const char *cell = strbuf_str(&g->text);

	*l = (struct layout){ 0 };
	for (size_t i = 0; i < g->nr_cells; i++, cell += strlen(cell) + 1) {
		size_t *width = &l->width[i % g->nr_columns], n = columns_of(cell);

		*width = n > *width ? n : *width;
	}
	for (size_t c = 0; c < g->nr_columns; c++)
		if (l->width[c] && columns_of(g->columns[c].title) > l->width[c])
			l->width[c] = columns_of(g->columns[c].title);
}

static size_t row_width(const struct grid *g, const struct layout *l)
{
	size_t width = INDENT;

	for (size_t c = 0; c < g->nr_columns; c++)
		if (l->width[c])
			width += l->width[c] + (width > INDENT ? GAP : 0);
	return width;
}

/* The widest text gives first, until it is no wider than the next; `most`: no `least` is more. */
static void shrink(const struct grid *g, struct layout *l, size_t width, size_t most)
{
	size_t row = row_width(g, l);

	for (; row > width; row--) {
		size_t *widest = NULL;

		for (size_t c = 0; c < g->nr_columns; c++) {
			size_t least = g->columns[c].least < most ? g->columns[c].least : most;

			if (least && l->width[c] > least && (!widest || l->width[c] > *widest))
				widest = &l->width[c];
		}
		if (!widest)
			return;
		--*widest;
	}
}

static bool drop_one(const struct grid *g, struct layout *l)
{
	size_t worst = 0;
	bool found = false;

	for (size_t c = 0; c < g->nr_columns; c++)
		if (l->width[c] && g->columns[c].drop &&
		    (!found || g->columns[c].drop > g->columns[worst].drop)) {
			worst = c;
			found = true;
		}
	if (found)
		l->width[worst] = 0;
	return found;
}

static void find_layout(const struct grid *g, size_t width, struct layout *ret)
{
	struct layout natural, l;

	measure(g, &natural);
	do {
		l = natural;
		shrink(g, &l, width, SIZE_MAX);
	} while (row_width(g, &l) > width && drop_one(g, &natural));
	shrink(g, &l, width, NARROWEST_TEXT);
	*ret = l;
}

static void add_cell(struct strbuf *lines, const struct grid_column *c, size_t width,
		     const char *text)
{
	size_t start = lines->len;

	if (c->right) {
		text_right(lines, text, width);
		return;
	}
	text_cut(lines, text, width);
	if (lines->failed)
		return;
	for (size_t n = utf8_width(strbuf_str(lines) + start, lines->len - start); n < width; n++)
		strbuf_addch(lines, ' ');
}

static void add_gap(struct strbuf *lines, bool first)
{
	for (int n = first ? INDENT : GAP; n; n--)
		strbuf_addch(lines, ' ');
}

static void add_titles(const struct grid *g, const struct layout *l, bool color,
		       struct strbuf *lines)
{
	bool first = true;

	if (color)
		strbuf_adds(lines, STYLE_FAINT);
	for (size_t c = 0; c < g->nr_columns; c++) {
		if (!l->width[c])
			continue;
		add_gap(lines, first);
		add_cell(lines, &g->columns[c], l->width[c], g->columns[c].title);
		first = false;
	}
	strbuf_adds(lines, color ? STYLE_END "\n" : "\n");
}

void grid_write(const struct grid *g, const struct view_settings *settings, struct strbuf *lines)
{
	const char *cell = strbuf_str(&g->text);
	struct layout l;
	bool first = true;

	lines->failed |= g->text.failed;
	if (lines->failed || !g->nr_columns)
		return;
	find_layout(g, settings->width, &l);
	add_titles(g, &l, settings->color, lines);
	for (size_t i = 0; i < g->nr_cells; i++, cell += strlen(cell) + 1) {
		size_t c = i % g->nr_columns;
		bool faint = settings->color && g->columns[c].faint;

		if (l.width[c]) {
			add_gap(lines, first);
			strbuf_adds(lines, faint ? STYLE_FAINT : "");
			add_cell(lines, &g->columns[c], l.width[c], cell);
			strbuf_adds(lines, faint ? STYLE_END : "");
			first = false;
		}
		if (c + 1 == g->nr_columns) {
			strbuf_addch(lines, '\n');
			first = true;
		}
	}
}
