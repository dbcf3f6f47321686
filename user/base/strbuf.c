// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void strbuf_done(struct strbuf *sb)
{
	free(sb->buf);
	*sb = (struct strbuf)STRBUF_INIT;
}

void strbuf_reset(struct strbuf *sb)
{
	sb->len = 0;
	sb->failed = false;
	if (sb->buf)
		sb->buf[0] = '\0';
}

const char *strbuf_str(const struct strbuf *sb)
{
	return sb->buf ? sb->buf : "";
}

char *strbuf_steal(struct strbuf *sb)
{
	char *s = sb->failed ? NULL : sb->buf ? sb->buf : strdup("");

	if (sb->failed)
		free(sb->buf);
	*sb = (struct strbuf)STRBUF_INIT;
	return s;
}

/* Room for `more` bytes and the NUL. */
static bool reserve(struct strbuf *sb, size_t more)
{
	size_t need = sb->len + more + 1, cap = sb->cap ? sb->cap : 64;
	char *buf;

	if (sb->failed)
		return false;
	if (need <= sb->cap)
		return true;
	while (cap < need)
		cap *= 2;
	buf = realloc(sb->buf, cap);
	if (!buf) {
		sb->failed = true;
		return false;
	}
	sb->buf = buf;
	sb->cap = cap;
	return true;
}

void strbuf_reserve(struct strbuf *sb, size_t more)
{
	reserve(sb, more);
}

void strbuf_add(struct strbuf *sb, const void *bytes, size_t size)
{
	if (!reserve(sb, size))
		return;
	if (size)
		memcpy(sb->buf + sb->len, bytes, size);
	sb->len += size;
	sb->buf[sb->len] = '\0';
}

void strbuf_adds(struct strbuf *sb, const char *s)
{
	strbuf_add(sb, s, strlen(s));
}

void strbuf_addch(struct strbuf *sb, char c)
{
	strbuf_add(sb, &c, 1);
}

void strbuf_addvf(struct strbuf *sb, const char *format, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	if (n >= 0 && reserve(sb, (size_t)n)) {
		vsnprintf(sb->buf + sb->len, (size_t)n + 1, format, again);
		sb->len += (size_t)n;
	}
	va_end(again);
}

void strbuf_addf(struct strbuf *sb, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	strbuf_addvf(sb, format, args);
	va_end(args);
}

static void add_text(struct strbuf *sb, const char *s, bool escape)
{
	size_t left = strlen(s);

	while (left) {
		uint32_t c;
		size_t n = utf8_decode(s, left, &c);

		if (!n || (escape && !utf8_is_shown(c))) {
			n = n ? n : 1;
			for (size_t i = 0; i < n; i++)
				strbuf_addf(sb, "\\x%02x", (unsigned char)s[i]);
		} else {
			strbuf_add(sb, s, n);
		}
		s += n;
		left -= n;
	}
}

void strbuf_add_escaped(struct strbuf *sb, const char *s)
{
	add_text(sb, s, true);
}

void strbuf_add_utf8(struct strbuf *sb, const char *s)
{
	add_text(sb, s, false);
}
