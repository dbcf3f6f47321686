// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of options as text: for --help and for the man page. */
#include <string.h>

#include "base/opt.h"
#include "base/roff.h"
#include "base/utf8.h"

enum { HELP_COLUMN = 28, HELP_MIN_WIDTH = 20 };

static void pad_to(struct strbuf *out, size_t line_start, size_t column)
{
	size_t width = utf8_width(out->buf + line_start, out->len - line_start);

	for (; width < column; width++)
		strbuf_addch(out, ' ');
}

/* Adds words, the first at the end of a line that began at `line_start`. */
static void add_wrapped(struct strbuf *out, const char *text, size_t line_start, size_t indent,
			size_t width)
{
	size_t column = indent;

	pad_to(out, line_start, indent);
	while (*text) {
		size_t size = strcspn(text, " "), columns = utf8_width(text, size);

		if (column > indent && column + 1 + columns > width) {
			strbuf_addch(out, '\n');
			line_start = out->len;
			pad_to(out, line_start, indent);
			column = indent;
		} else if (column > indent) {
			strbuf_addch(out, ' ');
			column++;
		}
		strbuf_add(out, text, size);
		column += columns;
		text += size + strspn(text + size, " ");
	}
	strbuf_addch(out, '\n');
}

static void help_one(const struct opt *o, unsigned width, struct strbuf *out)
{
	size_t start = out->len;

	/* So that pad_to() always has a buffer to look at. */
	strbuf_adds(out, "  ");
	if (o->letter)
		strbuf_addf(out, "-%c, ", o->letter);
	else
		strbuf_adds(out, "    ");
	strbuf_addf(out, "--%s", o->name);
	if (o->arg)
		strbuf_addf(out, " %s", o->arg);
	if (out->failed)
		return;
	if (utf8_width(out->buf + start, out->len - start) + 2 > HELP_COLUMN) {
		strbuf_addch(out, '\n');
		start = out->len;
	}
	add_wrapped(out, o->help, start, HELP_COLUMN,
		    width < HELP_COLUMN + HELP_MIN_WIDTH ? HELP_COLUMN + HELP_MIN_WIDTH : width);
}

void opt_help(const struct opt_group *groups, unsigned width, struct strbuf *out)
{
	for (const struct opt_group *g = groups; g->opts; g++) {
		if (!g->opts->name)
			continue;
		if (g != groups)
			strbuf_addch(out, '\n');
		if (g->title)
			strbuf_addf(out, "%s:\n", g->title);
		for (const struct opt *o = g->opts; o->name; o++)
			help_one(o, width, out);
	}
}

static void man_one(const struct opt *o, struct strbuf *out)
{
	strbuf_adds(out, ".TP\n");
	if (o->letter)
		strbuf_addf(out, "\\fB\\-%c\\fR, ", o->letter);
	strbuf_adds(out, "\\fB\\-\\-");
	roff_add(out, o->name);
	strbuf_adds(out, "\\fR");
	if (o->arg) {
		strbuf_adds(out, " \\fI");
		roff_add(out, o->arg);
		strbuf_adds(out, "\\fR");
	}
	strbuf_addch(out, '\n');
	roff_add(out, o->help);
	strbuf_adds(out, ".\n");
}

void opt_man(const struct opt_group *groups, struct strbuf *out)
{
	for (; groups->opts; groups++) {
		if (groups->title && groups->opts->name) {
			strbuf_adds(out, ".SS ");
			roff_add(out, groups->title);
			strbuf_addch(out, '\n');
		}
		for (const struct opt *o = groups->opts; o->name; o++)
			man_one(o, out);
	}
}
