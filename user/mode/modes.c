// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "collect/mode.h"

extern const struct mode mode_cpu, mode_io, mode_gc, mode_calls;

const struct mode *const modes[] = { &mode_cpu, &mode_io, &mode_gc, &mode_calls, NULL };

const struct mode *mode_find(const char *name)
{
	for (const struct mode *const *m = modes; *m; m++)
		if (!strcmp((*m)->name, name))
			return *m;
	return NULL;
}
