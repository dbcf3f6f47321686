// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/join.h"

struct joiner {
	const struct join_stack *s;
	struct raw_frame *to;
	uint32_t nr;
	uint32_t at;  /* the next call */
	bool awaited; /* what awaits the task is there */
};

static uint32_t nr_loops(const struct join_stack *s, uint32_t end)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < end && i < s->nr_native; i++)
		nr += s->native[i].flags & RAW_RUNS ? 1 : 0;
	return nr;
}

static uint32_t nr_entered(const struct join_stack *s, uint32_t from, uint32_t to)
{
	uint32_t nr = 0;

	for (uint32_t i = from; i < to && i < s->nr_calls; i++)
		nr += s->calls[i].entered;
	return nr;
}

static bool has_task(const struct join_stack *s)
{
	for (uint32_t i = 0; i < s->nr_calls; i++)
		if (s->calls[i].task)
			return true;
	return false;
}

static void add_awaiters(struct joiner *j)
{
	const struct join_stack *s = j->s;
	uint32_t end;

	if (j->awaited)
		return;
	j->awaited = true;
	for (uint32_t i = 0; i < s->nr_awaiters; i = end) {
		end = i + 1;
		while (end < s->nr_awaiters && !s->awaiters[end].task)
			end++;
		for (uint32_t k = end; k-- > i;)
			j->to[j->nr++] = s->awaiters[k].frame;
	}
	if (s->end)
		j->to[j->nr++] = *s->end;
}

static void add_call(struct joiner *j)
{
	const struct join_call *call = &j->s->calls[j->at];

	if (j->at++ == j->s->left_out) {
		j->to[j->nr++] = j->s->mark;
		/* The task's outermost call is one of those. */
		if (!has_task(j->s))
			add_awaiters(j);
	}
	j->to[j->nr++] = call->frame;
	if (call->task)
		add_awaiters(j);
}

/* Calls up to `end`, or the first that a loop was entered with. */
static void add_group(struct joiner *j, uint32_t end)
{
	while (j->at < end) {
		bool last = j->s->calls[j->at].entered;

		add_call(j);
		if (last)
			return;
	}
}

/* Was the innermost loop entered without having made its call known? */
static bool is_early(const struct join_stack *s, uint32_t nr_entered)
{
	return s->loops_by_address && s->native_whole && s->left_out >= s->nr_calls &&
	       nr_loops(s, s->nr_native) == nr_entered + 1;
}

/*
 * Calls of interpreters of which one called the other, the innermost's first: are so many loops
 * further in than the first one of the next interpreter as there are calls before it, then it has
 * none of those, and they have none of its. How many calls, from the innermost on, have their
 * place by this.
 */
static uint32_t nr_in_order(const struct join_stack *s)
{
	uint32_t nr = 0, loops = is_early(s, nr_entered(s, 0, s->nr_calls));
	bool gap = s->left_out < s->nr_calls;

	for (uint32_t i = 0; i < s->nr_calls; i++) {
		loops += s->calls[i].entered;
		if (!s->calls[i].last)
			continue;
		/* How many lie in the gap isn't known. */
		if (gap && i >= s->left_out)
			return s->left_out;
		if (nr >= s->nr_bounds || nr_loops(s, s->bounds[nr]) < loops)
			return i + 1;
		nr++;
	}
	/* If there are more, calls in the gap were the last ones. */
	return gap && nr < s->nr_bounds ? s->left_out : s->nr_calls;
}

static uint32_t join_known(const struct join_stack *s, struct raw_frame *ret, bool *ret_fits)
{
	struct joiner j = { .s = s, .to = ret };
	bool gap = s->left_out < s->nr_calls;
	uint32_t middle = gap ? s->left_out : s->nr_calls;
	uint32_t loops = nr_loops(s, s->nr_native), near = nr_entered(s, 0, middle);
	/* Loops of calls behind the gap, if they are the last ones of a whole stack. */
	uint32_t far = gap && s->native_whole ? nr_entered(s, middle, s->nr_calls) : 0;
	uint32_t early = is_early(s, near), n = 0;

	for (uint32_t i = 0; i < s->nr_native; i++) {
		struct raw_frame f = s->native[i];

		if (f.flags & RAW_RUNS) {
			uint32_t left = loops - n++;

			if (n <= early) {
				f.flags &= ~(uint32_t)RAW_RUNS;
			} else {
				if (j.at < middle)
					add_group(&j, middle);
				if (left <= far && j.at >= middle)
					add_group(&j, s->nr_calls);
			}
		}
		ret[j.nr++] = f;
	}
	*ret_fits = j.at == s->nr_calls && (gap || loops == near + early);
	while (j.at < s->nr_calls)
		add_call(&j);
	return j.nr;
}

uint32_t join(const struct join_stack *s, struct raw_frame *ret, bool *ret_fits)
{
	struct join_stack known = *s;
	uint32_t nr;

	if (s->loops_by_address)
		known.nr_calls = nr_in_order(s);
	/* Some loops are of calls that are left out here, not early. */
	if (known.nr_calls < s->nr_calls)
		known.loops_by_address = false;
	nr = join_known(&known, ret, ret_fits);
	*ret_fits &= known.nr_calls == s->nr_calls;
	return nr;
}
