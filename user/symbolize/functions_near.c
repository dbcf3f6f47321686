// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Names that were probably meant. */
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "symbolize/demangle.h"
#include "symbolize/functions_table.h"

enum {
	NEAR = 3,
	MAX_DEMANGLED = 100000, /* names that are made readable to compare them */
	MAX_SHOWN = 200,
};

struct nearby {
	const char *asked;
	size_t size;
	struct {
		unsigned distance;
		char *name;
	} best[NEAR];
	size_t nr, demangled;
	struct strbuf scratch;
};

/* Most are too long or too short: that is seen at once. */
static unsigned distance_of(const struct nearby *n, const char *name, size_t size)
{
	size_t apart = size > n->size ? size - n->size : n->size - size;
	struct nearest near;

	if (size == n->size && !memcmp(name, n->asked, size))
		return 0;
	nearest_init(&near, n->asked, n->size);
	if (apart <= 2 || (n->size > 2 && size > n->size && !memcmp(name, n->asked, n->size)))
		nearest_try(&near, name);
	/* How it begins is less than a slip of the finger. */
	return near.best ? near.distance + (apart > 2) : UINT32_MAX;
}

static void offer(struct nearby *n, unsigned distance, const char *name, size_t size)
{
	size_t at = n->nr;

	if (distance == UINT32_MAX || size > MAX_SHOWN)
		return;
	for (size_t i = 0; i < n->nr; i++)
		if (!strcmp(n->best[i].name, name))
			return;
	while (at && n->best[at - 1].distance > distance)
		at--;
	if (at == NEAR)
		return;
	if (n->nr == NEAR)
		free(n->best[--n->nr].name);
	memmove(&n->best[at + 1], &n->best[at], (n->nr - at) * sizeof(n->best[0]));
	n->best[at].distance = distance;
	n->best[at].name = strdup(name);
	n->nr++;
	if (!n->best[at].name)
		memmove(&n->best[at], &n->best[at + 1], (--n->nr - at) * sizeof(n->best[0]));
}

/* What stands behind the last "::", which is what people remember; not that in <…>. */
static const char *last_part(const char *name)
{
	const char *part = name;
	int inside = 0;

	for (const char *p = name; *p; p++) {
		inside += (*p == '<') - (*p == '>');
		if (p[0] == ':' && p[1] == ':' && inside <= 0 && p[2])
			part = p + 2;
	}
	return part;
}

static int try_symbol(void *ctx, const struct function_symbol *s)
{
	struct nearby *n = ctx;
	const char *shown, *part;
	unsigned distance, of_part;

	offer(n, distance_of(n, s->name, s->name_size), s->name, s->name_size);
	if (s->name[0] != '_' || (s->name[1] != 'Z' && s->name[1] != 'R') ||
	    n->demangled == MAX_DEMANGLED)
		return 0;
	n->demangled++;
	strbuf_reset(&n->scratch);
	demangle_short(s->name, &n->scratch);
	shown = strbuf_str(&n->scratch);
	part = last_part(shown);
	distance = distance_of(n, shown, n->scratch.len);
	of_part = distance_of(n, part, strlen(part));
	offer(n, distance < of_part ? distance : of_part, shown, n->scratch.len);
	return 0;
}

int functions_near(const struct functions_query *q, struct strbuf *out)
{
	struct functions unused = FUNCTIONS_INIT;
	struct nearby n = { .asked = q->patterns[0].text };
	int r;

	n.size = strlen(n.asked);
	r = functions_each(q, &unused, try_symbol, &n);
	for (size_t i = 0; i < n.nr; i++) {
		strbuf_addf(out, "%s%s", i ? ", " : "", n.best[i].name);
		free(n.best[i].name);
	}
	strbuf_done(&n.scratch);
	return r < 0 ? r : (int)n.nr;
}
