// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/now.h"
#include "walk/tables_inside.h"

#define FIRST_WAIT_NS 2000000ull
#define LAST_WAIT_NS  1000000000ull
#define LOOK_WAIT_NS  2000000ull
#define LONG_SCAN_NS  100000ull

enum {
	NUMBER_WORDS = 2, /* a list's number, before its mappings */
	MANY_MAPPINGS = 512,
	SCAN_PAUSE = 50, /* looking at all takes one part in so many of the time */
};

struct allowance *tables_listing(struct tables *t, uint32_t nr_mappings)
{
	return nr_mappings > MANY_MAPPINGS ? &t->long_listing : &t->listing;
}

uint32_t tables_list_at(const struct published *p)
{
	return p->list.words ? p->list.location + NUMBER_WORDS : 0;
}

static uint32_t entry_of(const struct tables *t, uint64_t token, uint32_t probe)
{
	return (uint32_t)((token + probe) & (t->nr_spaces - 1));
}

struct published *tables_find(const struct tables *t, uint64_t token)
{
	for (uint32_t i = 0; i < ABI_SPACE_PROBES; i++) {
		struct published *p = t->spaces[entry_of(t, token, i)];

		if (p && p->token == token)
			return p;
	}
	return NULL;
}

/* Walks that have found the entry go on with its list. */
static void give_up_entry(struct tables *t, struct published *p)
{
	__atomic_store_n(&t->entries[p->entry].token, 0, __ATOMIC_RELEASE);
	p->state = ENTRY_LEAVING;
}

static int new_entry(struct tables *t, uint32_t entry, uint64_t token, const struct space_key *key,
		     struct published **ret)
{
	struct published *p;

	if (array_reserve(t->published, t->cap_published, t->nr_published + 1u) < 0)
		return -ENOMEM;
	p = malloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct published){ .entry = entry, .token = token, .key = *key };
	t->published[t->nr_published++] = t->spaces[entry] = p;
	*ret = p;
	return 1;
}

int tables_take_entry(struct tables *t, uint64_t token, const struct space_key *key,
		      struct published **ret)
{
	struct published *p = tables_find(t, token), *least = NULL;
	bool leaving = false;

	if (p && p->state == ENTRY_USED)
		*ret = p;
	if (p)
		return p->state == ENTRY_USED;
	for (uint32_t i = 0; i < ABI_SPACE_PROBES; i++) {
		uint32_t entry = entry_of(t, token, i);

		p = t->spaces[entry];
		if (!p)
			return new_entry(t, entry, token, key, ret);
		leaving |= p->state != ENTRY_USED;
		if (!least || p->used < least->used)
			least = p;
	}
	/* One that leaves already will do. */
	if (!leaving)
		give_up_entry(t, least);
	return 0;
}

/* The list changes at once; the token comes behind it, where it is new. */
static void show(struct tables *t, struct published *p, uint32_t location, uint32_t nr)
{
	struct abi_space *e = &t->entries[p->entry];

	__atomic_store_n(&e->runtime, p->runtime, __ATOMIC_RELEASE);
	__atomic_store_n(&e->mappings, (uint64_t)nr << 32 | location, __ATOMIC_RELEASE);
	__atomic_store_n(&e->token, p->token, __ATOMIC_RELEASE);
}

static void set_list(struct tables *t, struct published *p, struct segment_run run, uint32_t nr)
{
	struct segment_run old = p->list;
	uint32_t old_at = tables_list_at(p);

	p->list = run;
	p->nr = nr;
	show(t, p, tables_list_at(p), nr);
	if (old.words) {
		p->before[p->nr_before % LISTS_KEPT].location = old_at;
		p->before[p->nr_before++ % LISTS_KEPT].replaced = p->version.replaced;
		segments_give_up(t->segments, old);
	}
}

void tables_withdraw(struct tables *t, struct published *p)
{
	set_list(t, p, (struct segment_run){ 0 }, 0);
	p->tables = 0;
	p->due = true;
}

/*
 * Publishes t->list, if the space has another one. Where code took other code's place meanwhile
 * the same list is a new one: stacks are known by it.
 */
