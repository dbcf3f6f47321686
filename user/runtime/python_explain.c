// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* How a process's Python stacks are found, and which of them can be walked at this moment. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "runtime/python_inside.h"
#include "runtime/python_walk.h"

/*
 * A stack that changes under the walk is walked again, a little later: its thread does not wait for
 * us, and frames that are gone may lead anywhere, in a circle too.
 */
enum { MAX_TRIES = 32, MAX_DEEP = 4, MAX_AGAIN = 256, WAIT_NS = 500000 };

struct walker {
	struct python_target target;
	struct abi_call calls[ABI_MAX_CALLS];
	__u64 entries[ABI_MAX_ENTRIES];
	int nr_again; /* in all threads */
};

static void walk_once(struct walker *w, const struct abi_python *l, uint64_t thread)
{
	struct python_walk *p = &w->target.walk;

	if (python_begin(p, l, thread))
		return;
	while (!python_step(p, l, w->calls, w->entries))
		;
}

static void walk_thread(struct walker *w, const struct abi_python *l, uint64_t thread,
			struct runtime_explained *ret)
{
	const struct timespec wait = { .tv_nsec = WAIT_NS };
	const struct python_walk *p = &w->target.walk;
	int nr_deep = 0;

	for (int i = 0; i < MAX_TRIES; i++) {
		if (i && w->nr_again++ >= MAX_AGAIN)
			break;
		if (i)
			nanosleep(&wait, NULL);
		walk_once(w, l, thread);
		nr_deep += p->stop == ABI_INTERPRETED_DEPTH;
		if (p->stop == ABI_INTERPRETED_WHOLE || nr_deep == MAX_DEEP)
			break;
	}
	ret->nr_threads++;
	ret->nr_stops[p->stop]++;
	ret->nr_idle += p->stop == ABI_INTERPRETED_WHOLE && !p->nr;
}

/* A thread has a state in each interpreter that it ran. */
static bool came_before(const struct python_states *states, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (states->of[k].thread == states->of[i].thread)
			return true;
	return false;
}

static void say_routes(const struct abi_python *l, struct runtime_explained *ret)
{
	const struct {
		bool is_there;
		const char *name;
	} routes[] = {
		{ l->held.offset || l->held.module,
		  l->free_threaded ? "a variable of the thread while it runs Python"
				   : "a variable of the thread while it has the GIL" },
		{ l->kept.offset || l->kept.module, "a variable of the thread at any time" },
		{ l->holder, "the holder of the GIL" },
		{ l->key, "a key of the C library" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		size_t at = strlen(ret->routes);

		if (routes[i].is_there)
			snprintf(ret->routes + at, sizeof(ret->routes) - at, "%s%s",
				 at ? ", or " : "", routes[i].name);
	}
}

int python_explain(const struct runtime_build *build, const struct runtime_process *p,
		   const struct abi_runtime *r, struct runtime_explained *ret)
{
	struct walker w = { .target = { .memory = &p->memory } };
	_cleanup_(strbuf_done) struct strbuf why = STRBUF_INIT;
	struct python_states states;
	struct python_layout layout;
	uint64_t head;
	int err = python_find_layout(build->data, p, &layout, &head, &why);

	if (!err)
		err = python_list_states(&p->memory, &layout, head, &states);
	if (err)
		return err;
	*ret = (struct runtime_explained){ .needs_loop = r->python.frames == ABI_PYTHON_OBJECTS,
					   .limited = states.nr == PYTHON_STATES };
	say_routes(&r->python, ret);
	for (uint32_t i = 0; i < states.nr; i++)
		if (!came_before(&states, i))
			walk_thread(&w, &r->python, states.of[i].thread, ret);
	return 0;
}
