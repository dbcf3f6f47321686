// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/space.h"

#include <errno.h>
#include <stdlib.h>

#define ASK_AGAIN_NS 1000000000ull

void space_table_init(struct space_table *t, size_t max_bytes)
{
	*t = (struct space_table){ .budget = { .max = max_bytes } };
}

static void free_space(struct space_table *t, struct space *s)
{
	ranges_drop(s->ranges, &t->budget);
	free(s);
	t->memory -= sizeof(*s);
	t->nr--;
}

void space_table_done(struct space_table *t)
{
	for (uint32_t i = 0; i < SPACE_PIDS / SPACE_LEAF; i++) {
		for (uint32_t j = 0; t->leaves[i] && j < SPACE_LEAF; j++) {
			struct space *s = t->leaves[i]->newest[j];

			while (s) {
				struct space *older = s->older;

				free_space(t, s);
				s = older;
			}
		}
		free(t->leaves[i]);
	}
	*t = (struct space_table){ 0 };
}

struct space *space_newest(const struct space_table *t, uint32_t tgid)
{
	const struct space_leaf *leaf = tgid < SPACE_PIDS ? t->leaves[tgid / SPACE_LEAF] : NULL;

	return leaf ? leaf->newest[tgid % SPACE_LEAF] : NULL;
}

struct space *space_at(const struct space_table *t, uint32_t tgid, uint64_t time)
{
	struct space *s = space_newest(t, tgid);

	while (s && s->from > time && s->older)
		s = s->older;
	return s;
}

int space_add(struct space_table *t, uint32_t tgid, uint64_t from, struct space **ret)
{
	struct space_leaf **leaf = &t->leaves[tgid % SPACE_PIDS / SPACE_LEAF];
	struct space *s, **newest;

	if (!tgid || tgid >= SPACE_PIDS)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (s && !*leaf) {
		*leaf = calloc(1, sizeof(**leaf));
		t->memory += *leaf ? sizeof(**leaf) : 0;
	}
	if (!s || !*leaf) {
		free(s);
		return -ENOMEM;
	}
	newest = &(*leaf)->newest[tgid % SPACE_LEAF];
	*s = (struct space){ .tgid = tgid,
			     .from = from,
			     .older = *newest,
			     .jit = SPACE_NO_OBJECT,
			     .none = SPACE_NO_OBJECT,
			     .seq = ++t->seq };
	s->family = s->seq;
	if (*newest) {
		(*newest)->newer = s;
		space_end(t, *newest, from);
	} else {
		(*leaf)->used++;
	}
	*newest = s;
	t->nr++;
	t->memory += sizeof(*s);
	*ret = s;
	return 0;
}

static void enqueue(struct space_table *t, struct space *s)
{
	s->next = NULL;
	if (t->ended_last)
		t->ended_last->next = s;
	else
		t->ended_first = s;
	t->ended_last = s;
}

void space_end(struct space_table *t, struct space *s, uint64_t time)
{
	if (s->ended)
		return;
	s->ended = time ? time : 1;
	enqueue(t, s);
}

static void unlink_space(struct space_table *t, struct space *s)
{
	struct space_leaf **leaf = &t->leaves[s->tgid / SPACE_LEAF];

	if (s->older)
		s->older->newer = s->newer;
	if (s->newer) {
		s->newer->older = s->older;
		return;
	}
	(*leaf)->newest[s->tgid % SPACE_LEAF] = s->older;
	if (s->older || --(*leaf)->used)
		return;
	free(*leaf);
	*leaf = NULL;
	t->memory -= sizeof(**leaf);
}

void space_forget(struct space_table *t, uint64_t time, bool (*lives)(void *ctx, struct space *s),
		  void *ctx)
{
	struct space *s;

	while ((s = t->ended_first) && s->ended < time) {
		t->ended_first = s->next;
		if (!t->ended_first)
			t->ended_last = NULL;
		if (!s->newer && lives(ctx, s)) {
			s->ended = time + ASK_AGAIN_NS;
			enqueue(t, s);
			continue;
		}
		unlink_space(t, s);
		free_space(t, s);
	}
}

void space_each(const struct space_table *t, void (*fn)(void *ctx, struct space *s), void *ctx)
{
	for (uint32_t i = 0; i < SPACE_PIDS / SPACE_LEAF; i++) {
		for (uint32_t j = 0; t->leaves[i] && j < SPACE_LEAF; j++) {
			for (struct space *s = t->leaves[i]->newest[j]; s; s = s->older)
				fn(ctx, s);
		}
	}
}
