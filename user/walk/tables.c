// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "walk/tables.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/now.h"
#include "walk/tables_inside.h"

enum {
	SEGMENT_LEAST = (ABI_SEGMENT_BLOCKS * ABI_BLOCK_WORDS * 4) + 4096,
	KEEP_MAPPED = 4, /* blocks */
	PAUSE_NS = 5000000,
	STARTS_NS = 100000000, /* a program's libraries are mapped by then */
	FIRST_SEGMENTS = 5,    /* room for a large program: libLLVM takes 4 MB */
};

int tables_prepare(const struct tables_settings *settings, struct bpf_object *obj)
{
	struct bpf_map *spaces = bpf_object__find_map_by_name(obj, "spaces");
	struct bpf_map *segments = bpf_object__find_map_by_name(obj, "segments");
	size_t most = settings->max_bytes / SEGMENT_LEAST + 2;
	int r;

	if (!spaces || !segments)
		return -ENOENT;
	r = bpf_map__set_max_entries(spaces, settings->nr_spaces);
	if (r >= 0)
		r = runtimes_prepare(obj, settings->nr_runtimes);
	return r < 0 ? r
		     : bpf_map__set_max_entries(segments, most < ABI_MAX_SEGMENTS
								  ? (uint32_t)most
								  : ABI_MAX_SEGMENTS);
}

int tables_new(struct tables **ret, const struct tables_settings *settings,
	       const struct segments_store *store, struct abi_space *entries,
	       struct tracker *tracker, struct capture *capture)
{
	_cleanup_(tables_freep) struct tables *t = calloc(1, sizeof(*t));
	int r;

	if (!t || !settings->nr_spaces || settings->nr_spaces & (settings->nr_spaces - 1)) {
		store->free(store->ctx);
		return t ? -EINVAL : -ENOMEM;
	}
	t->settings = *settings;
	t->tracker = tracker;
	t->capture = capture;
	t->entries = entries;
	t->programs_fd = -1;
	t->nr_spaces = settings->nr_spaces;
	t->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	allowance_init(&t->loading, 10, 1000000000);
	allowance_init(&t->walking, 5, 200000000);
	allowance_init(&t->listing, 20, 50000000);
	allowance_init(&t->long_listing, 40, 50000000);
	/* A sixteenth is for what we need ourselves. */
	r = segments_new(&t->segments, store, settings->max_bytes - settings->max_bytes / 16);
	if (r < 0)
		return r;
	t->spaces = calloc(t->nr_spaces, sizeof(*t->spaces));
	if (!t->spaces)
		return -ENOMEM;
	/* Without one there are tables all the same. */
	if (settings->cache_folder &&
	    unwind_cache_open(&t->cache, settings->cache_folder, settings->max_cache_bytes) < 0)
		t->cache = NULL;
	*ret = t;
	t = NULL;
	return 0;
}

/*
 * Now, and not when the first sample waits for it: showing segments to programs takes a while, be
 * it one or more. Of a small budget no more than half.
 */
static void prepare_segments(struct segments *s)
{
	size_t words = (FIRST_SEGMENTS * ABI_SEGMENT_BLOCKS - 1) * (size_t)ABI_BLOCK_WORDS;
	size_t most = segments_capacity(s, SEGMENT_TABLES) / 2;

	segments_prepare(s, SEGMENT_TABLES, words < most ? words : most);
}

int tables_open(struct tables **ret, const struct tables_settings *settings, struct bpf_object *obj,
		struct tracker *tracker, struct capture *capture)
{
	int fd = bpf_object__find_map_fd_by_name(obj, "spaces");
	size_t size = settings->nr_spaces * sizeof(struct abi_space);
	struct segments_store store;
	void *entries;
	int r;

	if (fd < 0)
		return fd;
	entries = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (entries == MAP_FAILED)
		return -errno;
	r = segments_store_open(&store, obj);
	if (!r)
		r = tables_new(ret, settings, &store, entries, tracker, capture);
	if (r < 0) {
		munmap(entries, size);
		return r;
	}
	(*ret)->entries_size = size;
	(*ret)->programs_fd = bpf_object__find_map_fd_by_name(obj, "programs");
	r = runtimes_open(&(*ret)->runtimes, obj, settings->nr_runtimes, tracker, capture);
	if (r < 0) {
		tables_free(*ret);
		*ret = NULL;
		return r;
	}
	prepare_segments((*ret)->segments);
	return 0;
}

