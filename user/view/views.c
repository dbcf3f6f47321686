// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "view/view.h"

#include <string.h>

const struct view *const views[] = { &view_table, &view_hist, &view_pauses, &view_pycalls, NULL };

const struct view *view_find(const char *name)
{
	for (const struct view *const *v = views; *v; v++)
		if (!strcmp((*v)->name, name))
			return *v;
	return NULL;
}
