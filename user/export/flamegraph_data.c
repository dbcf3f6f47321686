// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "export/flamegraph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/parse.h"

#include "flamegraph_css.h"
#include "flamegraph_draw_js.h"
#include "flamegraph_js.h"
#include "flamegraph_tree_js.h"

void flame_add_style(struct strbuf *out)
{
	strbuf_add(out, flamegraph_css, flamegraph_css_size);
}

void flame_add_script(struct strbuf *out)
{
	/* In a block of their own, so that nothing leaks into a page that holds the picture. */
	strbuf_adds(out, "\"use strict\";\n{\n");
	strbuf_add(out, flamegraph_tree_js, flamegraph_tree_js_size);
	strbuf_add(out, flamegraph_draw_js, flamegraph_draw_js_size);
	strbuf_add(out, flamegraph_js, flamegraph_js_size);
	strbuf_adds(out, "}\n");
}

static void add_text(const char *text, struct strbuf *out)
{
	_cleanup_(strbuf_done) struct strbuf clean = STRBUF_INIT;

	strbuf_add_escaped(&clean, text);
	flame_add_json(out, strbuf_str(&clean));
	out->failed |= clean.failed;
}

static void add_made(void (*make)(const struct flame *f, struct strbuf *out), const struct flame *f,
		     struct strbuf *out)
{
	_cleanup_(strbuf_done) struct strbuf text = STRBUF_INIT;

	make(f, &text);
	flame_add_json(out, strbuf_str(&text));
	out->failed |= text.failed;
}

static void make_host(const struct flame *f, struct strbuf *out)
{
	strbuf_add_escaped(out, profile_facts(f->profile)->host);
}

static void make_command(const struct flame *f, struct strbuf *out)
{
	strbuf_add_escaped(out, profile_facts(f->profile)->command);
}

static void make_total(const struct flame *f, struct strbuf *out)
{
	flame_add_value(f, f->nodes[0].total, out);
	if (strcmp(profile_facts(f->profile)->values[0].unit, "count")) {
		strbuf_addch(out, ' ');
		strbuf_add_escaped(out, profile_facts(f->profile)->values[0].name);
	}
}

static void make_duration(const struct flame *f, struct strbuf *out)
{
	if (profile_facts(f->profile)->duration_ns)
		format_duration(profile_facts(f->profile)->duration_ns, out);
}

static void make_start(const struct flame *f, struct strbuf *out)
{
	const int64_t ns = profile_facts(f->profile)->time_ns;
	const time_t seconds = (time_t)(ns / 1000000000);
	char text[64];
	struct tm tm;

	if (ns > 0 && gmtime_r(&seconds, &tm) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm))
		strbuf_adds(out, text);
}

static void make_quality(const struct flame *f, struct strbuf *out)
{
	static const char prefix[] = "quality: ";
	_cleanup_(strbuf_done) struct strbuf line = STRBUF_INIT;
	const char *text;

	quality_line(&profile_facts(f->profile)->quality, &line);
	text = strbuf_str(&line);
	/* The page has its own heading. */
	strbuf_adds(out, strncmp(text, prefix, strlen(prefix)) ? text : text + strlen(prefix));
	out->failed |= line.failed;
}

/* What the page tells of the measurement; a fact without text is left out there. */
static const struct {
	const char *heading;
	void (*make)(const struct flame *f, struct strbuf *out);
} facts[] = {
	{ "Measured", make_total }, { "Duration", make_duration }, { "Started", make_start },
	{ "Host", make_host },	    { "Command", make_command },   { "Quality", make_quality },
};

static void add_facts(const struct flame *f, bool page, struct strbuf *out)
{
	const struct value_type *type = &profile_facts(f->profile)->values[0];

	strbuf_addf(out, "\"page\":%s,\"title\":", page ? "true" : "false");
	add_made(flame_add_title, f, out);
	strbuf_adds(out, ",\"subtitle\":");
	add_made(flame_add_subtitle, f, out);
	strbuf_adds(out, ",\"unit\":");
	add_text(type->unit, out);
	strbuf_adds(out, ",\"value\":");
	add_text(type->name, out);
	strbuf_adds(out, ",\"facts\":[");
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		strbuf_addf(out, "%s[\"%s\",", i ? "," : "", facts[i].heading);
		add_made(facts[i].make, f, out);
		strbuf_addch(out, ']');
	}
	strbuf_adds(out, "],\"kinds\":[");
	for (uint32_t k = 0; k < FLAME_KINDS; k++)
		strbuf_addf(out, "%s\"%s\"", k ? "," : "", flame_kind_name(k));
	strbuf_addch(out, ']');
}

