/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Columns that fit a terminal of any width: numbers stand whole or not at
 * all, texts are cut. When a row is too wide, texts shrink first, the widest
 * first; then the columns that say least go. A column without any text goes
 * in any case.
 */
#pragma once
#include <stdio.h>

#include "base/strbuf.h"
#include "view/view.h"

struct grid_column {
	const char *title;
	bool right;	/* its cells stand on the right: numbers */
	unsigned drop;	/* the highest goes first; 0: never */
	unsigned least; /* columns that it may be cut to; 0: it is not cut */
	bool faint;
};

enum { GRID_MAX_COLUMNS = 20 };

struct grid {
	struct grid_column columns[GRID_MAX_COLUMNS];
	size_t nr_columns;
	struct strbuf text; /* of all cells, row by row, each ended by a NUL */
	size_t nr_cells;
};

void grid_done(struct grid *g);
/* More than GRID_MAX_COLUMNS are left out: their cells must not be added. */
bool grid_column(struct grid *g, struct grid_column c);
/* The next cell of the row; a copy of `text`, which has been escaped, is taken and `text` emptied.
 */
void grid_add(struct grid *g, struct strbuf *text);
/* Appends the title row and all rows. */
void grid_write(const struct grid *g, const struct view_settings *settings, struct strbuf *lines);
