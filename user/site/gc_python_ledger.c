// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The way to the rings is what _Py_DebugOffsets says (pycore_debug_offsets.h of 3.15): from
 * _PyRuntime through the list of interpreters to a pointer in the state of each one's collector.
 */
#include "site/gc_python_ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/now.h"
#include "gc.h"
#include "runtime/python.h"
#include "site/gc_python_ring.h"

enum {
	MINOR = 15,
	MAX_INTERPRETERS = 256,
	TRIES = 4,	     /* of a ring that is being written */
	MAX_BAD = 16,	     /* looks at one that never was as it should be */
	MAX_STATE = 1 << 24, /* bytes of an interpreter's state */
	LEAST_NS = 10,	     /* that a collection takes */
};

/* Bytes from the beginning of the block of 3.15. */
enum {
	BLOCK_BYTES = 888,
	AT_FREE_THREADED = 16,
	AT_RUNTIME_SIZE = 24,
	AT_HEAD = 40,
	AT_INTERPRETER_SIZE = 48,
	AT_ID = 56,
	AT_NEXT = 64,
	AT_COLLECTOR = 88,
	AT_COLLECTOR_SIZE = 752,
	AT_STATS_SIZE = 776,
	AT_STATS = 784,
};

struct offsets {
	uint64_t head, id, next, stats;
};

struct interpreter {
	uint64_t address, id, stats; /* one that is made where another was has not all of these */
	bool is_there;
	struct gc_python_mark marks[GC_PYTHON_GENERATIONS];
};

struct ledger {
	struct ledger_process process;
	uint64_t runtime; /* address of _PyRuntime in the process */
	struct offsets offsets;
	bool has_offsets, was_read; /* was_read: the list of interpreters, once */
	uint32_t nr_bad;
	struct interpreter *interpreters;
	uint32_t nr, cap;
};

static int find(const struct runtime_image *image, uint64_t *ret_runtime)
{
	uint8_t minor;
	int r = python_find_runtime(image, &minor, ret_runtime);

	return r <= 0 ? r : minor == MINOR && *ret_runtime;
}

static int open_ledger(const struct ledger_process *p, uint64_t runtime, struct ledger **ret)
{
	struct ledger *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->process = *p;
	l->runtime = runtime + p->bias;
	*ret = l;
	return 0;
}

static void free_ledger(struct ledger *l)
{
	if (!l)
		return;
	free(l->interpreters);
	free(l);
}

static uint32_t nr_interpreters(const struct ledger *l)
{
	return l->nr;
}

static int refuse(struct strbuf *why, const char *text)
{
	strbuf_addf(why, "Python 3.%u: %s", MINOR, text);
	return -ENOTSUP;
}

static uint64_t word(const uint64_t *block, unsigned at)
{
	return block[at / 8];
}

/* Does a pointer at `at` lie within something of `size` bytes? */
static bool lies_within(uint64_t at, uint64_t size)
{
	return size <= MAX_STATE && size >= 8 && at <= size - 8 && at % 8 == 0;
}

static int judge_offsets(const uint64_t *b, struct offsets *ret, struct strbuf *why)
{
	uint64_t size = word(b, AT_INTERPRETER_SIZE), collector = word(b, AT_COLLECTOR);
	uint64_t collector_size = word(b, AT_COLLECTOR_SIZE);

	if (word(b, AT_FREE_THREADED))
		return refuse(why, "how a build without the GIL writes down its collections is "
				   "not known");
	if (word(b, AT_STATS_SIZE) != GC_PYTHON_RING_BYTES)
		return refuse(why, "its record of collections has another size than is known");
	if (!lies_within(word(b, AT_HEAD), word(b, AT_RUNTIME_SIZE)) ||
	    !lies_within(word(b, AT_ID), size) || !lies_within(word(b, AT_NEXT), size) ||
	    !lies_within(collector, size) || collector_size > size - collector ||
	    !lies_within(word(b, AT_STATS), collector_size))
		return refuse(why, "the offsets that it says can't be right");
	*ret = (struct offsets){ .head = word(b, AT_HEAD),
				 .id = word(b, AT_ID),
				 .next = word(b, AT_NEXT),
				 .stats = collector + word(b, AT_STATS) };
	return 0;
}

