// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "export/flamegraph.h"

#include <string.h>

#include "base/parse.h"
#include "base/utf8.h"

/* What would be illegal in XML, invisible, or would turn the text around it (bidi controls). */
static bool unprintable(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200e && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff ||
	       (c & 0xfffe) == 0xfffe;
}

void flame_add_clean(struct strbuf *out, const char *s)
{
	size_t left = strlen(s);

	while (left) {
		size_t plain = 0;
		uint32_t c;

		while (plain < left && s[plain] >= 0x20 && s[plain] < 0x7f)
			plain++;
		strbuf_add(out, s, plain);
		s += plain;
		left -= plain;
		if (!left)
			break;
		size_t n = utf8_decode(s, left, &c);
		bool shown = n && !unprintable(c);

		n = n ? n : 1;
		if (shown)
			strbuf_add(out, s, n);
		for (size_t i = 0; i < n && !shown; i++)
			strbuf_addf(out, "\\x%02x", (unsigned char)s[i]);
		s += n;
		left -= n;
	}
}

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
	flame_add_clean(out, profile_facts(f->profile)->mode);
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
		flame_add_clean(out, type->name);
	}
}

void flame_add_subtitle(const struct flame *f, struct strbuf *out)
{
	const struct profile_info *info = profile_facts(f->profile);

	if (strcmp(info->values[0].unit, "count")) {
		flame_add_clean(out, info->values[0].name);
		strbuf_addch(out, ' ');
	}
	flame_add_value(f, f->nodes[0].total, out);
	if (info->duration_ns) {
		strbuf_adds(out, " in ");
		format_duration(info->duration_ns, out);
	}
	if (info->host[0]) {
		strbuf_adds(out, " · ");
		flame_add_clean(out, info->host);
	}
}

const char *flame_kind_name(uint32_t kind)
{
	return kind == FLAME_ROOT ? "all" : kind == FLAME_THREAD ? "thread" : frame_kind_name(kind);
}
