// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/intern.h"

/* How many samples may wait for a stack before the oldest way out is taken: without it. */
enum { MAX_WAITING = 65536, NO_ID = UINT32_MAX };
/* A copied stack's own record follows its copy, but for what other CPUs send between. */
enum { MAX_COPIES = 64 };

/* A stack of the kernel half. */
struct taken_stack {
	uint32_t stack;	     /* of the capture */
	uint8_t stop, flags; /* enum abi_stop, enum abi_stack_flag */
	bool cut;	     /* it went on where no code is */
	bool deep;	     /* its kernel part is at the depth limit */
};

/* A stack that was walked again, until its own record comes. */
struct rewalked {
	uint64_t id; /* the kernel half's; 0: none */
	uint8_t stop, flags;
	uint32_t nr, cap;
	uint64_t *frames;
};

/* What the end of a walk costs a sample. */
static const enum quality_id stop_costs[ABI_STOPS] = {
	[ABI_STOP_KERNEL] = QUALITY_BY_FP,	    [ABI_STOP_ROOT] = QUALITY_ROOT,
	[ABI_STOP_DEPTH] = QUALITY_TRUNCATED,	    [ABI_STOP_MEMORY] = QUALITY_STACK_MEMORY,
	[ABI_STOP_NO_FRAME] = QUALITY_NO_UNWIND,    [ABI_STOP_NO_PROGRESS] = QUALITY_BAD_UNWIND,
	[ABI_STOP_REGISTER] = QUALITY_BAD_UNWIND,   [ABI_STOP_RULE] = QUALITY_BAD_UNWIND,
	[ABI_STOP_UNREADABLE] = QUALITY_UNREADABLE,
};

struct records {
	const struct drain_settings *settings;
	struct capture *capture;
	struct tracker *tracker;
	struct sideband *sideband;
	struct tables *tables; /* NULL: the kernel walks */
	live_event_fn on_event;
	void *on_event_ctx;

	/* Records of the ring, 8-aligned, each behind its size, until the side-band is read. */
	char *taken;
	size_t taken_size, taken_cap;

	struct intern who_ids, stack_ids; /* the kernel half's ids, to positions in … */
	uint32_t *whos;			  /* … the capture's threads … */
	struct taken_stack *stacks;	  /* … and stacks */
	uint32_t cap_whos, cap_stacks;

	struct rewalked copies[MAX_COPIES]; /* a ring of the last ones */
	uint32_t nr_copies;

	struct abi_slot *waiting;
	uint32_t nr_waiting, cap_waiting;
	uint32_t lost_stack, dropped_stack, lost_who; /* of the capture */
	bool full;		     /* --max-memory: no new stack or thread is kept */
	struct raw_frame *frames;    /* of the stack being normalised */
	struct tables_stack *walked; /* of the copy being walked */
};

static int make_mark(struct capture *c, const char *text, uint32_t *ret_stack)
{
	struct object o = { .kind = OBJECT_MARK, .path = strdup(text), .fd = -1 };
	struct raw_frame frame = { 0 };
	int r = capture_object(c, &o, &frame.object);

	return r < 0 ? r : capture_stack(c, &frame, 1, ret_stack);
}

int records_new(struct records **ret, const struct drain_settings *settings,
		struct capture *capture, struct tracker *tracker, struct sideband *sideband,
		struct tables *tables)
{
	struct records *r = calloc(1, sizeof(*r));
	struct raw_who unknown = { 0 };
	int err = -ENOMEM;

	if (!r)
		return -ENOMEM;
	*r = (struct records){
		.settings = settings,
		.capture = capture,
		.tracker = tracker,
		.sideband = sideband,
		.tables = tables,
	};
	r->frames = calloc(ABI_FRAME_KINDS * ABI_MAX_DEPTH, sizeof(*r->frames));
	r->walked = calloc(1, sizeof(*r->walked));
	if (r->frames && r->walked &&
	    (err = make_mark(capture, "[stack lost]", &r->lost_stack)) >= 0 &&
	    (err = make_mark(capture, "[stack dropped: --max-memory]", &r->dropped_stack)) >= 0 &&
	    (err = capture_string(capture, "[unknown]", &unknown.comm)) >= 0 &&
	    (err = capture_who(capture, &unknown, &r->lost_who)) >= 0) {
		*ret = r;
		return 0;
	}
	records_free(r);
	return err;
}

