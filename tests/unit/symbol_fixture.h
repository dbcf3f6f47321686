/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of symbolize/ share: one object behind its resolver, and other tools' answers. */
#pragma once
#include <stdarg.h>
#include <errno.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "symbolize/resolver.h"

/* One ELF file, opened. */
struct subject {
	const char *path; /* the caller keeps it */
	int fd;
	void *state;
	struct resolved_object about;
};

static inline int subject_open_fd(struct subject *s, int fd, const char *path)
{
	const struct symbolizer_settings settings = { .no_lines = true };
	struct object o = { .kind = OBJECT_ELF, .path = (char *)path, .fd = fd };

	s->path = path;
	s->fd = fd;
	s->state = NULL;
	return resolver_elf.open(&o, &settings, &s->state, &s->about);
}

static inline void subject_open(struct subject *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(subject_open_fd(s, fd, path), 0);
}

static inline void subject_close(struct subject *s)
{
	if (s->state)
		resolver_elf.close(s->state);
	close(s->fd);
}

/* The name at an ELF virtual address in the code segment, or NULL. */
static inline const char *subject_name(struct subject *s, uint64_t address)
{
	struct symbol symbol = { 0 };
	uint64_t found = 0;
	uint64_t offset = address - s->about.start + s->about.offset;
	size_t nr = resolver_elf.resolve(s->state, offset, &found, &symbol, 1);

	assert_int_equal(found, address);
	assert_true(nr <= 1);
	return nr ? symbol.name : NULL;
}

/* A symbol as readelf or nm says it. */
struct known {
	uint64_t start, size;
	bool stub; /* a local function without a size */
	char name[512];
};

struct known_list {
	struct known *at;
	size_t nr, cap;
};

static inline void known_add(struct known_list *l, const struct known *k)
{
	assert_int_equal(array_reserve(l->at, l->cap, l->nr + 1), 0);
	l->at[l->nr++] = *k;
}

static inline FILE *run_command(const char *format, const char *path)
{
	char command[8192];
	FILE *f;

	snprintf(command, sizeof(command), format, path);
	f = popen(command, "r");
	assert_non_null(f);
	return f;
}
