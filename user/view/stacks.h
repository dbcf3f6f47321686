/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The stacks that took most, each with the process it belongs to, a few lines each. */
#pragma once
#include "base/strbuf.h"
#include "model/profile.h"
#include "view/view.h"

/* Appends the `max` heaviest by the value of text_weight(). 0 or -ENOMEM. */
int stacks_write(const struct profile *p, const struct view_settings *settings, unsigned max,
		 struct strbuf *lines);
