// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"

/* Printable ASCII without '"' and '\\': nearly all there is. */
static size_t plain_run(const char *s)
{
	size_t n = 0;

	while (s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

/* Writes one code point, or one byte that is none; how many bytes it took. */
static size_t put_special(FILE *out, const char *s)
{
	uint32_t c;
	size_t n = utf8_decode(s, strnlen(s, 4), &c);

	if (!n)
		fprintf(out, "\\\\x%02x", (unsigned char)*s);
	else if (c == '"' || c == '\\')
		fprintf(out, "\\%c", (char)c);
	else if (c == '\n')
		fputs("\\n", out);
	else if (c == '\t')
		fputs("\\t", out);
	/* Most are legal, but upset terminals and scripts. */
	else if (c < 0x10000 && !utf8_is_shown(c))
		fprintf(out, "\\u%04x", (unsigned)c);
	else
		fwrite(s, 1, n, out);
	return n ? n : 1;
}

static void put_string(FILE *out, const char *s)
{
	putc_unlocked('"', out);
	while (*s) {
		size_t n = plain_run(s);

		if (n)
			fwrite_unlocked(s, 1, n, out);
		else
			n = put_special(out, s);
		s += n;
	}
	putc_unlocked('"', out);
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
			putc_unlocked(',', j->out);
		if (on_lines(j))
			putc_unlocked('\n', j->out);
		else if (*filled)
			putc_unlocked(' ', j->out);
		*filled = true;
	}
	if (key) {
		put_string(j->out, key);
		fputs_unlocked(": ", j->out);
	}
}

static void open_level(struct json *j, const char *key, char begin, char end)
{
	begin_value(j, key);
	assert(j->depth < JSON_DEPTH_MAX);
	putc_unlocked(begin, j->out);
	j->filled[j->depth] = false;
	j->ends[j->depth++] = end;
}

/* Streams are used by one thread: the _unlocked functions save a lock a byte. */
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
		putc_unlocked('\n', j->out);
	j->depth--;
	putc_unlocked(j->ends[j->depth], j->out);
	if (!j->depth)
		putc_unlocked('\n', j->out);
}

void json_string(struct json *j, const char *key, const char *value)
{
	begin_value(j, key);
	put_string(j->out, value);
}

void json_u64(struct json *j, const char *key, uint64_t value)
{
	char digits[20];
	size_t n = sizeof(digits);

	begin_value(j, key);
	/* Speedscope files are mostly numbers: printf() would take most of the time. */
	do {
		digits[--n] = (char)('0' + value % 10);
	} while (value /= 10);
	fwrite_unlocked(digits + n, 1, sizeof(digits) - n, j->out);
}

void json_i64(struct json *j, const char *key, int64_t value)
{
	begin_value(j, key);
	fprintf(j->out, "%" PRId64, value);
}

void json_share(struct json *j, const char *key, double value)
{
	begin_value(j, key);
	if (isfinite(value))
		fprintf(j->out, "%.6f", value);
	else
		fputs("null", j->out);
}