int tables_open_here(struct tables **ret, const struct tables_settings *settings,
		     struct abi_space *spaces, struct abi_runtime *runtimes,
		     struct tracker *tracker, struct capture *capture)
{
	struct segments_store store;
	int r = segments_store_memory(&store);

	if (r >= 0)
		r = tables_new(ret, settings, &store, spaces, tracker, capture);
	if (r < 0)
		return r;
	r = runtimes_new(&(*ret)->runtimes, runtimes, settings->nr_runtimes, tracker, capture);
	if (r < 0) {
		tables_free(*ret);
		*ret = NULL;
	}
	return r;
}

void tables_hurry(struct tables *t)
{
	allowance_renew(&t->walking);
	allowance_renew(&t->loading);
}

void tables_free(struct tables *t)
{
	if (!t)
		return;
	tables_keep(t);
	for (uint32_t i = 0; i < t->nr_tables; i++)
		table_free(t, t->tables[i]);
	segments_free(t->segments);
	runtimes_free(t->runtimes);
	unwind_cache_close(t->cache);
	if (t->entries_size)
		munmap(t->entries, t->entries_size);
	free(t->tables);
	for (uint32_t i = 0; i < t->nr_published; i++)
		free(t->published[i]);
	free(t->published);
	free(t->spaces);
	free(t->list);
	free(t->own_block);
	free(t);
}

/* Who maps file after file makes us remember each: no more of them than we have memory for. */
static bool may_remember(const struct tables *t)
{
	return t->table_memory + t->nr_published * sizeof(**t->published) <
	       t->settings.max_bytes / 16;
}

