// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

enum {
	MAX_FRAMES = ABI_FRAME_KINDS * ABI_MAX_DEPTH,
	MAX_JOINED = MAX_FRAMES + ABI_MAX_CALLS + ABI_MAX_AWAITERS + 2,
};

/* What the end of a walk costs a sample. */
static const enum quality_id stop_costs[ABI_STOPS] = {
	[ABI_STOP_KERNEL] = QUALITY_BY_FP,	    [ABI_STOP_ROOT] = QUALITY_ROOT,
	[ABI_STOP_DEPTH] = QUALITY_TRUNCATED,	    [ABI_STOP_MEMORY] = QUALITY_STACK_MEMORY,
	[ABI_STOP_NO_FRAME] = QUALITY_NO_UNWIND,    [ABI_STOP_NO_PROGRESS] = QUALITY_BAD_UNWIND,
	[ABI_STOP_REGISTER] = QUALITY_BAD_UNWIND,   [ABI_STOP_RULE] = QUALITY_BAD_UNWIND,
	[ABI_STOP_UNREADABLE] = QUALITY_UNREADABLE,
};

int stacks_init(struct stacks *s, const struct drain_settings *settings, struct capture *capture,
		struct tracker *tracker, struct tables *tables)
{
	*s = (struct stacks){
		.settings = settings,
		.capture = capture,
		.tracker = tracker,
		.tables = tables,
		.runtimes = tables ? tables_runtimes(tables) : NULL,
		.frames = calloc(MAX_FRAMES, sizeof(*s->frames)),
		.joined = calloc(MAX_JOINED, sizeof(*s->joined)),
		.calls = calloc(ABI_MAX_CALLS, sizeof(*s->calls)),
		.awaiters = calloc(ABI_MAX_AWAITERS, sizeof(*s->awaiters)),
		.walked = calloc(1, sizeof(*s->walked)),
	};
	return s->frames && s->joined && s->calls && s->awaiters && s->walked ? 0 : -ENOMEM;
}

void stacks_done(struct stacks *s)
{
	intern_done(&s->ids);
	for (uint32_t i = 0; i < STACKS_COPIES; i++)
		free(s->copies[i].frames);
	free(s->taken);
	free(s->frames);
	free(s->joined);
	free(s->calls);
	free(s->awaiters);
	task_names_done(&s->names);
	free(s->walked);
}

static int learn(struct stacks *r, uint64_t id, const struct taken_stack *s)
{
	uint32_t at;

	if (intern_add(&r->ids, &id, sizeof(id), &at) < 0 ||
	    array_reserve(r->taken, r->cap_taken, at + 1u) < 0)
		return -ENOMEM;
	r->taken[at] = *s;
	return 0;
}

struct taken_stack stacks_find(const struct stacks *r, uint64_t id)
{
	uint32_t at;

	if (!id)
		return (struct taken_stack){ 0 };
	return intern_find(&r->ids, &id, sizeof(id), &at)
		       ? r->taken[at]
		       : (struct taken_stack){ .stack = STACKS_NONE };
}

/*
 * A walk by frame pointers through code that keeps none goes on with whatever the stack holds.
 * A caller is code; what is none, and all behind it, never was on the stack.
 */
static uint32_t count_code(const struct capture *c, const struct raw_frame *frames, uint32_t nr)
{
	for (uint32_t i = 1; i < nr; i++)
		if (c->objects[frames[i].object].kind == OBJECT_NONE)
			return i;
	return nr;
}

/* Was the stack walked by tables? Its callers then are the addresses of calls already. */
static bool is_walked(const struct abi_stack *s)
{
	return s->stop != ABI_STOP_NONE && s->stop != ABI_STOP_KERNEL &&
	       s->stop != ABI_STOP_UNREADABLE;
}

/* Keeps what tells whether the space is still what it was; at once if the list was old already. */
static void note_space(struct stacks *r, const struct abi_stack *s,
		       const struct process_id *process, struct taken_stack *taken)
{
	struct space_version version;

	if (!s->mappings)
		return;
	if (!tables_is_current(r->tables, s->space, s->mappings)) {
		taken->flags |= ABI_STACK_APPROXIMATE;
		return;
	}
	if (tracker_space(r->tracker, process, &taken->space) <= 0 ||
	    !tracker_space_version(r->tracker, &taken->space, &version))
		taken->space.tgid = 0;
	else
		taken->replaced = version.replaced;
}

