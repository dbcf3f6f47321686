/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `calls --python`: whether the processes that are named have a Python whose calls can be counted.
 */
#pragma once
#include "base/strbuf.h"
#include "kernel/filter.h"
#include "site/probe_site.h"

extern const struct probe_finder python_calls_finder;

/*
 * Looks at what each named process maps. 0, also if none is named; else one line in `error`:
 * -ENOTSUP, -ESRCH, or another negative errno.
 */
int python_calls_check(const struct filter *filter, struct strbuf *error);