int tables_load_asked(struct tables *t, const struct abi_ask *ask, const struct space_key *key)
{
	for (uint32_t i = 0; i < ask->nr && i < ABI_MAX_ASKED; i++) {
		struct mapped m;
		int r;

		if (!may_remember(t)) {
			t->counts.no_room++;
			return 0;
		}
		r = tracker_open_mapped(t->tracker, key, ask->addresses[i], &m);

		if (r > 0 && (m.kind == MAPPED_ELF || m.kind == MAPPED_VDSO) &&
		    m.object != UINT32_MAX)
			r = tables_load(t, m.object);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Is there a file among what is asked for of which nothing is known yet? It is open then. */
static int opens_new(struct tables *t, const struct abi_ask *ask, const struct space_key *key)
{
	int found = 0;

	for (uint32_t i = 0; i < ask->nr && i < ABI_MAX_ASKED && may_remember(t); i++) {
		const struct table *table;
		struct mapped m;
		int r = tracker_open_mapped(t->tracker, key, ask->addresses[i], &m);

		if (r < 0)
			return r;
		if (!r || m.kind != MAPPED_ELF || m.object == UINT32_MAX)
			continue;
		table = tables_of(t, m.object);
		if (!table)
			return -ENOMEM;
		found |= table->state == TABLE_NONE;
	}
	return found;
}

static void renew(struct tables *t, struct published *p, const struct abi_ask *ask,
		  const struct space_key *key)
{
	p->program = ask->program;
	p->used = ++t->clock;
	p->due |= p->key.seq != key->seq || p->key.tgid != key->tgid;
	p->key = *key;
}

int tables_show_runtime(struct tables *t, const struct abi_ask *ask)
{
	struct process_id id = { ask->tgid, ask->start_ns, ask->time };
	struct published *p = tables_find(t, ask->space);
	struct space_version version;
	struct space_key key;
	int r;

	if (!t->runtimes || !ask->space || (p && p->runtime))
		return 0;
	r = tracker_space(t->tracker, &id, &key);
	if (r > 0)
		r = opens_new(t, ask, &key);
	if (r < 0 || (!r && p) || !tracker_space_version(t->tracker, &key, &version))
		return r < 0 ? r : 0;
	r = tables_take_entry(t, ask->space, &key, &p);
	if (r <= 0)
		return r;
	renew(t, p, ask, &key);
	return tables_find_runtime(t, p);
}

int tables_answer(struct tables *t, const struct abi_ask *ask)
{
	struct process_id id = { ask->tgid, ask->start_ns, ask->time };
	struct space_version version;
	struct published *p;
	struct space_key key;
	int r = tables_show_runtime(t, ask);

	if (!r)
		r = tracker_space(t->tracker, &id, &key);
	if (r > 0)
		r = tables_load_asked(t, ask, &key) < 0 ? -ENOMEM : 1;
	if (r <= 0 || !ask->space)
		return r;
	r = tables_take_entry(t, ask->space, &key, &p);
	if (r < 0)
		return r;
	if (!r) {
		t->counts.no_list++;
		if (t->nr_asks < MAX_ASKS)
			t->asks[t->nr_asks++] = *ask;
		return 0;
	}
	renew(t, p, ask, &key);
	/* Who asks all the time gets its answers in tables_tend(). */
	if (p->made && now_ns() - p->made < PAUSE_NS) {
		p->due = true;
		tables_look_soon(t, p);
		return 0;
	}
	if (!tracker_space_version(t->tracker, &key, &version))
		return 0;
	if (!allowance_permits(tables_listing(t, version.nr))) {
		p->due = true;
		tables_look_soon(t, p);
		t->counts.postponed++;
		return 0;
	}
	return tables_publish(t, p);
}

int tables_start(struct tables *t, const struct abi_ask *ask)
{
	int r = tables_answer(t, ask);
	struct published *p = tables_find(t, ask->space);

	if (p)
		p->starts = ask->time + STARTS_NS;
	return r;
}

static int answer_again(struct tables *t)
{
	struct abi_ask asks[MAX_ASKS];
	uint32_t nr = t->nr_asks;

	memcpy(asks, t->asks, nr * sizeof(asks[0]));
	t->nr_asks = 0;
	for (uint32_t i = 0; i < nr; i++) {
		int r = tables_answer(t, &asks[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

bool tables_pending(const struct tables *t)
{
	return t->pending;
}

int tables_tend(struct tables *t)
{
	int r;

	t->pending = false;
	/* All stacks that were taken before the last barrier have been looked at. */
	tables_reclaim_entries(t);
	segments_reclaim(t->segments);
	r = tables_load_wanted(t);
	if (r >= 0)
		r = answer_again(t);
	if (r >= 0)
		r = tables_tend_spaces(t);
	tables_keep(t);
	tables_mark_entries(t);
	segments_mark(t->segments);
	segments_trim(t->segments, KEEP_MAPPED);
	return r;
}

void tables_barrier(struct tables *t)
{
	tables_quiet_entries(t);
	segments_quiet(t->segments);
}

bool tables_is_current(struct tables *t, uint64_t space, uint32_t mappings)
{
	struct published *p = tables_find(t, space);
	struct space_version version;

	if (!p || !tracker_space_version(t->tracker, &p->key, &version))
		return false;
	p->used = ++t->clock;
	if (p->list.words && tables_list_at(p) == mappings)
		return p->version.replaced == version.replaced;
	for (uint32_t i = 0; i < LISTS_KEPT && i < p->nr_before; i++) {
		uint32_t at = (p->nr_before - 1 - i) % LISTS_KEPT;

		if (p->before[at].location == mappings)
			return p->before[at].replaced == version.replaced;
	}
	return false;
}

struct runtimes *tables_runtimes(const struct tables *t)
{
	return t->runtimes;
}

uint32_t tables_runtime(const struct tables *t, uint64_t space)
{
	const struct published *p = tables_find(t, space);

	return p ? p->runtime : 0;
}

void tables_used(struct tables *t, uint32_t object)
{
	struct table *table = object < t->nr_tables ? t->tables[object] : NULL;

	if (!table)
		return;
	table->used = ++t->clock;
	if (table->state == TABLE_LEFT)
		tables_want(t, object);
}

bool tables_under_pressure(const struct tables *t)
{
	return segments_room(t->segments, SEGMENT_TABLES) <
	       segments_capacity(t->segments, SEGMENT_TABLES) / 4;
}

void tables_count(const struct tables *t, struct tables_counts *ret)
{
	*ret = t->counts;
}

size_t tables_memory(const struct tables *t)
{
	return sizeof(*t) + (t->runtimes ? runtimes_memory(t->runtimes) : 0) +
	       segments_map_bytes(t->segments) + segments_memory(t->segments) +
	       t->nr_spaces * (sizeof(*t->spaces) + sizeof(*t->entries)) +
	       t->nr_published * sizeof(**t->published) + t->cap_published * sizeof(*t->published) +
	       t->table_memory + (t->fresh ? unwind_table_memory(t->fresh) : 0) +
	       t->cap_tables * sizeof(*t->tables) + t->cap_list * sizeof(*t->list);
}
