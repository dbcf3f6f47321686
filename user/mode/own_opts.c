// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "mode/own_opts.h"

#include <errno.h>

#include "base/parse.h"
#include "collect/mode.h"

int own_opt_latency(void *ctx, const char *value, struct strbuf *error)
{
	struct mode_settings *s = ctx;

	(void)value;
	(void)error;
	s->full = true;
	return 0;
}

int own_opt_slower(void *ctx, const char *value, struct strbuf *error)
{
	struct mode_settings *s = ctx;

	if (!parse_duration(value, &s->slower_ns) && s->slower_ns)
		return 0;
	strbuf_addf(error, "--slower takes a time such as 10ms, not '%s'", value);
	return -EINVAL;
}
