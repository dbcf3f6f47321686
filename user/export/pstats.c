// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What Python's cProfile writes (Lib/cProfile.py), and Lib/pstats.py reads. */
#include "export/pstats.h"

#include <string.h>

#include "export/exporter.h"
#include "export/marshal.h"

static void write_key(FILE *out, const struct pstats_function *f)
{
	marshal_tuple(out, 3);
	marshal_text(out, f->file, strlen(f->file));
	marshal_int(out, f->line);
	marshal_text(out, f->name, strlen(f->name));
}

static void write_time(FILE *out, const struct pstats *s, uint64_t value)
{
	marshal_float(out, s->is_time ? (double)value / 1e9 : (double)value);
}

/* Of a caller all calls stand first, of a function the primitive ones: so does cProfile. */
static void write_pair(FILE *out, const struct pstats *s, const struct pstats_pair *pair)
{
	write_key(out, &s->functions[pair->caller]);
	marshal_tuple(out, 4);
	marshal_int(out, pair->cost.calls);
	marshal_int(out, pair->cost.primitive);
	write_time(out, s, pair->cost.self);
	write_time(out, s, pair->cost.total);
}

static int write_pstats(const struct profile *p, const struct export_settings *settings, FILE *out)
{
	struct pstats s;
	uint32_t pair = 0;
	int r = pstats_init(&s, p);

	/* The format knows no threads. */
	(void)settings;
	if (r < 0)
		return r;
	marshal_dict(out);
	for (uint32_t i = 0; i < s.nr_functions; i++) {
		const struct pstats_function *f = &s.functions[i];

		write_key(out, f);
		marshal_tuple(out, 5);
		marshal_int(out, f->cost.primitive);
		marshal_int(out, f->cost.calls);
		write_time(out, &s, f->cost.self);
		write_time(out, &s, f->cost.total);
		marshal_dict(out);
		for (; pair < s.nr_pairs && s.pairs[pair].function == i; pair++)
			write_pair(out, &s, &s.pairs[pair]);
		marshal_dict_end(out);
	}
	marshal_dict_end(out);
	pstats_done(&s);
	return 0;
}

const struct exporter exporter_pstats = {
	.name = "pstats",
	.summary = "for Python's pstats, SnakeViz, gprof2dot; ncalls are calls for \"calls\", and "
		   "for other modes samples, as a line in it says",
	.suffix = ".prof",
	.binary = true,
	.tells_sums = true,
	.write = write_pstats,
};