void records_free(struct records *r)
{
	if (!r)
		return;
	intern_done(&r->who_ids);
	intern_done(&r->stack_ids);
	for (uint32_t i = 0; i < MAX_COPIES; i++)
		free(r->copies[i].frames);
	free(r->walked);
	free(r->whos);
	free(r->stacks);
	free(r->waiting);
	free(r->taken);
	free(r->frames);
	free(r);
}

void records_listen(struct records *r, live_event_fn fn, void *ctx)
{
	r->on_event = fn;
	r->on_event_ctx = ctx;
}

int records_take(void *ctx, void *data, size_t size)
{
	struct records *r = ctx;
	size_t room = sizeof(size_t) + ((size + 7) & ~(size_t)7);

	if (array_reserve(r->taken, r->taken_cap, r->taken_size + room) < 0)
		return -ENOMEM;
	memcpy(r->taken + r->taken_size, &size, sizeof(size));
	memcpy(r->taken + r->taken_size + sizeof(size), data, size);
	r->taken_size += room;
	return 0;
}

/* Notes that the kernel half's `id` is a thread of the capture; a later word replaces an earlier.
 */
static int learn_who(struct records *r, uint64_t id, uint32_t who)
{
	uint32_t at;

	if (intern_add(&r->who_ids, &id, sizeof(id), &at) < 0 ||
	    array_reserve(r->whos, r->cap_whos, at + 1u) < 0)
		return -ENOMEM;
	r->whos[at] = who;
	return 0;
}

static int learn_stack(struct records *r, uint64_t id, const struct taken_stack *s)
{
	uint32_t at;

	if (intern_add(&r->stack_ids, &id, sizeof(id), &at) < 0 ||
	    array_reserve(r->stacks, r->cap_stacks, at + 1u) < 0)
		return -ENOMEM;
	r->stacks[at] = *s;
	return 0;
}

static uint32_t known_who(const struct records *r, uint64_t id)
{
	uint32_t at;

	return intern_find(&r->who_ids, &id, sizeof(id), &at) ? r->whos[at] : NO_ID;
}

static struct taken_stack known_stack(const struct records *r, uint64_t id)
{
	uint32_t at;

	if (!id)
		return (struct taken_stack){ 0 };
	return intern_find(&r->stack_ids, &id, sizeof(id), &at)
		       ? r->stacks[at]
		       : (struct taken_stack){ .stack = NO_ID };
}

/*
 * Naming what was taken will need about as much again. The side-band's rings count here and in
 * the fixed part: on the safe side.
 */
static bool is_full(const struct records *r)
{
	return capture_memory(r->capture) + tracker_memory(r->tracker) +
		       sideband_memory(r->sideband) + records_memory(r) >
	       r->settings->budget.growing / 2;
}

