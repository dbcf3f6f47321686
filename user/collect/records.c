// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "collect/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/intern.h"
#include "base/now.h"
#include "collect/cputimes.h"
#include "collect/stacks.h"
#include "collect/texts.h"

/* How many samples may wait for a stack before the oldest way out is taken: without it. */
enum { MAX_WAITING = 65536, NO_ID = UINT32_MAX };

struct records {
	const struct drain_settings *settings;
	struct capture *capture;
	struct tracker *tracker;
	struct sideband *sideband;
	struct tables *tables;	/* NULL: the kernel walks */
	struct cputimes *times; /* NULL: not wanted */
	live_event_fn on_event;
	void *on_event_ctx;

	/* Records of the ring, 8-aligned, each behind its size, until the side-band is read. */
	char *taken;
	size_t taken_size, taken_cap;

	struct stacks stacks;
	struct texts texts;
	struct intern who_ids; /* the kernel half's ids, to positions in … */
	uint32_t *whos;	       /* … the capture's */
	uint32_t cap_whos;

	struct abi_slot *waiting;
	uint32_t nr_waiting, cap_waiting;
	uint32_t lost_stack, dropped_stack, lost_who; /* of the capture */
	bool full; /* --max-memory: no new stack or thread is kept */
};

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
	err = stacks_init(&r->stacks, settings, capture, tracker, tables);
	if (err >= 0 && (err = texts_init(&r->texts, capture, settings->has_texts)) >= 0 &&
	    (err = capture_mark_stack(capture, "[stack lost]", &r->lost_stack)) >= 0 &&
	    (err = capture_mark_stack(capture, "[stack dropped: --max-memory]",
				      &r->dropped_stack)) >= 0 &&
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
	stacks_done(&r->stacks);
	texts_done(&r->texts);
	free(r->whos);
	free(r->waiting);
	free(r->taken);
	free(r);
}

void records_listen(struct records *r, live_event_fn fn, void *ctx)
{
	r->on_event = fn;
	r->on_event_ctx = ctx;
}

void records_time(struct records *r, struct cputimes *times)
{
	r->times = times;
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

static uint32_t known_who(const struct records *r, uint64_t id)
{
	uint32_t at;

	return intern_find(&r->who_ids, &id, sizeof(id), &at) ? r->whos[at] : NO_ID;
}

/*
 * Naming what was taken will need about as much again. The side-band's rings count here and in
 * the fixed part: on the safe side.
 */
static bool is_full(const struct records *r)
{
	const struct runtimes *runtimes = r->tables ? tables_runtimes(r->tables) : NULL;

	return capture_memory(r->capture) + tracker_memory(r->tracker) +
		       sideband_memory(r->sideband) + records_memory(r) +
		       (runtimes ? runtimes_names_memory(runtimes) : 0) >
	       r->settings->budget.growing / 2;
}

static int take_thread(struct records *r, const struct abi_thread *t)
{
	struct raw_who who = { .pid = t->tgid, .tid = r->settings->per_thread ? t->tid : 0 };
	char comm[ABI_COMM_LEN + 1] = { 0 };
	uint32_t id;
	int err = r->times ? cputimes_see(r->times, t->tgid, t->start_ns) : 0;

	if (err < 0 || r->full)
		return err;
	memcpy(comm, t->comm, ABI_COMM_LEN);
	err = capture_string(r->capture, comm, &who.comm);
	if (err >= 0)
		err = tracker_cgroup(r->tracker, t->tgid, &who.container, &who.cgroup);
	if (err >= 0)
		err = capture_who(r->capture, &who, &id);
	return err < 0 ? err : learn_who(r, t->id, id);
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
	struct live_event out = { .time = e->time, .value = e->value };

	if (!r->on_event)
		return;
	texts_resolve(&r->texts, e->key.tag, &out.tag);
	out.who = known_who(r, e->key.who);
	out.stack = stacks_find(&r->stacks, e->key.stack).stack;
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

		return err < 0 || r->full ? err : stacks_take(&r->stacks, s, size);
	}
	if ((type == ABI_ASK || type == ABI_START) && size >= sizeof(struct abi_ask) && r->tables) {
		const struct abi_ask *a = data;
		int err = advance(r, a->time);

		if (err < 0)
			return err;
		return type == ABI_START ? tables_start(r->tables, a) : tables_answer(r->tables, a);
	}
	if (type == ABI_COPY && size >= sizeof(struct abi_copy) && r->tables) {
		const struct abi_copy *c = data;
		int err = advance(r, c->ask.time);

		return err < 0 || r->full ? err : stacks_take_copy(&r->stacks, c, size);
	}
	if (type == ABI_CODE && r->tables && tables_runtimes(r->tables) &&
	    size >= offsetof(struct abi_code, lines)) {
		const struct abi_code *c = data;
		int err = advance(r, c->time);

		return err < 0 || r->full ? err
					  : runtimes_take_code(tables_runtimes(r->tables), c, size);
	}
	if (type == ABI_TEXT && size >= sizeof(struct abi_text))
		return r->full ? 0 : texts_take(&r->texts, r->capture, data);
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
		/* One of a few words may stand for much that is read from a process. */
		r->full = r->full || is_full(r);
		at += sizeof(size) + ((size + 7) & ~(size_t)7);
	}
	r->taken_size = 0;
	return err;
}

/* Into the capture; what is not known stands as a mark, and is counted. */
static int add_sample(struct records *r, const struct abi_slot *s, uint32_t who,
		      const struct taken_stack *stack)
{
	struct raw_sample sample = { .stack = stack->stack,
				     .who = who,
				     .task = stack->task,
				     .bucket = s->key.bucket,
				     .count = s->count,
				     .total = s->total };
	bool lost = who == NO_ID || stack->stack == NO_ID;

	if (!(s->key.tag & r->settings->again))
		r->capture->quality.n[QUALITY_EVENTS] += s->count;
	if (lost)
		r->capture->quality.n[r->full ? QUALITY_MEMORY : QUALITY_NO_STACK] += s->count;
	if (who == NO_ID)
		sample.who = r->lost_who;
	if (stack->stack == NO_ID)
		sample.stack = r->full ? r->dropped_stack : r->lost_stack;
	if (!texts_resolve(&r->texts, s->key.tag, &sample.tag))
		r->capture->quality.n[QUALITY_TEXT_LOST] += s->count;
	stacks_count(&r->stacks, stack, s->count);
	if (s->key.bucket != ABI_NO_BUCKET) {
		sample.min = s->min;
		sample.max = s->max;
	}
	return capture_add(r->capture, &sample);
}

static int resolve_slot(struct records *r, const struct abi_slot *s, bool may_wait)
{
	uint32_t who = known_who(r, s->key.who);
	struct taken_stack stack = stacks_find(&r->stacks, s->key.stack);
	bool whole = who != NO_ID && stack.stack != NO_ID && !texts_lack(&r->texts, s->key.tag);

	if (whole || r->full || !may_wait || r->nr_waiting == MAX_WAITING)
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

int records_answer(struct records *r)
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
	return err < 0 ? err : advance(r, now);
}

int records_settle(struct records *r)
{
	uint64_t now = now_ns();
	int err = records_answer(r);

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
	return r->who_ids.memory + stacks_memory(&r->stacks) + texts_memory(&r->texts) +
	       r->taken_cap + r->cap_whos * sizeof(*r->whos) + r->cap_waiting * sizeof(*r->waiting);
}
