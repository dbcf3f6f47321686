// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "abi.h"
#include "base/array.h"
#include "base/now.h"
#include "process/proc_maps.h"
#include "unwind/compile.h"
#include "walk/tables_inside.h"

#define REST_NS 1000000000ull

enum {
	MAX_FILE_SEGMENTS = 64,
#ifdef __aarch64__
	OUR_MACHINE = EM_AARCH64,
#else
	OUR_MACHINE = EM_X86_64,
#endif
};

struct table *tables_of(struct tables *t, uint32_t object)
{
	if (object >= t->nr_tables) {
		if (array_reserve(t->tables, t->cap_tables, object + 1u) < 0)
			return NULL;
		memset(t->tables + t->nr_tables, 0,
		       (object + 1 - t->nr_tables) * sizeof(*t->tables));
		t->nr_tables = object + 1;
	}
	if (!t->tables[object]) {
		t->tables[object] = calloc(1, sizeof(struct table));
		t->table_memory += t->tables[object] ? sizeof(struct table) : 0;
	}
	return t->tables[object];
}

/* Forgets what was loaded; the runs are whose turn it is to free. */
static void clear(struct tables *t, struct table *table)
{
	t->table_memory -= table->nr_segments * sizeof(*table->segments) +
			   table->nr_runs * sizeof(*table->runs);
	free(table->segments);
	free(table->runs);
	*table = (struct table){ .state = table->state, .used = table->used };
}

void table_free(struct tables *t, struct table *table)
{
	if (!table)
		return;
	clear(t, table);
	t->table_memory -= sizeof(*table);
	free(table);
}

static int find_vdso(void *ctx, const struct proc_map *m)
{
	uint64_t *range = ctx;

	if (m->start != range[0])
		return 0;
	range[1] = m->end;
	return -EEXIST;
}

/* Ours: there is but one. */
static int compile_vdso(size_t max_bytes, struct unwind_table **ret)
{
	uint64_t range[2] = { getauxval(AT_SYSINFO_EHDR), 0 };
	_cleanup_close_ int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	if (!range[0] || maps < 0)
		return -ENOENT;
	if (proc_maps_read(maps, find_vdso, range, NULL) != -EEXIST)
		return -ENOENT;
	return unwind_compile_memory((const void *)(uintptr_t)range[0], range[1] - range[0],
				     max_bytes, ret);
}

static bool cache_key_of(const struct object *o, struct cache_key *ret)
{
	struct stat st;

	if (!o->build_id_size || fstat(o->fd, &st) < 0)
		return false;
	*ret = (struct cache_key){ .build_id_size = o->build_id_size,
				   .owner = st.st_uid,
				   .size = (uint64_t)st.st_size };
	memcpy(ret->build_id, o->build_id, o->build_id_size);
	return true;
}

/* *ret_is_fresh: it is to go to disk, by t->fresh_key. */
static int read_table(struct tables *t, uint32_t object, struct unwind_table **ret,
		      bool *ret_is_fresh)
{
	const struct object *o = &t->capture->objects[object];
	struct cache_key *key = &t->fresh_key;
	size_t max_bytes = t->settings.max_bytes;

	if (o->kind == OBJECT_VDSO)
		return compile_vdso(max_bytes, ret);
	if (o->fd < 0)
		return -EBADF;
	*ret_is_fresh = t->cache && cache_key_of(o, key);
	if (*ret_is_fresh &&
	    unwind_cache_get(t->cache, (const uint8_t *)key, sizeof(*key), ret) >= 0) {
		*ret_is_fresh = false;
		return 0;
	}
	return unwind_compile(o->fd, max_bytes, ret);
}

void tables_keep(struct tables *t)
{
	uint64_t begin = now_thread_ns();

	if (!t->fresh)
		return;
	/* What can't be kept is compiled again the next time. */
	unwind_cache_put(t->cache, (const uint8_t *)&t->fresh_key, sizeof(t->fresh_key), t->fresh);
	unwind_table_free(t->fresh);
	t->fresh = NULL;
	allowance_spent(&t->loading, begin);
}

static int by_size(const void *a, const void *b)
{
	const struct segment_run *x = a, *y = b;

	if (x->words != y->words)
		return x->words < y->words ? 1 : -1;
	return x->location < y->location ? -1 : x->location > y->location;
}

static uint32_t nr_directories(const struct unwind_table *u)
{
	return (u->nr_pages + DIRECTORY_PAGES - 1) / DIRECTORY_PAGES;
}

/* That its runs will take: an even number each. */
static size_t words_of(const struct unwind_table *u)
{
	size_t words = (size_t)u->nr_pages + nr_directories(u);

	for (uint32_t i = 0; i < u->nr_blocks; i++)
		words += u->blocks[i].size + 1u;
	return words;
}