static int put_list(struct tables *t, struct published *p, const struct space_version *version)
{
	size_t size = t->nr_list * sizeof(*t->list);
	struct segment_run run = { 0 };
	uint32_t *words;
	int r;

	if (t->nr_list == p->nr && p->list.words && version->replaced == p->version.replaced) {
		words = segments_at(t->segments, p->list.location);
		if (words && !memcmp(words + NUMBER_WORDS, t->list, size))
			return 0;
	}
	if (t->nr_list) {
		r = segments_get(t->segments, SEGMENT_LISTS, (uint32_t)(size / 4) + NUMBER_WORDS,
				 &run);
		if (r < 0)
			return r;
		words = segments_at(t->segments, run.location);
		if (!words) {
			segments_put(t->segments, run);
			return -ENOMEM;
		}
		t->lists++;
		memcpy(words, &t->lists, sizeof(t->lists));
		memcpy(words + NUMBER_WORDS, t->list, size);
	}
	set_list(t, p, run, t->nr_list);
	return 1;
}

/* There is no room: the longest list, if it is much longer, has to be made shorter. */
static void withdraw_longest(struct tables *t, uint32_t nr)
{
	struct published *longest = NULL;

	for (uint32_t i = 0; i < t->nr_published; i++) {
		struct published *p = t->published[i];

		if (p->state == ENTRY_USED && (!longest || p->nr > longest->nr))
			longest = p;
	}
	if (longest && longest->nr / 2 > nr)
		tables_withdraw(t, longest);
}

/* Whoever executes it from now on is looked at as it starts. */
static void learn_program(const struct tables *t, uint64_t program)
{
	uint32_t at = abi_program_at(program);

	if (program && t->programs_fd >= 0)
		bpf_map_update_elem(t->programs_fd, &at, &program, BPF_ANY);
}

int tables_find_runtime(struct tables *t, struct published *p)
{
	uint64_t due = p->look_again, now = now_ns();
	uint32_t before = p->runtime;
	int r;

	p->look_again = 0;
	if (!t->runtimes || p->has_refused)
		return 0;
	r = runtimes_find(t->runtimes, &p->key, p->look_wait, &p->runtime);
	p->has_refused = r == -ENOTSUP;
	if (r == -EAGAIN && !before && runtimes_foresee(t->runtimes, &p->key, &p->runtime) < 0)
		return -ENOMEM;
	/* Who asks meanwhile makes the next look neither sooner nor later. */
	if (r == -EAGAIN && now >= due) {
		p->look_wait = p->look_wait ? 2 * p->look_wait : LOOK_WAIT_NS;
		p->look_wait = p->look_wait < LAST_WAIT_NS ? p->look_wait : LAST_WAIT_NS;
		due = now + p->look_wait;
	}
	p->look_again = r == -EAGAIN ? due : 0;
	if (p->runtime && !before)
		learn_program(t, p->program);
	if (p->runtime != before) {
		p->foreseen = before;
		show(t, p, tables_list_at(p), p->nr);
	}
	return r == -ENOMEM ? r : 0;
}

int tables_publish(struct tables *t, struct published *p)
{
	uint64_t begin = now_ns(), cpu_begin = now_thread_ns(), tables;
	struct space_version version;
	bool lacks;
	int r;

	if (!tracker_space_version(t->tracker, &p->key, &version)) {
		give_up_entry(t, p);
		return 0;
	}
	r = tables_find_runtime(t, p);
	if (!r)
		r = tables_make_list(t, &p->key, &tables, &lacks);
	if (!r)
		r = put_list(t, p, &version);
	if (r < 0) {
		/* What it has may be wrong by now. */
		tables_withdraw(t, p);
		if (r == -ENOSPC)
			withdraw_longest(t, t->nr_list);
		t->counts.no_list++;
		allowance_spent(tables_listing(t, version.nr), cpu_begin);
		return r == -ENOMEM ? r : 0;
	}
	p->version = version;
	p->tables = tables;
	p->lacks = lacks;
	p->due = false;
	p->made = begin;
	allowance_spent(tables_listing(t, version.nr), cpu_begin);
	return 0;
}

void tables_withdraw_table(struct tables *t, uint32_t object)
{
	for (uint32_t i = 0; i < t->nr_published; i++) {
		struct published *p = t->published[i];

		if (p->state != ENTRY_USED || !(p->tables >> object % 64 & 1))
			continue;
		if (tables_publish(t, p) < 0 && p->state == ENTRY_USED)
			tables_withdraw(t, p);
	}
}

/* One that changes again and again has to wait longer each time. */
static void back_off(struct published *p, uint64_t now)
{
	if (now - p->made < 16 * p->wait)
		p->wait *= 2;
	else
		p->wait = FIRST_WAIT_NS;
	p->wait = p->wait < LAST_WAIT_NS ? p->wait : LAST_WAIT_NS;
}

