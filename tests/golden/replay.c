// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* replay FILE FORMAT [per-thread]: a saved profile on standard output in a format. */
#include <string.h>

#include "export/exporter.h"
#include "pprof/pprof.h"

int main(int argc, char **argv)
{
	struct export_settings settings = { .per_thread = argc > 3 };
	struct strbuf error = STRBUF_INIT;
	_cleanup_(profile_freep) struct profile *p = NULL;
	const struct exporter *e = argc > 2 ? exporter_find(argv[2]) : NULL;
	int r;

	if (!e) {
		fprintf(stderr, "usage: replay FILE FORMAT [per-thread]\n");
		return 2;
	}
	r = pprof_read(argv[1], &p, &error);
	if (r < 0)
		fprintf(stderr, "%s\n", strbuf_str(&error));
	strbuf_done(&error);
	if (r < 0)
		return 1;
	r = e->write(p, &settings, stdout);
	return r < 0 || fflush(stdout) ? 1 : 0;
}
