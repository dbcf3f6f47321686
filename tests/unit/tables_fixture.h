/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tables in memory of our own, and the walk's view of them: walk.h reads what
 * tables.c has published. Included behind cmocka.h and tracker_fixture.h.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "unwind/compile.h"
#include "walk/tables_inside.h"

struct walk;

static const __u32 *walk_block(const struct walk *w, __u32 location);

static long walk_copy(const struct walk *w, void *to, __u32 size, __u64 from)
{
	(void)w;
	(void)to;
	(void)size;
	(void)from;
	return -1;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
struct walk_known;

static __u64 walk_thread(const struct walk *w)
{
	(void)w;
	return 0;
}

/* Nothing is remembered: it is the search that is tested. */
static struct walk_known *walk_known(const struct walk *w, __u64 hash)
{
	(void)w;
	(void)hash;
	return NULL;
}

static __u64 walk_code_mask(const struct walk *w)
{
	(void)w;
	return ~0ull;
}

#include "walk.h"
#pragma GCC diagnostic pop

enum { SEGMENT_WORDS = ABI_SEGMENT_BLOCKS * ABI_BLOCK_WORDS, NR_ENTRIES = 64 };

/* What segments stand in. */
struct store {
	uint32_t *segments[ABI_MAX_SEGMENTS];
	uint32_t nr_segments, nr_adds, nr_mapped, most_mapped;
	uint32_t most_segments; /* the next one is refused */
};

static struct store store;

static int store_add(void *ctx, const uint32_t *segments, uint32_t nr)
{
	struct store *s = ctx;

	if (s->nr_segments + nr > s->most_segments)
		return -ENOMEM;
	for (uint32_t i = 0; i < nr; i++) {
		assert_null(s->segments[segments[i]]);
		s->segments[segments[i]] = calloc(SEGMENT_WORDS, 4);
		assert_non_null(s->segments[segments[i]]);
	}
	s->nr_segments += nr;
	s->nr_adds++;
	return 0;
}

static void store_remove(void *ctx, uint32_t segment)
{
	struct store *s = ctx;

	assert_non_null(s->segments[segment]);
	free(s->segments[segment]);
	s->segments[segment] = NULL;
	s->nr_segments--;
}

static uint32_t *store_map(void *ctx, uint32_t segment, uint32_t block)
{
	struct store *s = ctx;

	assert_non_null(s->segments[segment]);
	assert_true(block < ABI_SEGMENT_BLOCKS);
	s->nr_mapped++;
	s->most_mapped = s->nr_mapped > s->most_mapped ? s->nr_mapped : s->most_mapped;
	return s->segments[segment] + block * ABI_BLOCK_WORDS;
}

static void store_unmap(void *ctx, uint32_t *words)
{
	struct store *s = ctx;

	assert_non_null(words);
	s->nr_mapped--;
}

static void store_free(void *ctx)
{
	struct store *s = ctx;

	assert_int_equal(s->nr_mapped, 0);
	for (uint32_t i = 0; i < ABI_MAX_SEGMENTS; i++)
		free(s->segments[i]);
}

static inline struct segments_store store_new(void)
{
	memset(&store, 0, sizeof(store));
	store.most_segments = ABI_MAX_SEGMENTS;
	return (struct segments_store){ store_add,   store_remove, store_map,
					store_unmap, store_free,   &store };
}

static const __u32 *walk_block(const struct walk *w, __u32 location)
{
	(void)w;
	__u32 block = location / ABI_BLOCK_WORDS;
	const __u32 *segment = store.segments[block / ABI_SEGMENT_BLOCKS];

	return segment ? segment + block % ABI_SEGMENT_BLOCKS * ABI_BLOCK_WORDS : NULL;
}

/* The list of an address space, as a walk finds it; false: it has none. */
static inline bool find_list(const struct abi_space *entries, uint64_t token, struct walk *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (uint32_t i = 0; i < ABI_SPACE_PROBES; i++) {
		const struct abi_space *e = &entries[((uint32_t)token + i) & (NR_ENTRIES - 1)];

		if (e->token != token)
			continue;
		ret->mappings = (__u32)e->mappings;
		ret->nr_mappings = (__u32)(e->mappings >> 32);
		return true;
	}
	return false;
}

struct tables_fixture {
	struct fixture f; /* the tracker's */
	struct tables *tables;
	struct abi_space entries[NR_ENTRIES];
};

static inline int tables_set_up_with(void **state, size_t max_bytes)
{
	static struct tables_fixture t;
	const struct tables_settings settings = { .max_bytes = max_bytes, .nr_spaces = NR_ENTRIES };
	const struct segments_store s = store_new();

	memset(&t, 0, sizeof(t));
	assert_int_equal(capture_init(&t.f.capture), 0);
	assert_int_equal(tracker_new(&t.f.tracker, &t.f.capture), 0);
	assert_int_equal(tables_new(&t.tables, &settings, &s, t.entries, t.f.tracker, &t.f.capture),
			 0);
	*state = &t;
	return 0;
}

static inline int tables_set_up(void **state)
{
	return tables_set_up_with(state, 64 << 20);
}

static inline int tables_tear_down(void **state)
{
	struct tables_fixture *t = *state;

	tables_free(t->tables);
	tracker_free(t->f.tracker);
	capture_done(&t->f.capture);
	return 0;
}

/* Maps a file as it is; `path` may be of any other kind of memory. */
static inline void map_file(struct tables_fixture *t, uint64_t time, uint32_t pid, uint64_t start,
			    uint64_t size, uint64_t offset, const char *path)
{
	struct process_event e = { .kind = PROCESS_MAP,
				   .time = time,
				   .tgid = pid,
				   .tid = pid,
				   .start = start,
				   .size = size,
				   .file_offset = offset,
				   .path = path };
	struct stat st;

	if (path[0] == '/' && !stat(path, &st)) {
		e.dev = st.st_dev;
		e.ino = st.st_ino;
	}
	assert_int_equal(tracker_event(t->f.tracker, &e), 0);
}

static inline void ask(struct tables_fixture *t, uint64_t time, uint32_t pid, uint64_t token,
		       uint64_t address)
{
	struct abi_ask a = { .type = ABI_ASK,
			     .tgid = pid,
			     .space = token,
			     .time = time,
			     .nr = 1,
			     .addresses = { address } };

	assert_int_equal(tables_answer(t->tables, &a), 0);
}

/* Nothing has to wait because it was just done. */
static inline void let_time_pass(struct tables_fixture *t)
{
	t->tables->loading.left = t->tables->listing.left = 1000000000;
	t->tables->long_listing.left = 1000000000;
	for (uint32_t i = 0; i < t->tables->nr_published; i++)
		t->tables->published[i]->made = 1;
	for (uint32_t i = 0; i < t->tables->nr_tables; i++)
		if (t->tables->tables[i])
			t->tables->tables[i]->left_at = 1;
}

/* What a drain does. */
static inline void drain(struct tables_fixture *t)
{
	tables_barrier(t->tables);
	t->tables->scan_again = 0;
	assert_int_equal(tables_tend(t->tables), 0);
}

/* The kind of mapping that a walk finds; UNKNOWN where there is none. */
static inline enum abi_mapping_kind kind_in(const struct tables_fixture *t, uint64_t token,
					    uint64_t address)
{
	struct walk w;

	if (!find_list(t->entries, token, &w) || !walk_find_mapping(&w, address))
		return ABI_MAPPING_UNKNOWN;
	return w.kind;
}

static inline struct unwind_table *compiled(const char *path)
{
	struct unwind_table *u = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(unwind_compile(fd, 0, &u), 0);
	close(fd);
	return u;
}

#define TABLES_TEST(name) cmocka_unit_test_setup_teardown(name, tables_set_up, tables_tear_down)
