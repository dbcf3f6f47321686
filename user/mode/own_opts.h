/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Options that several modes have as their own: what a struct opt's `set` does for them. */
#pragma once
#include "base/strbuf.h"

/* --latency: mode_settings.full. */
int own_opt_latency(void *ctx, const char *value, struct strbuf *error);
/* --slower TIME: mode_settings.slower_ns. */
int own_opt_slower(void *ctx, const char *value, struct strbuf *error);
