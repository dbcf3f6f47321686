/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A folder for a cache, made anew for every test, and made-up tables to put into it. */
#pragma once
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "unwind/cache.h"

enum { NOBODY = 65534 };
static const uint64_t PLENTY = 1 << 30;

static char base[64];

static const char *at(const char *name)
{
	static char path[4][512];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", base, name);
	return p;
}

static inline int setup(void **state)
{
	(void)state;
	strcpy(base, "/tmp/bpfprof-test-cache-XXXXXX");
	return mkdtemp(base) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int teardown(void **state)
{
	(void)state;
	return nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline struct unwind_cache *cache_at(const char *name, uint64_t max_bytes)
{
	struct unwind_cache *c = NULL;

	assert_int_equal(unwind_cache_open(&c, at(name), max_bytes), 0);
	assert_non_null(c);
	return c;
}

/* Block 0 is a gap; every page has its block: a full rule, an index, three rows. */
static inline struct unwind_table *table_of_pages(uint32_t nr_pages, uint32_t seed)
{
	enum { GAP_WORDS = 2, WORDS = CFI_RULE_WORDS + 1 + 3 };
	struct unwind_table *t = calloc(1, sizeof(*t));
	const struct cfi_rule full = { .cfa = 19, .cfa_offset = (int)(seed % 1000) };

	*t = (struct unwind_table){ .machine = 62,
				    .first_page = seed % 7,
				    .nr_pages = nr_pages,
				    .nr_blocks = nr_pages + 1,
				    .nr_words = GAP_WORDS + nr_pages * WORDS,
				    .nr_segments = 1,
				    .nr_rows = nr_pages * 3,
				    .nr_full = nr_pages,
				    .nr_fdes = seed,
				    .nr_bad = 1 };
	t->pages = calloc(nr_pages, sizeof(*t->pages));
	t->blocks = calloc(t->nr_blocks, sizeof(*t->blocks));
	t->words = calloc(t->nr_words, sizeof(*t->words));
	t->segments = calloc(1, sizeof(*t->segments));
	t->words[1] = CFI_GAP;
	t->blocks[0] = (struct unwind_block){ 0, GAP_WORDS, 0, CFI_MAX_SHIFT };
	for (uint32_t i = 0; i < nr_pages; i++) {
		uint32_t begin = GAP_WORDS + i * WORDS, *w = t->words + begin;

		t->pages[i] = i + 1;
		t->blocks[i + 1] = (struct unwind_block){ begin, WORDS, begin + CFI_RULE_WORDS,
							  CFI_MAX_SHIFT };
		memcpy(w, &full, sizeof(full));
		w[CFI_RULE_WORDS] = (uint32_t)2 << 16;
		w[CFI_RULE_WORDS + 1] = CFI_GAP;
		w[CFI_RULE_WORDS + 2] = 0x100u << 16 | 1 << CFI_OFFSET_SHIFT;
		w[CFI_RULE_WORDS + 3] = 0x200u << 16 | CFI_FULL;
	}
	t->segments[0] = (struct unwind_segment){ 0x1000, t->first_page << CFI_PAGE_SHIFT,
						  (uint64_t)nr_pages << CFI_PAGE_SHIFT };
	assert_true(unwind_table_is_valid(t));
	return t;
}

static inline struct unwind_table *table_of_kind(enum unwind_kind kind)
{
	struct unwind_table *t = calloc(1, sizeof(*t));

	*t = (struct unwind_table){ .kind = kind, .machine = 183, .nr_segments = 1 };
	t->segments = calloc(1, sizeof(*t->segments));
	t->segments[0] = (struct unwind_segment){ 0, 0x400000, 0x12345 };
	assert_true(unwind_table_is_valid(t));
	return t;
}

static inline void assert_same(const struct unwind_table *a, const struct unwind_table *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->machine, b->machine);
	assert_int_equal(a->first_page, b->first_page);
	assert_int_equal(a->nr_rows, b->nr_rows);
	assert_int_equal(a->nr_full, b->nr_full);
	assert_int_equal(a->nr_fdes, b->nr_fdes);
	assert_int_equal(a->nr_bad, b->nr_bad);
	assert_int_equal(a->nr_pages, b->nr_pages);
	assert_int_equal(a->nr_blocks, b->nr_blocks);
	assert_int_equal(a->nr_words, b->nr_words);
	assert_int_equal(a->nr_segments, b->nr_segments);
	if (a->nr_pages)
		assert_memory_equal(a->pages, b->pages, a->nr_pages * sizeof(*a->pages));
	if (a->nr_blocks)
		assert_memory_equal(a->blocks, b->blocks, a->nr_blocks * sizeof(*a->blocks));
	if (a->nr_words)
		assert_memory_equal(a->words, b->words, a->nr_words * sizeof(*a->words));
	if (a->nr_segments)
		assert_memory_equal(a->segments, b->segments,
				    a->nr_segments * sizeof(*a->segments));
}

/* The tables here go by an id of one byte. */
static inline int put(struct unwind_cache *c, uint8_t id, const struct unwind_table *t)
{
	return unwind_cache_put(c, &id, 1, t);
}

/* What getting says; the table is not kept. */
static inline int get(struct unwind_cache *c, uint8_t id)
{
	struct unwind_table *t = NULL;
	struct cfi_rule full;
	int r = unwind_cache_get(c, &id, 1, &t);

	assert_true(!r == !!t);
	if (t) {
		assert_true(unwind_table_is_valid(t));
		/* For the sanitizers: a valid table keeps a reader within its bounds. */
		for (uint64_t a = 0; a < 16 << CFI_PAGE_SHIFT; a += 0x7f3)
			unwind_table_rule(t, (t->first_page << CFI_PAGE_SHIFT) + a, &full);
	}
	unwind_table_free(t);
	return r;
}

/* The file of an id in folder "c"; NULL: there is none. */
static inline const char *file_of(uint8_t id)
{
	_cleanup_closedir_ DIR *d = opendir(at("c"));
	char begin[8], name[300];

	snprintf(begin, sizeof(begin), "%02x.", id);
	for (struct dirent *e; (e = readdir(d));)
		if (!strncmp(e->d_name, begin, 3) && !strstr(e->d_name, ".tmp")) {
			snprintf(name, sizeof(name), "c/%s", e->d_name);
			return at(name);
		}
	return NULL;
}

static inline bool exists(const char *path)
{
	struct stat st;

	return !lstat(path, &st);
}

static inline void write_bytes(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

static inline uint8_t *read_bytes(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "r");
	uint8_t *bytes = malloc(1 << 20);

	assert_non_null(f);
	*ret_size = fread(bytes, 1, 1 << 20, f);
	fclose(f);
	return bytes;
}

/* What tables take in folder "c". */
static inline uint64_t bytes_of_folder(unsigned *ret_files)
{
	_cleanup_closedir_ DIR *d = opendir(at("c"));
	uint64_t bytes = 0;

	*ret_files = 0;
	for (struct dirent *e; (e = readdir(d));) {
		struct stat st;

		if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, 0))
			continue;
		bytes += (uint64_t)st.st_size;
		++*ret_files;
	}
	return bytes;
}

static inline void set_age(const char *path, time_t seconds)
{
	struct timespec times[2];

	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= seconds;
	times[1] = times[0];
	assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}