/* Publishes a space again if it should be. 1: it should, but has to wait. */
static int tend(struct tables *t, struct published *p, uint64_t now)
{
	struct space_version version;
	uint64_t began;
	int r;

	if (!tracker_space_version(t->tracker, &p->key, &version)) {
		give_up_entry(t, p);
		return 0;
	}
	if (p->look_again && now >= p->look_again && tables_find_runtime(t, p) < 0)
		return -ENOMEM;
	if ((p->look_again && p->look_wait < LAST_WAIT_NS / 4) ||
	    (t->runtimes && !p->runtime && !p->has_refused && now < p->starts))
		tables_look_soon(t, p);
	if (version.changes == p->version.changes && !p->due)
		return 0;
	if (now - p->made < p->wait) {
		tables_look_soon(t, p);
		return 0;
	}
	if (!allowance_permits(tables_listing(t, version.nr))) {
		t->counts.postponed++;
		return 1;
	}
	if (version.changes != p->version.changes)
		back_off(p, now);
	began = now_ns();
	r = tables_publish(t, p);
	t->publishing_ns += now_ns() - began;
	return r;
}

void tables_look_soon(struct tables *t, const struct published *p)
{
	t->pending = true;
	for (uint32_t i = 0; i < t->nr_soon; i++)
		if (t->soon[i] == p->token)
			return;
	if (t->nr_soon < MAX_SOON)
		t->soon[t->nr_soon++] = p->token;
}

static int tend_soon(struct tables *t, uint64_t now)
{
	uint64_t tokens[MAX_SOON];
	uint32_t nr = t->nr_soon;
	int r = 0;

	memcpy(tokens, t->soon, nr * sizeof(tokens[0]));
	t->nr_soon = 0;
	for (uint32_t i = 0; r >= 0 && i < nr; i++) {
		struct published *p = tables_find(t, tokens[i]);

		if (!p || p->state != ENTRY_USED)
			continue;
		r = tend(t, p, now);
		/* It is due yet, and time ran out. */
		if (r > 0)
			tables_look_soon(t, p);
	}
	return r;
}

static int tend_all(struct tables *t, uint64_t now)
{
	uint32_t first = t->next_published;
	bool waits = false;
	int r = 0;

	t->nr_soon = 0;
	for (uint32_t i = 0; r >= 0 && i < t->nr_published; i++) {
		uint32_t at = (first + i) % t->nr_published;
		struct published *p = t->published[at];

		if (p->state != ENTRY_USED)
			continue;
		p->due |= t->loaded && p->lacks;
		r = tend(t, p, now);
		/* Where time ran out is where the next one begins. */
		if (r > 0 && !waits)
			t->next_published = at;
		waits |= r > 0;
	}
	t->loaded = false;
	return r;
}

int tables_tend_spaces(struct tables *t)
{
	uint64_t now = now_ns(), took;
	int r;

	if (now < t->scan_again) {
		r = tend_soon(t, now);
		return r < 0 ? r : 0;
	}
	t->publishing_ns = 0;
	r = tend_all(t, now);
	/* What is published has its own allowance. */
	took = now_ns() - now - t->publishing_ns;
	t->scan_again = took > LONG_SCAN_NS ? now + SCAN_PAUSE * took : 0;
	return r < 0 ? r : 0;
}

static void advance(struct tables *t, enum entry_state from, enum entry_state to)
{
	for (uint32_t i = 0; i < t->nr_published; i++)
		if (t->published[i]->state == from)
			t->published[i]->state = to;
}

void tables_mark_entries(struct tables *t)
{
	advance(t, ENTRY_LEAVING, ENTRY_LEFT);
}

void tables_quiet_entries(struct tables *t)
{
	advance(t, ENTRY_LEFT, ENTRY_QUIET);
}

void tables_reclaim_entries(struct tables *t)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < t->nr_published; i++) {
		struct published *p = t->published[i];

		if (p->state != ENTRY_QUIET) {
			t->published[nr++] = p;
			continue;
		}
		if (p->list.words)
			segments_put(t->segments, p->list);
		t->spaces[p->entry] = NULL;
		if (t->runtimes) {
			runtimes_put(t->runtimes, p->runtime);
			runtimes_put(t->runtimes, p->foreseen);
		}
		free(p);
	}
	t->nr_published = nr;
}