/* One array of numbers, one a function; the functions of an unknown kind of fact are 0. */
static void add_column(const struct flame *f, const char *name, size_t offset, struct strbuf *out)
{
	strbuf_addf(out, ",\"%s\":[", name);
	for (uint32_t i = 0; i < f->nr_functions; i++) {
		if (i)
			strbuf_addch(out, ',');
		flame_add_u64(out, *(uint32_t *)((char *)&f->functions[i] + offset));
	}
	strbuf_addch(out, ']');
}

/* Paths repeat: they stand once, in "places", and ids of the profile become indices of it. */
static int add_places(const struct flame *f, struct strbuf *out)
{
	static const size_t columns[] = { offsetof(struct flame_function, module),
					  offsetof(struct flame_function, file) };
	const uint32_t nr = profile_nr_strings(f->profile);
	_cleanup_free_ uint32_t *place = calloc(nr, sizeof(*place));
	uint32_t used = 0;

	if (!place)
		return -ENOMEM;
	strbuf_adds(out, ",\"places\":[\"\"");
	for (uint32_t i = 0; i < f->nr_functions; i++) {
		for (size_t c = 0; c < ARRAY_SIZE(columns); c++) {
			uint32_t id = *(uint32_t *)((char *)&f->functions[i] + columns[c]);

			if (!id || place[id])
				continue;
			place[id] = ++used;
			strbuf_addch(out, ',');
			add_text(profile_string_at(f->profile, id), out);
		}
	}
	strbuf_addch(out, ']');
	for (size_t c = 0; c < ARRAY_SIZE(columns); c++) {
		strbuf_addf(out, ",\"%s\":[", c ? "file" : "module");
		for (uint32_t i = 0; i < f->nr_functions; i++) {
			if (i)
				strbuf_addch(out, ',');
			flame_add_u64(out,
				      place[*(uint32_t *)((char *)&f->functions[i] + columns[c])]);
		}
		strbuf_addch(out, ']');
	}
	return 0;
}

static void add_functions(const struct flame *f, struct strbuf *out)
{
	strbuf_adds(out, ",\"name\":[");
	for (uint32_t i = 0; i < f->nr_functions; i++) {
		if (i)
			strbuf_addch(out, ',');
		flame_add_json(out, f->functions[i].name);
	}
	strbuf_addch(out, ']');
	add_column(f, "kind", offsetof(struct flame_function, kind), out);
	add_column(f, "shade", offsetof(struct flame_function, shade), out);
	add_column(f, "line", offsetof(struct flame_function, line), out);
	add_column(f, "last", offsetof(struct flame_function, last), out);
}

/*
 * The tree in depth-first order. `up` says how far to climb from one node to
 * the parent of the next: mostly 0 or a small number, whatever the depth.
 */
static void add_nodes(const struct flame *f, struct strbuf *out)
{
	uint32_t depth = 0;

	strbuf_adds(out, ",\"node\":[0");
	for (uint32_t i = flame_next(f, 0, false); i != FLAME_NONE; i = flame_next(f, i, false)) {
		strbuf_addch(out, ',');
		flame_add_u64(out, f->nodes[i].function);
	}
	strbuf_adds(out, "],\"up\":[0");
	for (uint32_t i = flame_next(f, 0, false); i != FLAME_NONE; i = flame_next(f, i, false)) {
		strbuf_addch(out, ',');
		flame_add_u64(out, depth + 1 - f->nodes[i].depth);
		depth = f->nodes[i].depth;
	}
	strbuf_adds(out, "],\"self\":[0");
	for (uint32_t i = flame_next(f, 0, false); i != FLAME_NONE; i = flame_next(f, i, false)) {
		strbuf_addch(out, ',');
		flame_add_u64(out, f->nodes[i].self);
	}
	strbuf_addch(out, ']');
}

void flame_add_data(const struct flame *f, bool page, struct strbuf *out)
{
	strbuf_addch(out, '{');
	add_facts(f, page, out);
	add_functions(f, out);
	if (add_places(f, out) < 0)
		out->failed = true;
	add_nodes(f, out);
	strbuf_adds(out, "}\n");
}
