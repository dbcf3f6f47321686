// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/roff.h"

#include <string.h>

#include "base/utf8.h"

static void add_n(struct strbuf *out, const char *text, size_t size)
{
	/* A dot or a quote that begins a line would begin a request. */
	if (size && (*text == '.' || *text == '\''))
		strbuf_adds(out, "\\&");
	while (size) {
		uint32_t c = 0;
		size_t n = utf8_decode(text, size, &c);

		if (!n || n > 1)
			strbuf_addf(out, n ? "\\[u%04X]" : "?", c);
		else if (c == '\\')
			strbuf_adds(out, "\\e");
		else if (c == '-')
			strbuf_adds(out, "\\-");
		else if (c == '\'')
			strbuf_adds(out, "\\(aq");
		else if (c == '`')
			strbuf_adds(out, "\\(ga");
		else if (c == '^')
			strbuf_adds(out, "\\(ha");
		else if (c == '~')
			strbuf_adds(out, "\\(ti");
		else
			strbuf_addch(out, (char)c);
		n = n ? n : 1;
		text += n;
		size -= n;
	}
}

void roff_add(struct strbuf *out, const char *text)
{
	add_n(out, text, strlen(text));
}

void roff_paragraph(struct strbuf *out)
{
	const char *s = strbuf_str(out);
	size_t at = out->len ? out->len - 1 : 0;

	while (at && s[at - 1] != '\n')
		at--;
	if (strncmp(s + at, ".SH", 3) && strncmp(s + at, ".SS", 3))
		strbuf_adds(out, ".PP\n");
}

void roff_add_paragraphs(struct strbuf *out, const char *text)
{
	bool literal = false, gap = true;

	while (*text) {
		size_t size = strcspn(text, "\n");
		bool blank = *text == ' ' || *text == '\t';

		if (size) {
			if (gap)
				roff_paragraph(out);
			if (blank && !literal)
				strbuf_adds(out, ".nf\n");
			if (!blank && literal)
				strbuf_adds(out, ".fi\n");
			literal = blank;
			add_n(out, text, size);
			strbuf_addch(out, '\n');
		}
		gap = !size;
		text += size + (text[size] == '\n');
	}
	if (literal)
		strbuf_adds(out, ".fi\n");
}