/*
 * The kernel half knows a stack by its addresses and its list of mappings: until that is replaced,
 * samples of other code at the same addresses count as this stack.
 */
static bool is_outdated(const struct stacks *r, const struct taken_stack *s)
{
	struct space_version version;

	return s->space.tgid && tracker_space_version(r->tracker, &s->space, &version) &&
	       version.replaced != s->replaced;
}

/*
 * User frames of the capture, with the interpreter's loops marked; where these are known by their
 * addresses, what the kernel half marked is a bound of them (join.h). 0 or -ENOMEM.
 */
static int normalise_user(struct stacks *r, const struct abi_stack *s, uint64_t *user,
			  struct raw_frame *ret)
{
	const struct process_id process = { s->tgid, s->start_ns, s->time };
	uint32_t nr = s->nr[ABI_USER_FRAMES];
	bool by_address = r->runtimes && runtimes_has_loops(r->runtimes, s->runtime);
	_cleanup_free_ uint8_t *flags = calloc(nr + 1u, 1);
	int err;

	if (!flags)
		return -ENOMEM;
	r->nr_bounds = 0;
	for (uint32_t i = 0; i < nr; i++) {
		bool marked = user[i] & ABI_FRAME_RUNS;

		user[i] &= ~ABI_FRAME_RUNS;
		if (by_address && marked && r->nr_bounds < ARRAY_SIZE(r->bounds))
			r->bounds[r->nr_bounds++] = s->nr[ABI_KERNEL_FRAMES] + i;
		if (by_address ? s->nr_calls && runtimes_is_loop(r->runtimes, s->runtime, user[i])
			       : marked)
			flags[i] = RAW_RUNS;
	}
	err = nr ? tracker_frames(r->tracker, &process, user, nr, ret) : 0;
	for (uint32_t i = 0; err >= 0 && i < nr; i++)
		ret[i].flags |= flags[i];
	return err < 0 ? err : 0;
}

static int read_call(struct stacks *r, const struct abi_stack *s, const struct abi_call *call,
		     struct taken_stack *taken, struct join_call *ret)
{
	int known = runtimes_frame(r->runtimes, s, call, &ret->frame);

	if (known < 0)
		return known;
	taken->code_lost |= !known;
	ret->entered = call->check & ABI_CALL_ENTERED;
	ret->task = call->check & ABI_CALL_TASK;
	ret->last = call->check & ABI_CALL_LAST;
	return 0;
}

/*
 * Puts the interpreted calls between the nr frames of r->frames, into r->joined. The number
 * of frames, or -ENOMEM.
 */
static int join_calls(struct stacks *r, const struct abi_stack *s, const struct abi_call *calls,
		      uint32_t nr, struct taken_stack *taken)
{
	const uint32_t first = ABI_MAX_CALLS - ABI_ROOT_CALLS;
	struct join_stack both = {
		.native = r->frames,
		.nr_native = nr,
		.native_whole = s->stop == ABI_STOP_ROOT && !taken->cut,
		.calls = r->calls,
		.nr_calls = s->nr_calls,
		.left_out = s->calls_walked > ABI_MAX_CALLS ? first : UINT32_MAX,
		.mark = runtimes_left_out(r->runtimes),
		.awaiters = r->awaiters,
		.nr_awaiters = s->nr_awaiters,
		.end = runtimes_awaited(r->runtimes, s->awaited),
		.loops_by_address = runtimes_has_loops(r->runtimes, s->runtime),
		.bounds = r->bounds,
		.nr_bounds = r->nr_bounds,
	};
	bool fits;
	int err;

	taken->left_out = both.left_out == first;
	for (uint32_t i = 0; i < s->nr_calls; i++) {
		/* The last ones of many stand in a ring. */
		uint32_t at = taken->left_out && i >= first
				      ? first + (i - first + s->calls_walked) % ABI_ROOT_CALLS
				      : i;

		err = read_call(r, s, &calls[at], taken, &r->calls[i]);
		if (err < 0)
			return err;
	}
	for (uint32_t i = 0; i < s->nr_awaiters; i++) {
		err = read_call(r, s, &calls[s->nr_calls + i], taken, &r->awaiters[i]);
		if (err < 0)
			return err;
	}
	nr = join(&both, r->joined, &fits);
	taken->unjoined = !fits && both.native_whole;
	return (int)nr;
}

