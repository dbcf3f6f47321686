// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/proc_maps.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	/* A path has at most 4095 bytes, each of which may be a newline, written with four. */
	BUFFER_SIZE = 32 << 10,
	MAX_LINES = 1 << 20,
};

struct cursor {
	char *at, *end;
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A number in `base` (10 or 16) and the byte that ends it. */
static bool take_number(struct cursor *c, unsigned base, char ends_with, uint64_t *ret)
{
	char *begin = c->at;
	uint64_t v = 0;

	for (; c->at < c->end; c->at++) {
		int d = hex_digit(*c->at);

		if (d < 0 || d >= (int)base)
			break;
		if (v > (UINT64_MAX - (unsigned)d) / base)
			return false;
		v = v * base + (unsigned)d;
	}
	if (c->at == begin || c->at == c->end || *c->at++ != ends_with)
		return false;
	*ret = v;
	return true;
}

static void restore_newlines(char *s)
{
	char *to = strstr(s, "\\012");

	if (!to)
		return;
	for (const char *from = to; *from;) {
		bool newline = !strncmp(from, "\\012", 4);

		*to++ = newline ? '\n' : *from;
		from += newline ? 4 : 1;
	}
	*to = '\0';
}

int proc_maps_line(char *line, size_t size, struct proc_map *ret)
{
	struct cursor c = { line, line + size };
	struct proc_map m;
	uint64_t major, minor, ino = 0;
	const char *mode;

	if (!take_number(&c, 16, '-', &m.start) || !take_number(&c, 16, ' ', &m.end))
		return -EINVAL;
	mode = c.at;
	if (c.end - c.at < 5 || mode[4] != ' ')
		return -EINVAL;
	if (mode[2] != 'x')
		return 0;
	c.at += 5;
	if (!take_number(&c, 16, ' ', &m.offset) || !take_number(&c, 16, ':', &major) ||
	    !take_number(&c, 16, ' ', &minor) || m.start >= m.end)
		return -EINVAL;
	/* Nothing follows the inode of an anonymous entry but, on most kernels, a blank. */
	while (c.at < c.end && *c.at >= '0' && *c.at <= '9') {
		if (ino > UINT64_MAX / 10 - 1)
			return -EINVAL;
		ino = ino * 10 + (uint64_t)(*c.at++ - '0');
	}
	while (c.at < c.end && *c.at == ' ')
		c.at++;
	m.dev = makedev((unsigned)major, (unsigned)minor);
	m.ino = ino;
	m.path = c.at;
	restore_newlines(c.at);
	*ret = m;
	return 1;
}

static ssize_t read_some(int fd, char *to, size_t size)
{
	ssize_t n;

	do
		n = read(fd, to, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

struct reading {
	proc_map_fn fn;
	void *ctx;
	uint32_t bad, nr_lines;
	int nr;
};

static int one_line(struct reading *r, char *line, size_t size)
{
	struct proc_map m;
	int ret;

	r->nr_lines++;
	line[size] = '\0';
	ret = proc_maps_line(line, size, &m);
	if (ret < 0)
		r->bad++;
	if (ret <= 0)
		return 0;
	r->nr++;
	ret = r->fn(r->ctx, &m);
	return ret < 0 ? ret : 0;
}

/* Hands out the whole lines among `size` bytes. The bytes that are left, or a negative errno. */
static ssize_t whole_lines(struct reading *r, char *buffer, size_t size)
{
	char *at = buffer, *end = buffer + size, *newline;

	while (r->nr_lines < MAX_LINES && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		int ret = one_line(r, at, (size_t)(newline - at));

		if (ret < 0)
			return ret;
		at = newline + 1;
	}
	memmove(buffer, at, (size_t)(end - at));
	return end - at;
}

int proc_maps_read(int fd, proc_map_fn fn, void *ctx, uint32_t *ret_bad)
{
	struct reading r = { .fn = fn, .ctx = ctx };
	char buffer[BUFFER_SIZE + 1];
	bool too_long = false;
	size_t held = 0;
	ssize_t n;

	while (r.nr_lines < MAX_LINES) {
		n = read_some(fd, buffer + held, BUFFER_SIZE - held);
		if (n < 0)
			return (int)n;
		if (!n)
			break;
		held += (size_t)n;
		if (too_long) {
			char *newline = memchr(buffer, '\n', held);

			too_long = !newline;
			held = newline ? held - (size_t)(newline + 1 - buffer) : 0;
			if (newline)
				memmove(buffer, newline + 1, held);
		}
		n = whole_lines(&r, buffer, held);
		if (n < 0)
			return (int)n;
		held = (size_t)n;
		if (held == BUFFER_SIZE) {
			too_long = true;
			held = 0;
			r.bad++;
		}
	}
	if (held && !too_long) {
		int ret = one_line(&r, buffer, held);

		if (ret < 0)
			return ret;
	}
	if (ret_bad)
		*ret_bad = r.bad;
	return r.nr;
}