/*
 * Room for the directories and the blocks, the largest first: what is left of a block of the
 * segments is filled by smaller ones. *ret_at: where each block went.
 */
static int find_room(struct tables *t, const struct unwind_table *u, struct segment_run *runs,
		     uint32_t *ret_at)
{
	uint32_t nr_dirs = nr_directories(u), nr = 0;
	_cleanup_free_ struct segment_run *order = calloc(u->nr_blocks + 1u, sizeof(*order));
	int r = order ? 0 : -ENOMEM;

	for (uint32_t i = 0; !r && i < u->nr_blocks; i++)
		order[i] = (struct segment_run){ i, u->blocks[i].size };
	if (!r) {
		qsort(order, u->nr_blocks, sizeof(*order), by_size);
		segments_prepare(t->segments, SEGMENT_TABLES, words_of(u));
	}
	for (; !r && nr < nr_dirs; nr++) {
		uint32_t left = u->nr_pages - nr * DIRECTORY_PAGES;

		r = segments_get(t->segments, SEGMENT_TABLES,
				 left < DIRECTORY_PAGES ? left : DIRECTORY_PAGES, &runs[nr]);
		if (r)
			break;
	}
	for (uint32_t i = 0; !r && i < u->nr_blocks; i++, nr++) {
		r = segments_get(t->segments, SEGMENT_TABLES, order[i].words, &runs[nr]);
		if (r)
			break;
		ret_at[order[i].location] = runs[nr].location;
	}
	while (r && nr)
		segments_put(t->segments, runs[--nr]);
	return r;
}

struct placed {
	uint32_t location, block;
};

static int by_location(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return x->location < y->location ? -1 : x->location > y->location;
}

/* In order of location: each block of the segments is mapped once. */
static int write_blocks(struct tables *t, const struct unwind_table *u, const uint32_t *at)
{
	_cleanup_free_ struct placed *order = calloc(u->nr_blocks + 1u, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < u->nr_blocks; i++)
		order[i] = (struct placed){ at[i], i };
	qsort(order, u->nr_blocks, sizeof(*order), by_location);
	for (uint32_t i = 0; i < u->nr_blocks; i++) {
		const struct unwind_block *b = &u->blocks[order[i].block];
		uint32_t *to = segments_at(t->segments, order[i].location);

		if (!to)
			return -ENOMEM;
		memcpy(to, u->words + b->begin, b->size * sizeof(*to));
	}
	return 0;
}

static int write_table(struct tables *t, const struct unwind_table *u,
		       const struct segment_run *runs, const uint32_t *at)
{
	int r = write_blocks(t, u, at);

	if (r)
		return r;
	for (uint32_t i = 0; i < u->nr_pages; i++) {
		uint32_t n = u->pages[i];
		const struct unwind_block *b = &u->blocks[n];
		uint32_t *to = segments_at(t->segments, runs[i / DIRECTORY_PAGES].location);

		if (!to)
			return -ENOMEM;
		to[i % DIRECTORY_PAGES] = CFI_PAGE(at[n] + (b->index - b->begin), b->shift);
	}
	return 0;
}

static int place(struct tables *t, const struct unwind_table *u, struct table *table)
{
	uint32_t nr_runs = nr_directories(u) + u->nr_blocks;
	uint32_t nr_segments = u->nr_segments < MAX_FILE_SEGMENTS ? u->nr_segments
								  : MAX_FILE_SEGMENTS;
	_cleanup_free_ struct segment_run *runs = calloc(nr_runs + 1u, sizeof(*runs));
	_cleanup_free_ struct unwind_segment *segments = calloc(nr_segments + 1u,
								sizeof(*segments));
	_cleanup_free_ uint32_t *at = calloc(u->nr_blocks + 1u, sizeof(*at));
	int r;

	if (!runs || !at || !segments)
		return -ENOMEM;
	memcpy(segments, u->segments, nr_segments * sizeof(*segments));
	r = find_room(t, u, runs, at);
	if (r < 0)
		return r;
	r = write_table(t, u, runs, at);
	if (r < 0) {
		for (uint32_t i = 0; i < nr_runs; i++)
			segments_put(t->segments, runs[i]);
		return r;
	}
	table->first_page = u->first_page;
	table->nr_pages = u->nr_pages;
	table->words = 0;
	for (uint32_t i = 0; i < nr_runs; i++)
		table->words += runs[i].words;
	table->nr_runs = nr_runs;
	table->runs = runs;
	table->nr_segments = nr_segments;
	table->segments = segments;
	t->table_memory += nr_segments * sizeof(*segments) + nr_runs * sizeof(*runs);
	runs = NULL;
	segments = NULL;
	return 0;
}

