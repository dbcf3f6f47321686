/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What standard output can show. */
#pragma once
#include <stdbool.h>

#include "view/view.h"

/* Columns: $COLUMNS, else the terminal's, else 100. Between 40 and 1000. */
unsigned terminal_width(void);
/* Does the locale's text come as UTF-8? Asked of the environment: the locale need not exist. */
bool terminal_utf8(void);
/* A terminal, and $NO_COLOR (no-color.org) and TERM=dumb don't speak against it. */
bool terminal_color(void);
/* All three, into a report's settings. */
void terminal_settings(struct view_settings *v);
