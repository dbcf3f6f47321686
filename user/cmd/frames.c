// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "cmd/frames.h"

#include <errno.h>
#include <string.h>

static int set_lines(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	(void)error;
	((struct frames *)ctx)->split_lines = true;
	return 0;
}

static int set_native(void *ctx, const char *value, struct strbuf *error)
{
	if (strcmp(value, "yes") && strcmp(value, "no")) {
		strbuf_addf(error, "--native takes yes or no, not '%s'", value);
		return -EINVAL;
	}
	((struct frames *)ctx)->no_native = !strcmp(value, "no");
	return 0;
}

#define NATIVE                                                                                \
	{                                                                                     \
		"native", 0, "WHICH",                                                         \
			"native and kernel frames in stacks that have interpreted ones: yes " \
			"(default), or no for these alone",                                   \
			set_native, "yes no"                                                  \
	}

const struct opt frames_opts[] = {
	{ "lines", 0, NULL,
	  "name the line that runs, not the one where its function begins: functions are split",
	  set_lines, NULL },
	NATIVE,
	{ 0 },
};

const struct opt frames_native_opts[] = { NATIVE, { 0 } };

int frames_apply(const struct frames *f, struct profile **p)
{
	struct profile *reduced;
	int r;

	if (f->no_native) {
		r = profile_interpreted(*p, &reduced);
		if (r < 0)
			return r;
		profile_free(*p);
		*p = reduced;
	}
	profile_split_lines(*p, f->split_lines);
	return 0;
}
