// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/perfmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "symbolize/resolver.h"

enum {
	READ_SIZE = 64 << 10, /* a longer line is none */
	MAX_FILE = 64 << 20,
	MAX_ENTRIES = 2 << 20,
	MAX_NAME = 4096,
	/* A map that grows is not read again more often: its owner sets the pace of that. */
	REREAD_S = 1,
};

struct reader {
	struct perfmap *map;
	struct span *entries;
	size_t nr, cap, max_memory; /* 0: no bound */
};

static const char *parse_hex(const char *s, const char *end, uint64_t *ret)
{
	uint64_t value = 0;
	const char *from;

	if (end - s > 2 && s[0] == '0' && (s[1] | 0x20) == 'x')
		s += 2;
	for (from = s; s < end && *s != ' '; s++) {
		unsigned digit = (unsigned char)*s - '0';

		if (digit > 9) {
			digit = ((unsigned char)*s | 0x20) - 'a' + 10;
			if (digit < 10 || digit > 15)
				return NULL;
		}
		if (value >> 60)
			return NULL;
		value = value << 4 | digit;
	}
	*ret = value;
	return s > from && s < end ? s + 1 : NULL;
}

/* The table is built of the entries while they are still there. */
static bool is_too_much(const struct reader *r)
{
	return r->max_memory &&
	       2 * r->cap * sizeof(*r->entries) + r->map->names.cap > r->max_memory;
}

static int add_line(struct reader *r, const char *s, const char *end)
{
	struct strbuf *names = &r->map->names;
	uint64_t start, size;
	size_t name;

	s = parse_hex(s, end, &start);
	if (s)
		s = parse_hex(s, end, &size);
	if (!s || s == end || !size || size > UINT64_MAX - start || r->nr >= MAX_ENTRIES)
		return 0;
	name = strnlen(s, (size_t)(end - s));
	if (!name)
		return 0;
	if (array_reserve(r->entries, r->cap, r->nr + 1) < 0)
		return -ENOMEM;
	r->entries[r->nr] = (struct span){ .start = start,
					   .end = start + size,
					   .value = (uint32_t)names->len,
					   .rank = (uint32_t)r->nr };
	r->nr++;
	strbuf_add(names, s, name < MAX_NAME ? name : MAX_NAME);
	strbuf_add(names, "", 1);
	return names->failed ? -ENOMEM : is_too_much(r) ? -EFBIG : 0;
}

static ssize_t add_lines(struct reader *r, const char *s, size_t size)
{
	const char *from = s, *end = s + size, *newline;

	for (; (newline = memchr(s, '\n', (size_t)(end - s))); s = newline + 1) {
		int e = add_line(r, s, newline);

		if (e < 0)
			return e;
	}
	return s - from;
}

static int read_entries(struct reader *r, int fd)
{
	_cleanup_free_ char *block = malloc(READ_SIZE);
	size_t held = 0;

	if (!block)
		return -ENOMEM;
	for (off_t at = 0; at < MAX_FILE;) {
		ssize_t n = pread(fd, block + held, READ_SIZE - held, at), used;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		at += n;
		held += (size_t)n;
		used = add_lines(r, block, held);
		if (used < 0)
			return (int)used;
		if (!used && held == READ_SIZE)
			used = READ_SIZE;
		held -= (size_t)used;
		memmove(block, block + used, held);
	}
	return 0;
}

int perfmap_read(struct perfmap *ret, int fd, uint32_t uid, size_t max_memory)
{
	struct perfmap map = PERFMAP_INIT;
	struct reader r = { .map = &map, .max_memory = max_memory };
	struct stat st;
	int e;

	if (fd < 0)
		return -ENOENT;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_uid != uid && st.st_uid != 0))
		return -EPERM;
	map.size = st.st_size;
	e = read_entries(&r, fd);
	if (!e)
		e = spans_build(&map.spans, r.entries, r.nr);
	free(r.entries);
	if (e < 0) {
		perfmap_done(&map);
		return e;
	}
	*ret = map;
	return 0;
}

void perfmap_done(struct perfmap *m)
{
	spans_done(&m->spans);
	strbuf_done(&m->names);
	*m = (struct perfmap)PERFMAP_INIT;
}

const char *perfmap_find(const struct perfmap *m, uint64_t address)
{
	uint32_t name = spans_find(&m->spans, address);

	return name == SPAN_NONE ? NULL : m->names.buf + name;
}

/* The resolver: a map, and what is needed to read it again when it has grown. */
struct jit {
	struct perfmap map;
	int fd; /* the capture's */
	uint32_t uid;
	size_t max_memory;
	time_t read_at;
	bool dropped;
};

static bool jit_claim(const struct object *o)
{
	return o->kind == OBJECT_JIT;
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

static int jit_open(const struct object *o, const struct symbolizer_settings *settings,
		    void **ret_state, struct resolved_object *ret_object)
{
	_cleanup_free_ struct jit *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return -ENOMEM;
	j->fd = o->fd;
	j->uid = o->uid;
	j->max_memory = settings->max_memory;
	j->read_at = seconds();
	r = perfmap_read(&j->map, o->fd, o->uid, j->max_memory);
	if (r == -EFBIG && settings->ret_limited)
		*settings->ret_limited = true;
	if (r < 0)
		return r;
	*ret_object = (struct resolved_object){ 0 };
	*ret_state = j;
	j = NULL;
	return 0;
}

static bool has_grown(const struct jit *j)
{
	struct stat st;

	return !j->dropped && seconds() - j->read_at >= REREAD_S && !fstat(j->fd, &st) &&
	       st.st_size != j->map.size;
}

static void read_again(struct jit *j)
{
	struct perfmap map;

	j->read_at = seconds();
	if (perfmap_read(&map, j->fd, j->uid, j->max_memory) < 0)
		return;
	perfmap_done(&j->map);
	j->map = map;
}

static size_t jit_resolve(void *state, uint64_t offset, uint64_t *ret_address,
			  struct symbol *ret_symbols, size_t max)
{
	struct jit *j = state;
	const char *name = perfmap_find(&j->map, offset);

	*ret_address = offset;
	if (!name && has_grown(j)) {
		read_again(j);
		name = perfmap_find(&j->map, offset);
	}
	if (!name || !max)
		return 0;
	ret_symbols[0] = (struct symbol){ .name = name, .kind = FRAME_JIT };
	return 1;
}

static size_t jit_memory(const void *state)
{
	const struct jit *j = state;

	return sizeof(*j) + spans_memory(&j->map.spans) + j->map.names.cap;
}

static void jit_drop(void *state, enum resolver_detail detail)
{
	struct jit *j = state;

	if (detail != RESOLVER_SYMBOLS)
		return;
	perfmap_done(&j->map);
	j->dropped = true;
}

static void jit_close(void *state)
{
	struct jit *j = state;

	if (!j)
		return;
	perfmap_done(&j->map);
	free(j);
}

const struct resolver resolver_perfmap = {
	.name = "perf map",
	.claim = jit_claim,
	.open = jit_open,
	.resolve = jit_resolve,
	.memory = jit_memory,
	.drop = jit_drop,
	.close = jit_close,
};
