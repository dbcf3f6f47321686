/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a user asked of a mode, and the options that say it. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/opt.h"
#include "cmd/frames.h"
#include "cmd/output.h"
#include "collect/live.h"
#include "collect/mode.h"
#include "view/view.h"

struct measure_settings {
	struct live_settings live;
	struct output output;
	struct frames frames;
	struct view_settings view;
	const char *view_name; /* of views[] */
	uint64_t duration_ns;  /* 0: until Ctrl-C, or until the program ends */
	bool has_duration;     /* it was given */
	uint64_t interval_ns;  /* a report each so often; 0: one at the end */
	uint64_t nr_intervals; /* 0: as many as the duration has */
	bool no_inline;
	char **program; /* what to start and measure, NULL-ended; NULL: nothing */
	/* The words of a mode that has operands; owned. */
	const char **operands;
	size_t nr_operands;
};

/*
 * Reads a mode's command line. 0, or -EINVAL with one line in `error`.
 * Strings point into argv. Released with measure_done() in any case.
 */
int measure_parse(const struct mode *mode, int argc, char **argv, struct measure_settings *ret,
		  struct strbuf *error);
void measure_done(struct measure_settings *s);
