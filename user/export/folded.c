// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <inttypes.h>
#include <string.h>

#include "export/lines.h"

/* A ';' would be read as the next frame; stackcollapse makes it a ':', and so do we. */
static void escape(struct strbuf *out, const char *name)
{
	size_t start = out->len;

	strbuf_add_escaped(out, name);
	for (size_t i = start; i < out->len; i++)
		if (out->buf[i] == ';')
			out->buf[i] = ':';
}

/* Times in microseconds, as flamegraph.pl wants a whole number; what took any time is not 0. */
static uint64_t shown_value(const struct profile *p, uint64_t value)
{
	uint64_t rounded = value / 1000 + (value % 1000 >= 500);

	if (strcmp(profile_facts(p)->values[0].unit, "nanoseconds"))
		return value;
	return value && !rounded ? 1 : rounded;
}

static int write_folded(const struct profile *p, const struct export_settings *settings, FILE *out)
{
	struct lines l;
	int r = lines_init(
		&l, p,
		&(struct lines_settings){ .per_thread = settings->per_thread, .escape = escape });

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < l.nr_lines; i++) {
		const struct line *line = &l.lines[i];

		if (!line->value)
			continue;
		for (uint32_t k = 0; k < line->nr; k++) {
			if (k)
				putc_unlocked(';', out);
			fputs_unlocked(l.names[line->names[k]].text, out);
		}
		fprintf(out, " %" PRIu64 "\n", shown_value(p, line->value));
	}
	lines_done(&l);
	return 0;
}

const struct exporter exporter_folded = {
	.name = "folded",
	.summary = "a line a stack, as flamegraph.pl reads it; times in microseconds",
	.suffix = ".folded",
	.write = write_folded,
};
