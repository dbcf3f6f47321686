// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/join.h"

struct joiner {
	const struct join_stack *s;
	struct raw_frame *to;
	uint32_t nr;
	uint32_t at;  /* the next call */
	bool awaited; /* what awaits the task is there */
};

static uint32_t nr_loops(const struct join_stack *s)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < s->nr_native; i++)
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

uint32_t join(const struct join_stack *s, struct raw_frame *ret, bool *ret_fits)
{
	struct joiner j = { .s = s, .to = ret };
	bool gap = s->left_out < s->nr_calls;
	uint32_t middle = gap ? s->left_out : s->nr_calls;
	uint32_t loops = nr_loops(s), near = nr_entered(s, 0, middle);
	/* Loops of calls behind the gap, if they are the last ones of a whole stack. */
	uint32_t far = gap && s->native_whole ? nr_entered(s, middle, s->nr_calls) : 0;
	/* The innermost loop was entered, and has not made its call known. */
	uint32_t early = s->loops_by_address && s->native_whole && !gap && loops == near + 1;
	uint32_t n = 0;

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