/* A stack of calls alone: who was called, and by whom. */
static int take_calls(struct stacks *r, const struct abi_stack *s, const struct abi_call *calls,
		      struct taken_stack *ret)
{
	struct taken_stack taken = { .flags = ABI_STACK_CALLS };
	struct join_call call;
	int err;

	if (!r->runtimes)
		return -EPROTO;
	for (uint32_t i = 0; i < s->nr_calls; i++) {
		err = read_call(r, s, &calls[i], &taken, &call);
		if (err < 0)
			return err;
		r->joined[i] = call.frame;
	}
	err = capture_stack(r->capture, r->joined, s->nr_calls, &taken.stack);
	if (err >= 0)
		*ret = taken;
	return err;
}

/*
 * From addresses to frames of the capture, with the process as it was when they were taken. `user`
 * is changed; `calls` NULL: there are none.
 */
static int normalise(struct stacks *r, const struct abi_stack *s, const uint64_t *kernel,
		     uint64_t *user, const struct abi_call *calls, struct taken_stack *ret)
{
	uint32_t nr_kernel = s->nr[ABI_KERNEL_FRAMES], nr_user = s->nr[ABI_USER_FRAMES];
	const struct abi_config *cfg = &r->settings->config;
	struct process_id process = { s->tgid, s->start_ns, s->time };
	struct taken_stack taken = {
		.stop = s->stop < ABI_STOPS ? s->stop : ABI_STOP_NONE,
		.flags = s->flags,
		.interpreted = s->interpreted < ABI_INTERPRETED_STOPS ? s->interpreted : 0,
	};
	const struct raw_frame *frames = r->frames;
	uint32_t nr_code;
	int err;

	for (uint32_t i = 0; i < nr_kernel; i++)
		r->frames[i] = (struct raw_frame){ .offset = kernel[i] - (i ? 1 : 0) };
	err = normalise_user(r, s, user, r->frames + nr_kernel);
	if (err < 0)
		return err;
	note_space(r, s, &process, &taken);
	nr_code = count_code(r->capture, r->frames + nr_kernel, nr_user);
	taken.cut = nr_code < nr_user;
	taken.deep = nr_kernel >= cfg->max_depth ||
		     (s->stop == ABI_STOP_KERNEL && nr_user >= cfg->max_depth);
	nr_code += nr_kernel;
	if (calls && r->runtimes) {
		err = join_calls(r, s, calls, nr_code, &taken);
		if (err < 0)
			return err;
		nr_code = (uint32_t)err;
		frames = r->joined;
	}
	if (calls && s->has_name) {
		err = task_names_find(&r->names, r->capture,
				      (const void *)(calls + s->nr_calls + s->nr_awaiters),
				      &taken.task);
		if (err < 0)
			return err;
		taken.unnamed = !err;
	}
	taken.unwalked = r->tables && !s->runtime ? s->space : 0;
	taken.late = taken.unwalked && tables_runtime(r->tables, s->space);
	err = capture_stack(r->capture, frames, nr_code, &taken.stack);
	if (err >= 0)
		*ret = taken;
	return err;
}

int stacks_take_copy(struct stacks *r, const struct abi_copy *c, size_t size)
{
	struct rewalked *to = &r->copies[r->nr_copies++ % STACKS_COPIES];
	struct tables_stack *w = r->walked;
	int err;

	to->id = 0;
	if (c->size > size - sizeof(*c))
		return -EPROTO;
	err = tables_walk(r->tables, c, r->settings->config.max_user_depth, w);
	if (err <= 0)
		return err;
	if (array_reserve(to->frames, to->cap, w->nr) < 0)
		return -ENOMEM;
	memcpy(to->frames, w->frames, w->nr * sizeof(w->frames[0]));
	to->nr = w->nr;
	to->stop = w->stop;
	to->flags = w->flags;
	to->id = c->stack;
	return 0;
}

/* The user stack as it was walked again, in place of what the kernel half made of it. */
static uint64_t *find_copy(struct stacks *r, struct abi_stack *s)
{
	for (uint32_t i = 0; i < STACKS_COPIES && s->flags & ABI_STACK_COPIED; i++) {
		struct rewalked *c = &r->copies[i];

		if (c->id != s->id)
			continue;
		c->id = 0;
		s->stop = c->stop;
		s->flags = c->flags;
		s->nr[ABI_USER_FRAMES] = c->nr;
		s->mappings = 0;
		return c->frames;
	}
	return NULL;
}

