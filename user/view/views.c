// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "view/view.h"

#include <string.h>

const struct view views[] = {
	{ "table", "the heaviest functions, by themselves and with all that they call",
	  view_table },
	{ "hist", "how values are distributed, and which stacks they come from", view_hist },
	{ 0 },
};

const struct view *view_find(const char *name)
{
	for (const struct view *v = views; v->name; v++)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}
