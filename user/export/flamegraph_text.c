// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "export/flamegraph.h"

#include <string.h>

#include "base/parse.h"

void flame_add_xml(struct strbuf *out, const char *s)
{
	for (;;) {
		size_t plain = strcspn(s, "&<>\"");

		strbuf_add(out, s, plain);
		s += plain;
		switch (*s++) {
		case '\0':
			return;
		case '&':
			strbuf_adds(out, "&amp;");
			break;
		case '<':
			strbuf_adds(out, "&lt;");
			break;
		case '>':
			strbuf_adds(out, "&gt;");
			break;
		case '"':
			strbuf_adds(out, "&quot;");
			break;
		}
	}
}

void flame_add_json(struct strbuf *out, const char *s)
{
	strbuf_addch(out, '"');
	for (;;) {
		size_t plain = strcspn(s, "\"\\&<>");

		strbuf_add(out, s, plain);
		s += plain;
		if (!*s)
			break;
		if (*s == '"' || *s == '\\') {
			strbuf_addch(out, '\\');
			strbuf_addch(out, *s);
		} else {
			/* Neither the end of a script nor markup in XML, wherever this stands. */
			strbuf_addf(out, "\\u%04x", (unsigned)*s);
		}
		s++;
	}
	strbuf_addch(out, '"');
}

void flame_add_u64(struct strbuf *out, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	strbuf_add(out, digits + at, sizeof(digits) - at);
}

void flame_add_title(const struct flame *f, struct strbuf *out)
{
	strbuf_adds(out, "bpfprof ");
	strbuf_add_escaped(out, profile_facts(f->profile)->mode);
}

void flame_add_value(const struct flame *f, uint64_t value, struct strbuf *out)
{
	const struct value_type *type = &profile_facts(f->profile)->values[0];

	if (!strcmp(type->unit, "nanoseconds")) {
		format_duration(value, out);
	} else if (!strcmp(type->unit, "bytes")) {
		format_size(value, out);
	} else {
		format_count(value, out);
		strbuf_addch(out, ' ');
		strbuf_add_escaped(out, type->name);
	}
}

void flame_add_subtitle(const struct flame *f, struct strbuf *out)
{
	const struct profile_info *info = profile_facts(f->profile);

	if (strcmp(info->values[0].unit, "count")) {
		strbuf_add_escaped(out, info->values[0].name);
		strbuf_addch(out, ' ');
	}
	flame_add_value(f, f->nodes[0].total, out);
	if (info->duration_ns) {
		strbuf_adds(out, " in ");
		format_duration(info->duration_ns, out);
	}
	if (info->host[0]) {
		strbuf_adds(out, " · ");
		strbuf_add_escaped(out, info->host);
	}
}

const char *flame_kind_name(uint32_t kind)
{
	return kind == FLAME_ROOT ? "all" : kind == FLAME_THREAD ? "thread" : frame_kind_name(kind);
}