static int read_offsets(struct ledger *l, struct strbuf *why)
{
	uint64_t block[BLOCK_BYTES / 8];
	struct python_release release;
	int r = target_memory_read(&l->process.memory, l->runtime, block, sizeof(block));

	if (r)
		return r == -ESRCH ? r : -EAGAIN;
	release = python_release((uint32_t)block[1]);
	if (memcmp(block, "xdebugpy", 8) != 0 || block[1] >> 32 || release.major != 3 ||
	    release.minor != MINOR)
		return refuse(why, "it does not say its offsets");
	r = judge_offsets(block, &l->offsets, why);
	l->has_offsets = !r;
	return r;
}

static int read_word(const struct ledger *l, uint64_t at, uint64_t *ret)
{
	int r = target_memory_read(&l->process.memory, at, ret, sizeof(*ret));

	return r == -EFAULT ? -EAGAIN : r;
}

/* Where an interpreter that was not there at the last look begins to count. */
static int begin(const struct ledger *l, const void *ring, struct interpreter *i,
		 uint64_t *ret_nr_unknown)
{
	bool is_first = !l->was_read, is_unknown = false;

	for (unsigned g = 0; g < GC_PYTHON_GENERATIONS; g++) {
		int r = 0;

		i->marks[g] = (struct gc_python_mark){ 0 };
		if (is_first && l->process.from == LEDGER_FROM_NOW)
			r = gc_python_ring_last(ring, g, &i->marks[g]);
		else if (is_first && l->process.from == LEDGER_FROM_TIME)
			r = gc_python_ring_before(ring, g, (int64_t)l->process.time, &i->marks[g]);
		if (r < 0)
			return r;
		is_unknown |= r > 0;
	}
	*ret_nr_unknown += is_unknown;
	return 0;
}

static int give(const struct gc_python_news *news, unsigned generation, ledger_fn fn, void *ctx)
{
	struct ledger_pause p = {
		.tag = (uint64_t)GC_PYTHON << GC_RUNTIME_SHIFT | (uint64_t)(generation + 1)
									 << GC_GENERATION_SHIFT,
		.is_sum = true,
		.count = news->nr_lost,
		.total_ns = news->lost_ns,
	};
	int r = p.count ? fn(ctx, &p) : 0;

	for (uint32_t i = 0; i < news->nr && r >= 0; i++) {
		p.is_sum = false;
		p.count = 1;
		p.total_ns = news->pauses[i].ns;
		p.end = (uint64_t)news->pauses[i].end;
		r = fn(ctx, &p);
	}
	return r;
}

/* More than there was time for. */
static bool is_absurd(const struct gc_python_news *news)
{
	uint64_t up = now_of(CLOCK_BOOTTIME), total = news->lost_ns;

	for (uint32_t i = 0; i < news->nr; i++) {
		if (news->pauses[i].ns > up)
			return true;
		total += news->pauses[i].ns;
	}
	return total > up || news->nr_lost > up / LEAST_NS;
}

/* All of its generations, or none. */
static int take_ring(struct interpreter *i, const void *ring, ledger_fn fn, void *ctx)
{
	struct gc_python_mark marks[GC_PYTHON_GENERATIONS];
	struct gc_python_news news[GC_PYTHON_GENERATIONS];
	int r = 0;

	memcpy(marks, i->marks, sizeof(marks));
	for (unsigned g = 0; g < GC_PYTHON_GENERATIONS; g++) {
		r = gc_python_ring_news(ring, g, &marks[g], &news[g]);
		if (r)
			return r;
		if (is_absurd(&news[g]))
			return -ERANGE;
	}
	memcpy(i->marks, marks, sizeof(marks));
	for (unsigned g = 0; g < GC_PYTHON_GENERATIONS && r >= 0; g++)
		r = give(&news[g], g, fn, ctx);
	return r;
}

static struct interpreter *known(const struct ledger *l, const struct interpreter *like)
{
	for (uint32_t i = 0; i < l->nr; i++) {
		struct interpreter *k = &l->interpreters[i];

		if (k->address == like->address && k->id == like->id && k->stats == like->stats)
			return k;
	}
	return NULL;
}