static int take_thread(struct records *r, const struct abi_thread *t)
{
	struct raw_who who = { .pid = t->tgid, .tid = r->settings->per_thread ? t->tid : 0 };
	char comm[ABI_COMM_LEN + 1] = { 0 };
	uint32_t id;
	int err;

	if (r->full)
		return 0;
	memcpy(comm, t->comm, ABI_COMM_LEN);
	err = capture_string(r->capture, comm, &who.comm);
	if (err >= 0)
		err = tracker_cgroup(r->tracker, t->tgid, &who.container, &who.cgroup);
	if (err >= 0)
		err = capture_who(r->capture, &who, &id);
	return err < 0 ? err : learn_who(r, t->id, id);
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

/* From addresses to frames of the capture, with the process as it was when they were taken. */
static int normalise(struct records *r, const struct abi_stack *s, const uint64_t *kernel,
		     const uint64_t *user, struct taken_stack *ret)
{
	uint32_t nr_kernel = s->nr[ABI_KERNEL_FRAMES], nr_user = s->nr[ABI_USER_FRAMES];
	const struct abi_config *cfg = &r->settings->config;
	struct process_id process = { s->tgid, s->start_ns, s->time };
	struct taken_stack taken = { .stop = s->stop < ABI_STOPS ? s->stop : ABI_STOP_NONE,
				     .flags = s->flags };
	uint32_t nr_code;
	int err;

	for (uint32_t i = 0; i < nr_kernel; i++)
		r->frames[i] = (struct raw_frame){ .offset = kernel[i] - (i ? 1 : 0) };
	err = nr_user ? tracker_frames(r->tracker, &process, user, nr_user, r->frames + nr_kernel)
		      : 0;
	if (err < 0)
		return err;
	if (s->mappings && !tables_is_current(r->tables, s->space, s->mappings))
		taken.flags |= ABI_STACK_APPROXIMATE;
	nr_code = count_code(r->capture, r->frames + nr_kernel, nr_user);
	taken.cut = nr_code < nr_user;
	taken.deep = nr_kernel >= cfg->max_depth ||
		     (s->stop == ABI_STOP_KERNEL && nr_user >= cfg->max_depth);
	err = capture_stack(r->capture, r->frames, nr_kernel + nr_code, &taken.stack);
	if (err >= 0)
		*ret = taken;
	return err;
}

static int take_copy(struct records *r, const struct abi_copy *c)
{
	struct rewalked *to = &r->copies[r->nr_copies++ % MAX_COPIES];
	struct tables_stack *w = r->walked;
	int err;

	to->id = 0;
	if (r->full)
		return 0;
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
static const uint64_t *find_copy(struct records *r, struct abi_stack *s)
{
	for (uint32_t i = 0; i < MAX_COPIES && s->flags & ABI_STACK_COPIED; i++) {
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

static int take_stack(struct records *r, struct abi_stack *s, size_t size)
{
	uint64_t nr = (uint64_t)s->nr[ABI_KERNEL_FRAMES] + s->nr[ABI_USER_FRAMES];
	uint64_t *kernel = (uint64_t *)(s + 1), *own;
	const uint64_t *user;
	struct taken_stack taken;
	int err;

	if (nr > ABI_FRAME_KINDS * ABI_MAX_DEPTH || sizeof(*s) + nr * sizeof(uint64_t) > size)
		return -EPROTO;
	/* The first is kept: two CPUs may send the same one. */
	if (r->full || known_stack(r, s->id).stack != NO_ID)
		return 0;
	own = kernel + s->nr[ABI_KERNEL_FRAMES];
	for (uint32_t i = 1; !is_walked(s) && i < s->nr[ABI_USER_FRAMES]; i++)
		own[i]--;
	user = find_copy(r, s);
	err = normalise(r, s, kernel, user ? user : own, &taken);
	return err < 0 ? err : learn_stack(r, s->id, &taken);
}

static int on_process(void *ctx, const struct process_event *e)
{
	return tracker_event(ctx, e);
}

/* Processes as they were at `time`: applies the side-band up to it. */
static int advance(struct records *r, uint64_t time)
{
	return sideband_deliver(r->sideband, time, on_process, r->tracker);
}

static void tell_event(struct records *r, const struct abi_event *e)
{
	struct live_event out = { .time = e->time, .value = e->value, .tag = e->key.tag };

	if (!r->on_event)
		return;
	out.who = known_who(r, e->key.who);
	out.stack = known_stack(r, e->key.stack).stack;
	if (out.who == NO_ID)
		out.who = r->lost_who;
	if (out.stack == NO_ID)
		out.stack = r->lost_stack;
	r->on_event(r->on_event_ctx, &out);
}

static int work_off(struct records *r, void *data, size_t size)
{
	uint32_t type;

	if (size < sizeof(type))
		return -EPROTO;
	memcpy(&type, data, sizeof(type));
	if (type == ABI_THREAD && size >= sizeof(struct abi_thread)) {
		const struct abi_thread *t = data;
		int err = advance(r, t->time);

		return err < 0 ? err : take_thread(r, t);
	}
	if (type == ABI_STACK && size >= sizeof(struct abi_stack)) {
		struct abi_stack *s = data;
		int err = advance(r, s->time);

		return err < 0 ? err : take_stack(r, s, size);
	}
	if (type == ABI_ASK && size >= sizeof(struct abi_ask) && r->tables) {
		const struct abi_ask *a = data;
		int err = advance(r, a->time);

		return err < 0 ? err : tables_answer(r->tables, a);
	}
	if (type == ABI_COPY && size >= sizeof(struct abi_copy) && r->tables) {
		const struct abi_copy *c = data;
		int err = advance(r, c->ask.time);

		return err < 0 ? err : take_copy(r, c);
	}
	if (type == ABI_SPILL && size >= sizeof(struct abi_event)) {
		const struct abi_event *e = data;

		return records_slot(r, &(struct abi_slot){ .key = e->key,
							   .count = 1,
							   .total = e->value,
							   .min = e->value,
							   .max = e->value });
	}
	if (type == ABI_EVENT && size >= sizeof(struct abi_event)) {
		tell_event(r, data);
		return 0;
	}
	return -EPROTO;
}

static int work_off_all(struct records *r)
{
	int err = 0;

	for (size_t at = 0; err >= 0 && at < r->taken_size;) {
		size_t size;

		memcpy(&size, r->taken + at, sizeof(size));
		err = work_off(r, r->taken + at + sizeof(size), size);
		at += sizeof(size) + ((size + 7) & ~(size_t)7);
	}
	r->taken_size = 0;
	return err;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* What is missing from a stack, or not. */
static void count_stack(struct quality *q, const struct taken_stack *s, uint64_t count)
{
	bool approximate = s->flags & ABI_STACK_APPROXIMATE;

	if (s->stop != ABI_STOP_NONE)
		q->n[QUALITY_USER_STACKS] += count;
	if (approximate)
		q->n[QUALITY_APPROXIMATE] += count;
	if (s->cut)
		q->n[QUALITY_CUT] += count;
	else if (s->deep)
		q->n[QUALITY_TRUNCATED] += count;
	else if (stop_costs[s->stop] && !(approximate && s->stop == ABI_STOP_ROOT))
		q->n[stop_costs[s->stop]] += count;
}

/* Into the capture; what is not known stands as a mark, and is counted. */
static int add_sample(struct records *r, const struct abi_slot *s, uint32_t who,
		      const struct taken_stack *stack)
{
	struct raw_sample sample = { .stack = stack->stack,
				     .who = who,
				     .tag = s->key.tag,
				     .bucket = s->key.bucket,
				     .count = s->count,
				     .total = s->total };
	bool lost = who == NO_ID || stack->stack == NO_ID;

	r->capture->quality.n[QUALITY_EVENTS] += s->count;
	if (lost)
		r->capture->quality.n[r->full ? QUALITY_MEMORY : QUALITY_NO_STACK] += s->count;
	if (who == NO_ID)
		sample.who = r->lost_who;
	if (stack->stack == NO_ID)
		sample.stack = r->full ? r->dropped_stack : r->lost_stack;
	count_stack(&r->capture->quality, stack, s->count);
	if (s->key.bucket != ABI_NO_BUCKET) {
		sample.min = s->min;
		sample.max = s->max;
	}
	return capture_add(r->capture, &sample);
}

static int resolve_slot(struct records *r, const struct abi_slot *s, bool may_wait)
{
	uint32_t who = known_who(r, s->key.who);
	struct taken_stack stack = known_stack(r, s->key.stack);

	if ((who != NO_ID && stack.stack != NO_ID) || r->full || !may_wait ||
	    r->nr_waiting == MAX_WAITING)
		return add_sample(r, s, who, &stack);
	if (array_reserve(r->waiting, r->cap_waiting, r->nr_waiting + 1u) < 0)
		return -ENOMEM;
	r->waiting[r->nr_waiting++] = *s;
	return 0;
}

int records_slot(struct records *r, const struct abi_slot *slot)
{
	return resolve_slot(r, slot, true);
}

/* Looks again for what the waiting samples lack. */
static int retry_waiting(struct records *r, bool may_wait)
{
	uint32_t nr = r->nr_waiting;

	r->nr_waiting = 0;
	for (uint32_t i = 0; i < nr; i++) {
		struct abi_slot s = r->waiting[i];
		int err = resolve_slot(r, &s, may_wait);

		if (err < 0)
			return err;
	}
	return 0;
}

int records_settle(struct records *r)
{
	uint64_t lost, now = now_ns();
	int err = sideband_read(r->sideband);

	if (err < 0)
		return err;
	r->full = is_full(r);
	lost = sideband_take_lost(r->sideband);
	if (lost) {
		r->capture->quality.n[QUALITY_PROCESS_RECORDS] += lost;
		err = tracker_rescan(r->tracker);
	}
	if (err >= 0)
		err = work_off_all(r);
	if (err >= 0)
		err = advance(r, now);
	if (err >= 0 && r->tables)
		err = tables_tend(r->tables);
	tracker_forget(r->tracker, now);
	return err < 0 ? err : retry_waiting(r, true);
}

int records_finish(struct records *r)
{
	return retry_waiting(r, false);
}

size_t records_memory(const struct records *r)
{
	return r->who_ids.memory + r->stack_ids.memory + r->taken_cap +
	       r->cap_whos * sizeof(*r->whos) + r->cap_stacks * sizeof(*r->stacks) +
	       r->cap_waiting * sizeof(*r->waiting);
}
