// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/wrap.h"

#include <string.h>

#include "base/utf8.h"

static void pad_line(struct strbuf *out, size_t column)
{
	size_t start = out->len, width;

	while (start && out->buf[start - 1] != '\n')
		start--;
	for (width = utf8_width(strbuf_str(out) + start, out->len - start); width < column; width++)
		strbuf_addch(out, ' ');
}

void wrap_words(struct strbuf *out, const char *text, size_t size, size_t indent, size_t width)
{
	const char *end = text + size;
	size_t column = indent;

	pad_line(out, indent);
	while (text < end) {
		size_t word = 0, columns;

		while (text + word < end && text[word] != ' ' && text[word] != '\n')
			word++;
		columns = utf8_width(text, word);
		if (word && column > indent && column + 1 + columns > width) {
			strbuf_addch(out, '\n');
			pad_line(out, indent);
			column = indent;
		} else if (word && column > indent) {
			strbuf_addch(out, ' ');
			column++;
		}
		strbuf_add(out, text, word);
		column += columns;
		text += word + (text + word < end);
	}
	strbuf_addch(out, '\n');
}

static size_t line_size(const char *text)
{
	return strcspn(text, "\n");
}

void wrap_paragraphs(struct strbuf *out, const char *text, size_t width)
{
	while (*text) {
		size_t size = line_size(text);

		if (!size || *text == ' ') {
			strbuf_add(out, text, size);
			strbuf_addch(out, '\n');
			text += size + (text[size] == '\n');
			continue;
		}
		/* Lines of prose, up to an empty or an indented one, are one paragraph. */
		while (text[size] && text[size + 1] && text[size + 1] != '\n' &&
		       text[size + 1] != ' ')
			size += 1 + line_size(text + size + 1);
		wrap_words(out, text, size, 0, width);
		text += size + (text[size] == '\n');
	}
}