/* 0; -EAGAIN: it is being written; -ERANGE: it is not what it was; -ESRCH, -ENOMEM. */
static int look_at(struct ledger *l, const struct interpreter *found, ledger_fn fn, void *ctx,
		   uint64_t *ret_nr_unknown)
{
	uint64_t ring[GC_PYTHON_RING_BYTES / 8];
	int r = -EAGAIN;

	for (int try = 0; try < TRIES && r == -EAGAIN; try++) {
		struct interpreter new = *found, *i = known(l, found);

		r = target_memory_read(&l->process.memory, found->stats, ring, sizeof(ring));
		if (r)
			return r == -ESRCH ? r : -EAGAIN;
		if (!i) {
			r = begin(l, ring, &new, ret_nr_unknown);
			if (!r && array_reserve(l->interpreters, l->cap, l->nr + 1u) < 0)
				r = -ENOMEM;
			if (r)
				continue;
			i = &l->interpreters[l->nr++];
			*i = new;
		}
		i->is_there = true;
		r = take_ring(i, ring, fn, ctx);
	}
	return r;
}

/* The next one of the list. 0: *ret->stats is 0 where it has no ring yet; -EAGAIN, -ESRCH. */
static int read_interpreter(const struct ledger *l, uint64_t at, struct interpreter *ret,
			    uint64_t *ret_next)
{
	int r;

	*ret = (struct interpreter){ .address = at };
	r = read_word(l, at + l->offsets.id, &ret->id);
	if (!r)
		r = read_word(l, at + l->offsets.next, ret_next);
	return r ? r : read_word(l, at + l->offsets.stats, &ret->stats);
}

/* What can't have come of what was seen: from now on it is another one's. */
static void forget(struct ledger *l, const struct interpreter *like, uint64_t *ret_nr_unknown)
{
	struct interpreter *i = known(l, like);

	if (!i)
		return;
	*i = l->interpreters[--l->nr];
	++*ret_nr_unknown;
}

/* 0; -EAGAIN: not all was read; -ESRCH, -ENOTSUP, -ENOMEM. */
static int look_at_all(struct ledger *l, ledger_fn fn, void *ctx, uint64_t *ret_nr_unknown,
		       struct strbuf *why)
{
	bool is_whole = true;
	uint64_t at;
	int r = read_word(l, l->runtime + l->offsets.head, &at);

	for (uint32_t nr = 0; at && !r; nr++) {
		struct interpreter found;

		if (nr == MAX_INTERPRETERS)
			return refuse(why, "more interpreters than are followed");
		r = read_interpreter(l, at, &found, &at);
		if (r || !found.stats)
			continue;
		r = look_at(l, &found, fn, ctx, ret_nr_unknown);
		if (r == -ERANGE)
			forget(l, &found, ret_nr_unknown);
		is_whole &= !r;
		if (r == -EAGAIN || r == -ERANGE)
			r = 0;
	}
	return r ? r : is_whole ? 0 : -EAGAIN;
}

static int read_ledger(struct ledger *l, ledger_fn fn, void *ctx, uint64_t *ret_nr_unknown,
		       struct strbuf *why)
{
	uint32_t nr = 0;
	int r = 0;

	*ret_nr_unknown = 0;
	if (!l->has_offsets)
		r = read_offsets(l, why);
	if (r)
		return r;
	for (uint32_t i = 0; i < l->nr; i++)
		l->interpreters[i].is_there = false;
	r = look_at_all(l, fn, ctx, ret_nr_unknown, why);
	if (r == -EAGAIN && !l->was_read && ++l->nr_bad == MAX_BAD)
		return refuse(why, "its record of collections is not as it is known");
	if (r)
		return r;
	l->was_read = true;
	for (uint32_t i = 0; i < l->nr; i++)
		if (l->interpreters[i].is_there)
			l->interpreters[nr++] = l->interpreters[i];
	*ret_nr_unknown += l->nr - nr;
	l->nr = nr;
	return 0;
}

const struct ledger_reader gc_python_ledger = {
	.mark = "[stack unknown: read from the interpreter's own ring]",
	.text = "read from the ring that each interpreter keeps itself: pauses have no stack",
	.find = find,
	.open = open_ledger,
	.read = read_ledger,
	.nr = nr_interpreters,
	.free = free_ledger,
};
