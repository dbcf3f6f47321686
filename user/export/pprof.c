// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "pprof/pprof.h"

#include "export/exporter.h"

static int write_pprof(const struct profile *p, const struct export_settings *settings, FILE *out)
{
	/* Threads stand apart in the file as it is. */
	(void)settings;
	return pprof_write(p, out);
}

const struct exporter exporter_pprof = {
	.name = "pprof",
	.summary = "a pprof profile, as bpfprof report and go tool pprof read it",
	.suffix = ".pb.gz",
	.binary = true,
	.tells_sums = true,
	.write = write_pprof,
};
