// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The walk again, here: of a stack that lacked tables in the kernel half and came along. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "walk/tables_inside.h"

struct walk;
struct walk_known;

static const uint32_t *walk_block(const struct walk *w, uint32_t location);
static long walk_copy(const struct walk *w, void *to, uint32_t size, uint64_t from);

/* Rules are not remembered here: walks are few. */
static struct walk_known *walk_known(const struct walk *w, uint64_t hash)
{
	(void)w;
	(void)hash;
	return NULL;
}

/* It is not among what was copied, nor would be what it leads to. */
static uint64_t walk_thread(const struct walk *w)
{
	(void)w;
	return 0;
}

static inline uint64_t walk_code_mask(const struct walk *w);

#include "base/now.h"
#include "walk.h"

enum {
	MAX_ROUNDS = 32, /* each may bring tables of ABI_MAX_ASKED files more */
	/* Where the list of mappings stands, in a block that is no segment's. */
	OWN_BLOCK = ABI_MAX_SEGMENTS * ABI_SEGMENT_BLOCKS,
	OWN_LIST = 2,
};

struct rewalk {
	struct walk walk;
	struct tables *tables;
	const struct abi_copy *copy;
};

static const struct rewalk *rewalk_of(const struct walk *w)
{
	return (const struct rewalk *)(const void *)w;
}

static const uint32_t *walk_block(const struct walk *w, uint32_t location)
{
	const struct tables *t = rewalk_of(w)->tables;

	return location / ABI_BLOCK_WORDS == OWN_BLOCK ? t->own_block
						       : segments_block(t->segments, location);
}

static long walk_copy(const struct walk *w, void *to, uint32_t size, uint64_t from)
{
	const struct abi_copy *c = rewalk_of(w)->copy;
	uint64_t at = from - c->from;

	if (at >= c->size || size > c->size - at)
		return -EFAULT;
	memcpy(to, c->memory + at, size);
	return 0;
}

static inline uint64_t walk_code_mask(const struct walk *w)
{
	return rewalk_of(w)->tables->settings.code_mask;
}

static void walk_once(struct tables *t, const struct abi_copy *c, uint32_t max_depth,
		      struct rewalk *r, __u64 *frames)
{
	struct walk *w = &r->walk;

	memset(w, 0, sizeof(*w));
	r->tables = t;
	r->copy = c;
	memcpy(w->registers, c->registers, WALK_PT_REGS * sizeof(w->registers[0]));
	w->pc = w->registers[WALK_PC];
	w->sp = w->registers[WALK_SP];
	w->fp = w->registers[WALK_FP];
	w->window_at = WALK_NO_WINDOW;
	w->mappings = OWN_BLOCK * (uint32_t)ABI_BLOCK_WORDS + OWN_LIST;
	w->nr_mappings = t->nr_list;
	w->max = max_depth;
	w->exact = w->whole = 1;
	w->nr_entries = c->nr_entries < ABI_COPY_ENTRIES ? c->nr_entries : ABI_COPY_ENTRIES;
	memcpy(w->entries, c->entries, sizeof(c->entries));
	walk_enter(w);
	while (!walk_step(w, frames))
		continue;
}

/* What the space maps, and the tables that there are of it. 0 or -ENOMEM. */
static int make_own_list(struct tables *t, const struct space_key *key)
{
	uint64_t tables;
	bool lacks;
	int r;

	if (!t->own_block)
		t->own_block = malloc(ABI_BLOCK_WORDS * sizeof(*t->own_block));
	if (!t->own_block)
		return -ENOMEM;
	r = tables_make_list(t, key, &tables, &lacks);
	if (!r && t->nr_list)
		memcpy(t->own_block + OWN_LIST, t->list, t->nr_list * sizeof(*t->list));
	return r;
}

/* 1: the walk got as far as it can. 0 or -ENOMEM: there was none. */
static int walk_all(struct tables *t, const struct abi_copy *c, uint32_t max_depth,
		    struct rewalk *r, __u64 *frames)
{
	struct process_id id = { c->ask.tgid, c->ask.start_ns, c->ask.time };
	struct abi_ask ask = c->ask;
	struct space_key key;
	int err = tracker_space(t->tracker, &id, &key);

	for (int round = 0; err > 0 && round < MAX_ROUNDS; round++) {
		err = tables_load_asked(t, &ask, &key);
		if (!err)
			err = make_own_list(t, &key);
		if (err < 0)
			return err;
		walk_once(t, c, max_depth, r, frames);
		err = 1;
		/* What is asked for again can't be had. */
		if (!r->walk.nr_asked ||
		    (round && ask.nr == r->walk.nr_asked &&
		     !memcmp(ask.addresses, r->walk.asked, ask.nr * sizeof(ask.addresses[0]))))
			break;
		ask.nr = r->walk.nr_asked;
		memcpy(ask.addresses, r->walk.asked, sizeof(ask.addresses));
	}
	return err;
}

int tables_walk(struct tables *t, const struct abi_copy *c, uint32_t max_depth,
		struct tables_stack *ret)
{
	uint64_t begin = now_thread_ns();
	struct rewalk r;
	int err;

	if (max_depth > ABI_MAX_DEPTH)
		return -EPROTO;
	if (!allowance_permits(&t->walking)) {
		t->counts.postponed++;
		return tables_answer(t, &c->ask);
	}
	err = tables_show_runtime(t, &c->ask);
	if (!err)
		err = walk_all(t, c, max_depth, &r, ret->frames);
	allowance_spent(&t->walking, begin);
	/* One that is gone asks no more. */
	if (err >= 0 && (!kill((pid_t)c->ask.tgid, 0) || errno != ESRCH)) {
		int answered = tables_answer(t, &c->ask);

		err = answered < 0 ? answered : err;
	}
	if (err <= 0)
		return err;
	ret->nr = r.walk.nr;
	ret->stop = r.walk.stop;
	ret->flags = r.walk.flags;
	/* The stack went on where none was copied. */
	if (ret->stop == ABI_STOP_MEMORY)
		ret->flags |= ABI_STACK_APPROXIMATE;
	return 1;
}
