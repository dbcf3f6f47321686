// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "export/exporter.h"

const struct exporter *const exporters[] = {
	&exporter_pprof, &exporter_folded,     &exporter_svg,	 &exporter_html,
	&exporter_json,	 &exporter_speedscope, &exporter_pstats, NULL,
};

const struct exporter *exporter_find(const char *name)
{
	for (const struct exporter *const *e = exporters; *e; e++)
		if (!strcmp((*e)->name, name))
			return *e;
	return NULL;
}

const struct exporter *exporter_for_path(const char *path)
{
	const struct exporter *best = NULL;
	size_t len = strlen(path);

	for (const struct exporter *const *e = exporters; *e; e++) {
		size_t suffix = strlen((*e)->suffix);

		if (suffix > len || strcmp(path + len - suffix, (*e)->suffix))
			continue;
		if (!best || suffix > strlen(best->suffix))
			best = *e;
	}
	return best;
}