static void leave(struct tables *t, uint32_t object)
{
	struct table *table = t->tables[object];

	table->state = TABLE_LEFT;
	tables_withdraw_table(t, object);
	for (uint32_t i = 0; i < table->nr_runs; i++)
		segments_give_up(t->segments, table->runs[i]);
	clear(t, table);
	table->left_at = now_ns();
	t->counts.left++;
}

/*
 * Makes the least used tables leave until there will be room, more of it each time that it was
 * not enough: runs do not fit into every hole. false: there can't be.
 */
static bool make_room(struct tables *t, size_t words, uint32_t tries)
{
	words += (words / 16 + ABI_BLOCK_WORDS) << (tries < 16 ? tries : 16);
	if (words > segments_capacity(t->segments, SEGMENT_TABLES))
		return false;
	while (segments_room(t->segments, SEGMENT_TABLES) < words) {
		uint32_t least = UINT32_MAX;

		for (uint32_t i = 0; i < t->nr_tables; i++)
			if (t->tables[i] && t->tables[i]->state == TABLE_LOADED &&
			    (least == UINT32_MAX || t->tables[i]->used < t->tables[least]->used))
				least = i;
		if (least == UINT32_MAX)
			return false;
		leave(t, least);
	}
	return true;
}

void tables_want(struct tables *t, uint32_t object)
{
	for (uint32_t i = 0; i < t->nr_wanted; i++)
		if (t->wanted[i] == object)
			return;
	if (t->nr_wanted == MAX_WANTED)
		return;
	t->wanted[t->nr_wanted++] = object;
}

/* What became of it. */
static enum table_state take(struct tables *t, uint32_t object, const struct unwind_table *u,
			     struct table *table, int *ret_error)
{
	if (u->kind == UNWIND_FRAME_POINTER)
		return TABLE_KEEPS_FP;
	if (u->kind != UNWIND_TABLE || !u->nr_pages)
		return TABLE_NOTHING;
	if (u->machine != OUR_MACHINE)
		return TABLE_FAILED;
	*ret_error = place(t, u, table);
	if (*ret_error == -ENOMEM)
		return table->state;
	if (!*ret_error) {
		table->tries = 0;
		return TABLE_LOADED;
	}
	*ret_error = 0;
	if (!make_room(t, words_of(u), table->tries++)) {
		t->counts.no_room++;
		return TABLE_FAILED;
	}
	/* What left is free after the next barrier. */
	tables_want(t, object);
	return table->state;
}

static bool is_settled(const struct tables *t, uint32_t object, const struct table *table)
{
	switch (table->state) {
	case TABLE_NONE:
	case TABLE_LEFT:
		return false;
	case TABLE_CLOSED: /* another process may have had it open since */
		return t->capture->objects[object].fd < 0;
	default:
		return true;
	}
}

/* One that had to leave a moment ago: room is short, and it would drive out another. */
static bool rests(const struct table *table)
{
	return table->state == TABLE_LEFT && now_ns() - table->left_at < REST_NS;
}

int tables_load(struct tables *t, uint32_t object)
{
	_cleanup_(unwind_table_freep) struct unwind_table *u = NULL;
	enum object_kind kind = t->capture->objects[object].kind;
	struct table *table = tables_of(t, object);
	bool is_fresh = false;
	uint64_t begin;
	int r, error = 0;

	if (!table)
		return -ENOMEM;
	if ((kind != OBJECT_ELF && kind != OBJECT_VDSO) || is_settled(t, object, table))
		return 0;
	if (rests(table) || !allowance_permits(&t->loading)) {
		tables_want(t, object);
		return 0;
	}
	/* One at a time is kept in memory. */
	tables_keep(t);
	begin = now_thread_ns();
	r = read_table(t, object, &u, &is_fresh);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		if (table->state != TABLE_CLOSED)
			t->counts.no_table++;
		table->state = r == -EBADF ? TABLE_CLOSED : TABLE_FAILED;
	} else {
		table->state = take(t, object, u, table, &error);
		table->used = ++t->clock;
	}
	if (u && is_fresh) {
		t->fresh = u;
		u = NULL;
	}
	allowance_spent(&t->loading, begin);
	t->loaded = true;
	return error;
}

int tables_load_wanted(struct tables *t)
{
	uint32_t wanted[MAX_WANTED], nr = t->nr_wanted;

	memcpy(wanted, t->wanted, nr * sizeof(wanted[0]));
	t->nr_wanted = 0;
	for (uint32_t i = 0; i < nr; i++) {
		int r = tables_load(t, wanted[i]);

		if (r < 0)
			return r;
	}
	return 0;
}
