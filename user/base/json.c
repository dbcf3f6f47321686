// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

static void put_string(FILE *out, const char *s)
{
	size_t left = strlen(s);

	putc('"', out);
	while (left) {
		uint32_t c;
		size_t n = utf8_decode(s, left, &c);

		if (!n)
			fprintf(out, "\\\\x%02x", (unsigned char)*s);
		else if (c == '"' || c == '\\')
			fprintf(out, "\\%c", (char)c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c == '\t')
			fputs("\\t", out);
		/* 7f to 9f and the two line separators are legal, but upset terminals and scripts.
		 */
		else if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029)
			fprintf(out, "\\u%04x", (unsigned)c);
		else
			fwrite(s, 1, n, out);
		n = n ? n : 1;
		s += n;
		left -= n;
	}
	putc('"', out);
}

/* One line a member at the top, and a row of an array there: for people, grep and diff. */
static bool on_lines(const struct json *j)
{
	return j->depth == 1 || (j->depth == 2 && j->ends[1] == ']');
}

static void begin_value(struct json *j, const char *key)
{
	if (j->depth) {
		bool *filled = &j->filled[j->depth - 1];

		assert(!key == (j->ends[j->depth - 1] == ']'));
		if (*filled)
			putc(',', j->out);
		if (on_lines(j))
			putc('\n', j->out);
		else if (*filled)
			putc(' ', j->out);
		*filled = true;
	}
	if (key) {
		put_string(j->out, key);
		fputs(": ", j->out);
	}
}

static void open_level(struct json *j, const char *key, char begin, char end)
{
	begin_value(j, key);
	assert(j->depth < JSON_DEPTH_MAX);
	putc(begin, j->out);
	j->filled[j->depth] = false;
	j->ends[j->depth++] = end;
}

void json_init(struct json *j, FILE *out)
{
	*j = (struct json){ .out = out };
}

void json_object(struct json *j, const char *key)
{
	open_level(j, key, '{', '}');
}

void json_array(struct json *j, const char *key)
{
	open_level(j, key, '[', ']');
}

void json_end(struct json *j)
{
	assert(j->depth);
	if (on_lines(j) && j->filled[j->depth - 1])
		putc('\n', j->out);
	j->depth--;
	putc(j->ends[j->depth], j->out);
	if (!j->depth)
		putc('\n', j->out);
}

void json_string(struct json *j, const char *key, const char *value)
{
	begin_value(j, key);
	put_string(j->out, value);
}

void json_u64(struct json *j, const char *key, uint64_t value)
{
	begin_value(j, key);
	fprintf(j->out, "%" PRIu64, value);
}

void json_i64(struct json *j, const char *key, int64_t value)
{
	begin_value(j, key);
	fprintf(j->out, "%" PRId64, value);
}
