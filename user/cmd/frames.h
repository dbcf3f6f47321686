/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How interpreted frames are shown, of what is measured and of what was saved: the options. */
#pragma once
#include <stdbool.h>

#include "base/opt.h"
#include "model/profile.h"

struct frames {
	bool split_lines; /* --lines */
	bool no_native;	  /* --native=no */
};

/* Their ctx is a struct frames. */
extern const struct opt frames_opts[];
/* Only --native: for what says lines anyway. */
extern const struct opt frames_native_opts[];

/* Makes *p as was asked, in its place or in that of a new one. 0 or -ENOMEM, which leaves *p. */
int frames_apply(const struct frames *f, struct profile **p);
