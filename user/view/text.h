/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The words that all reports are made of. Everything is first written to a
 * strbuf, one line or more, in UTF-8; text_put() turns it into what the
 * terminal can show. Names from a profile are escaped here and nowhere else.
 */
#pragma once
#include <stdint.h>
#include <stdio.h>

#include "base/strbuf.h"
#include "model/profile.h"
#include "view/view.h"

/* Escape sequences of a terminal. */
#define STYLE_HEAD  "\033[1m"
#define STYLE_FAINT "\033[2m"
#define STYLE_END   "\033[0m"

/* Prints the lines and empties them; blanks at their ends are left out. */
void text_put(struct strbuf *lines, const struct view_settings *settings, FILE *out);
/* Appends `text` to the line, cut to `width` columns (the last then is an ellipsis). */
void text_cut(struct strbuf *line, const char *text, size_t width);
/* Appends `text` on the right side of `width` columns. */
void text_right(struct strbuf *line, const char *text, size_t width);

/*
 * Which of the profile's values says best how heavy something is: the first, or, where that
 * counts samples, the time that they stand for.
 */
unsigned text_weight(const struct profile *p);
/* A value in its unit: "1.29 ms", "1.50 KiB", "1,234". */
void text_value(struct strbuf *line, const char *unit, uint64_t value);
/* "12.3 %"; "<0.1 %" for a little more than nothing, "" of nothing. */
void text_percent(struct strbuf *line, uint64_t part, uint64_t whole);
/* "comm (pid)". */
void text_process(struct strbuf *line, const struct profile *p, uint32_t who);
/*
 * A frame's name, without the parameters that one of C++ has; of an interpreted function with its
 * place, as text_where() says it.
 */
void text_frame(struct strbuf *line, const struct profile *p, uint32_t frame);
/* The same without that place. */
void text_function(struct strbuf *line, const struct profile *p, uint32_t frame);
/*
 * Where a function stands: "file.c:12", "folder/file.py:12" of an interpreted one (many are called
 * __init__.py), else the name of its module.
 */
void text_where(struct strbuf *line, const struct profile *p, uint32_t frame);

/* Sums over all samples. */
struct text_totals {
	uint64_t count, value[2]; /* value: by profile_value() */
};

struct text_totals text_sum(const struct profile *p);
/* The first lines of a report: what was measured, where, how long, how much. */
void text_head(struct strbuf *lines, const struct profile *p, const struct view_settings *settings);
/* That there is nothing to be shown: "nothing was seen: no calls". */
void text_nothing(struct strbuf *lines, const struct profile *p);
/* The last lines of a report. */
void text_quality(struct strbuf *lines, const struct profile *p,
		  const struct view_settings *settings);
