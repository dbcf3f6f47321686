// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The walk again, here: of a stack that lacked tables in the kernel half and came along. */
#include <errno.h>
#include <string.h>

#include "collect/tables_inside.h"

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

static inline uint64_t walk_code_mask(const struct walk *w);

#include "walk.h"

enum { MAX_ROUNDS = 32 }; /* each may bring tables of ABI_MAX_ASKED files more */

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
	return segments_block(rewalk_of(w)->tables->segments, location);
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

static void walk_once(struct tables *t, const struct abi_copy *c, const struct published *p,
		      uint32_t max_depth, struct rewalk *r, __u64 *frames)
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
	w->mappings = tables_list_at(p);
	w->nr_mappings = p->nr;
	w->max = max_depth;
	w->exact = w->whole = 1;
	while (!walk_step(w, frames))
		continue;
}

int tables_walk(struct tables *t, const struct abi_copy *c, uint32_t max_depth,
		struct tables_stack *ret)
{
	struct abi_ask ask = c->ask;
	struct rewalk r;

	if (max_depth > ABI_MAX_DEPTH)
		return -EPROTO;
	for (int round = 0; round < MAX_ROUNDS; round++) {
		const struct published *p;
		int err = tables_answer_now(t, &ask);

		if (err < 0)
			return err;
		p = tables_find(t, ask.space);
		if (!p || !p->list.words)
			return 0;
		walk_once(t, c, p, max_depth, &r, ret->frames);
		/* What is asked for again can't be had. */
		if (!r.walk.nr_asked ||
		    (round && ask.nr == r.walk.nr_asked &&
		     !memcmp(ask.addresses, r.walk.asked, ask.nr * sizeof(ask.addresses[0]))))
			break;
		ask.nr = r.walk.nr_asked;
		memcpy(ask.addresses, r.walk.asked, sizeof(ask.addresses));
	}
	ret->nr = r.walk.nr;
	ret->stop = r.walk.stop;
	ret->flags = r.walk.flags;
	/* The stack went on where none was copied. */
	if (ret->stop == ABI_STOP_MEMORY)
		ret->flags |= ABI_STACK_APPROXIMATE;
	return 1;
}