int stacks_take(struct stacks *r, struct abi_stack *s, size_t size)
{
	uint64_t nr = (uint64_t)s->nr[ABI_KERNEL_FRAMES] + s->nr[ABI_USER_FRAMES];
	uint64_t *kernel = (uint64_t *)(s + 1), *own, *user;
	const struct abi_call *calls = (const struct abi_call *)(kernel + nr);
	struct taken_stack taken;
	int err;

	if (nr > MAX_FRAMES || s->nr_calls > ABI_MAX_CALLS || s->nr_awaiters > ABI_MAX_AWAITERS ||
	    sizeof(*s) + nr * sizeof(uint64_t) + (s->nr_calls + s->nr_awaiters) * sizeof(*calls) +
			    (s->has_name ? sizeof(struct abi_name) : 0) >
		    size)
		return -EPROTO;
	/* The first is kept: two CPUs may send the same one. */
	if (stacks_find(r, s->id).stack != STACKS_NONE)
		return 0;
	if (s->flags & ABI_STACK_CALLS) {
		err = take_calls(r, s, calls, &taken);
		return err < 0 ? err : learn(r, s->id, &taken);
	}
	own = kernel + s->nr[ABI_KERNEL_FRAMES];
	for (uint32_t i = 1; !is_walked(s) && i < s->nr[ABI_USER_FRAMES]; i++)
		own[i]--;
	user = find_copy(r, s);
	err = normalise(r, s, kernel, user ? user : own, s->nr_calls ? calls : NULL, &taken);
	return err < 0 ? err : learn(r, s->id, &taken);
}

/* Which tables stay, when not all can. */
static void mark_used(struct stacks *r, uint32_t stack)
{
	struct raw_stack s = capture_stack_at(r->capture, stack);

	for (uint32_t i = 0; i < s.nr; i++)
		tables_used(r->tables, s.frames[i].object);
}

/* An interpreter becomes known after the first stacks came, before they are counted. */
static bool is_late(const struct stacks *r, const struct taken_stack *s)
{
	return s->late || (s->unwalked && tables_runtime(r->tables, s->unwalked));
}

static void count_interpreted(const struct stacks *r, uint64_t *n, const struct taken_stack *s,
			      uint64_t count)
{
	n[QUALITY_INTERPRETED_LATE] += is_late(r, s) ? count : 0;
	if (s->flags & ABI_STACK_CALLS)
		n[QUALITY_CODE_LOST] += s->code_lost ? count : 0;
	if (s->interpreted == ABI_INTERPRETED_NONE)
		return;
	n[QUALITY_INTERPRETED] += count;
	n[QUALITY_UNJOINED] += s->unjoined ? count : 0;
	n[QUALITY_CODE_LOST] += s->code_lost ? count : 0;
	n[QUALITY_TASKS_UNNAMED] += s->unnamed ? count : 0;
	if (s->interpreted == ABI_INTERPRETED_DEPTH || s->left_out)
		n[QUALITY_CALLS_LEFT_OUT] += count;
	else if (s->interpreted != ABI_INTERPRETED_WHOLE)
		n[QUALITY_INTERPRETED_LOST] += count;
	else if (!s->unjoined && !s->code_lost)
		n[QUALITY_INTERPRETED_WHOLE] += count;
}

void stacks_count(struct stacks *r, const struct taken_stack *s, uint64_t count)
{
	bool approximate = s->flags & ABI_STACK_APPROXIMATE || is_outdated(r, s);
	uint64_t *n = r->capture->quality.n;

	if (s->stop != ABI_STOP_NONE)
		n[QUALITY_USER_STACKS] += count;
	if (approximate)
		n[QUALITY_APPROXIMATE] += count;
	if (s->cut)
		n[QUALITY_CUT] += count;
	else if (s->deep)
		n[QUALITY_TRUNCATED] += count;
	else if (stop_costs[s->stop] && !(approximate && s->stop == ABI_STOP_ROOT))
		n[stop_costs[s->stop]] += count;
	count_interpreted(r, n, s, count);
	if (r->tables && s->stack != STACKS_NONE && tables_under_pressure(r->tables))
		mark_used(r, s->stack);
}

size_t stacks_memory(const struct stacks *r)
{
	size_t copies = 0;

	for (uint32_t i = 0; i < STACKS_COPIES; i++)
		copies += r->copies[i].cap * sizeof(r->copies[i].frames[0]);
	return r->ids.memory + r->names.known.memory + r->cap_taken * sizeof(*r->taken) + copies;
}
