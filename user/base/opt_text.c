// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tables of options as text: for --help and for the man page. */
#include <string.h>

#include "base/opt.h"
#include "base/roff.h"
#include "base/utf8.h"
#include "base/wrap.h"

enum { HELP_COLUMN = 28, HELP_MIN_WIDTH = 20 };

static void help_one(const struct opt *o, unsigned width, struct strbuf *out)
{
	struct strbuf head = STRBUF_INIT;

	strbuf_adds(&head, "  ");
	if (o->letter)
		strbuf_addf(&head, "-%c, ", o->letter);
	else
		strbuf_adds(&head, "    ");
	strbuf_addf(&head, "--%s", o->name);
	if (o->arg)
		strbuf_addf(&head, " %s", o->arg);
	strbuf_add(out, strbuf_str(&head), head.len);
	if (utf8_width(strbuf_str(&head), head.len) + 2 > HELP_COLUMN)
		strbuf_addch(out, '\n');
	strbuf_done(&head);
	wrap_words(out, o->help, strlen(o->help), HELP_COLUMN,
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
