/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One distribution as lines with bars: buckets are joined until there are few enough to read. */
#pragma once
#include "base/hist.h"
#include "base/strbuf.h"
#include "view/view.h"

enum { BARS_MAX_LINES = 20 };

/*
 * Appends a line for each range of values of `unit`: where it begins and ends, how many values
 * lie in it, which share of all, and a bar. Empty ranges between others stand as one line.
 */
void bars_write(const struct hist *h, const char *unit, const struct view_settings *settings,
		struct strbuf *lines);
