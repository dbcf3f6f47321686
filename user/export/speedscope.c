// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The "sampled" file format of https://www.speedscope.app/file-format-schema.json */
#include <string.h>

#include "base/json.h"
#include "export/lines.h"

static const char *speedscope_unit(const struct profile *p)
{
	const char *unit = profile_facts(p)->values[0].unit;

	return !strcmp(unit, "nanoseconds") || !strcmp(unit, "bytes") ? unit : "none";
}

static void write_frames(struct json *j, const struct lines *l)
{
	json_object(j, "shared");
	json_array(j, "frames");
	for (uint32_t i = 0; i < l->nr_names; i++) {
		json_object(j, NULL);
		json_string(j, "name", l->names[i].text);
		if (*l->names[i].file)
			json_string(j, "file", l->names[i].file);
		if (l->names[i].line)
			json_u64(j, "line", l->names[i].line);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

static void write_samples(struct json *j, const struct lines *l)
{
	uint64_t total = 0;

	json_array(j, "samples");
	for (uint32_t i = 0; i < l->nr_lines; i++) {
		json_array(j, NULL);
		for (uint32_t k = 0; k < l->lines[i].nr; k++)
			json_u64(j, NULL, l->lines[i].names[k]);
		json_end(j);
		total += l->lines[i].value;
	}
	json_end(j);
	json_array(j, "weights");
	for (uint32_t i = 0; i < l->nr_lines; i++)
		json_u64(j, NULL, l->lines[i].value);
	json_end(j);
	json_u64(j, "startValue", 0);
	json_u64(j, "endValue", total);
}

static int write_speedscope(const struct profile *p, const struct export_settings *settings,
			    FILE *out)
{
	const struct profile_info *info = profile_facts(p);
	struct lines l;
	struct json j;
	int r = lines_init(&l, p,
			   &(struct lines_settings){ .per_thread = settings->per_thread,
						     .files = true,
						     .escape = strbuf_adds });

	if (r < 0)
		return r;
	json_init(&j, out);
	json_object(&j, NULL);
	json_string(&j, "$schema", "https://www.speedscope.app/file-format-schema.json");
	json_string(&j, "exporter", "bpfprof");
	json_string(&j, "name", *info->command ? info->command : info->mode);
	json_u64(&j, "activeProfileIndex", 0);
	write_frames(&j, &l);
	json_array(&j, "profiles");
	json_object(&j, NULL);
	json_string(&j, "type", "sampled");
	json_string(&j, "name", info->values[0].name);
	json_string(&j, "unit", speedscope_unit(p));
	write_samples(&j, &l);
	json_end(&j);
	json_end(&j);
	json_end(&j);
	lines_done(&l);
	return 0;
}

const struct exporter exporter_speedscope = {
	.name = "speedscope",
	.summary = "for speedscope.app",
	.suffix = ".speedscope.json",
	.write = write_speedscope,
};
