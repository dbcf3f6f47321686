// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The way from _Py_DebugOffsets to the rings of interpreters, in our own memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/now.h"
#include "gc.h"
#include "python_offsets_fixture.h"
#include "site/gc_python_ledger.h"
#include "site/gc_python_ring.h"

/* Words of the block, and of what it says of a real 3.15. */
enum {
	FREE_THREADED = 2,
	RUNTIME_SIZE = 3,
	HEAD = 5,
	INTERPRETER_SIZE = 6,
	NEXT = 8,
	COLLECTOR = 11,
	COLLECTOR_SIZE = 94,
	STATS_SIZE = 97,
	STATS = 98,
	RING_WORDS = GC_PYTHON_RING_BYTES / 8,
	STATE_BYTES = 8192,
	MOST = 300,
};

struct fake {
	uint64_t runtime[128]; /* the block, then the head of the list */
	uint64_t states[MOST][STATE_BYTES / 8];
	uint64_t rings[MOST][RING_WORDS];
};

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static uint64_t *word_at(struct fake *f, unsigned i, uint64_t offset)
{
	return &f->states[i][offset / 8];
}

static void link_all(struct fake *f, unsigned nr)
{
	f->runtime[f->runtime[HEAD] / 8] = nr ? address(f->states[0]) : 0;
	for (unsigned i = 0; i < nr; i++) {
		*word_at(f, i, f->runtime[NEXT - 1]) = i;
		*word_at(f, i, f->runtime[NEXT]) = i + 1 < nr ? address(f->states[i + 1]) : 0;
		*word_at(f, i, f->runtime[COLLECTOR] + f->runtime[STATS]) = address(f->rings[i]);
	}
}

static struct fake *new_fake(unsigned nr)
{
	struct fake *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	fill_block(f->runtime, 2);
	assert_int_equal(f->runtime[STATS_SIZE], GC_PYTHON_RING_BYTES);
	/* What the fixture leaves to the build. */
	f->runtime[RUNTIME_SIZE] = 346568;
	f->runtime[INTERPRETER_SIZE] = 226240;
	link_all(f, nr);
	return f;
}

/* A collection of the oldest generation, whole. */
static void collect(struct fake *f, unsigned i, int64_t ns)
{
	uint64_t *ring = f->rings[i] + 114, *e, *older;
	double seconds;

	older = ring + ring[24] * 8;
	ring[24] = (ring[24] + 1) % 3;
	e = ring + ring[24] * 8;
	memcpy(&seconds, &older[6], sizeof(seconds));
	seconds += (double)ns / 1e9;
	e[0] = older[1] + 1000;
	e[1] = e[0] + (uint64_t)ns;
	e[2] = older[2] + 1;
	memcpy(&e[6], &seconds, sizeof(seconds));
}

struct sum {
	uint64_t nr, ns, nr_summed;
};

static int add(void *ctx, const struct ledger_pause *p)
{
	struct sum *s = ctx;

	assert_int_equal(p->tag, GC_PYTHON | 3 << GC_GENERATION_SHIFT);
	s->nr += p->count;
	s->ns += p->total_ns;
	s->nr_summed += p->is_sum ? p->count : 0;
	return 0;
}

static struct ledger *open_it(const struct fake *f, enum ledger_from from)
{
	struct ledger_process p = { .memory = *own_memory(), .bias = 4096, .from = from };
	struct ledger *l;

	assert_int_equal(gc_python_ledger.open(&p, address(f) - 4096, &l), 0);
	return l;
}

/* What came: how many, and how many ended unseen. */
static struct sum read_it(struct ledger *l, int expected, uint64_t expected_unknown)
{
	struct strbuf why = STRBUF_INIT;
	struct sum s = { 0 };
	uint64_t unknown = 99;

	assert_int_equal(gc_python_ledger.read(l, add, &s, &unknown, &why), expected);
	assert_int_equal(unknown, expected_unknown);
	assert_int_equal(why.len != 0, expected == -ENOTSUP);
	strbuf_done(&why);
	return s;
}

static void all_interpreters_are_read(void **state)
{
	struct fake *f = new_fake(2);
	struct ledger *l;
	struct sum s;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		collect(f, 0, 1000);
	l = open_it(f, LEDGER_FROM_NOW);
	/* What was before is not counted … */
	assert_int_equal(read_it(l, 0, 0).nr, 0);
	assert_int_equal(gc_python_ledger.nr(l), 2);
	for (unsigned i = 0; i < 7; i++)
		collect(f, 0, 1000);
	collect(f, 1, 500);
	s = read_it(l, 0, 0);
	assert_int_equal(s.nr, 8);
	assert_int_equal(s.nr_summed, 4);
	assert_in_range(s.ns, 7498, 7502);
	/* … but of an interpreter that is new it is. */
	for (unsigned i = 0; i < 2; i++)
		collect(f, 2, 700);
	link_all(f, 3);
	assert_int_equal(read_it(l, 0, 0).nr, 2);
	assert_int_equal(read_it(l, 0, 0).nr, 0);
	/* Those that are gone may have collected meanwhile. */
	link_all(f, 1);
	assert_int_equal(read_it(l, 0, 2).nr, 0);
	assert_int_equal(gc_python_ledger.nr(l), 1);
	gc_python_ledger.free(l);
	free(f);
}

static void from_the_beginning(void **state)
{
	struct fake *f = new_fake(0);
	struct ledger *l = open_it(f, LEDGER_FROM_BEGIN);

	(void)state;
	assert_int_equal(read_it(l, 0, 0).nr, 0);
	assert_int_equal(gc_python_ledger.nr(l), 0);
	link_all(f, 1);
	/* It has no ring yet. */
	*word_at(f, 0, f->runtime[COLLECTOR] + f->runtime[STATS]) = 0;
	assert_int_equal(read_it(l, 0, 0).nr, 0);
	for (unsigned i = 0; i < 9; i++)
		collect(f, 0, 1000);
	link_all(f, 1);
	assert_int_equal(read_it(l, 0, 0).nr, 9);
	gc_python_ledger.free(l);
	free(f);
}

/* One whose ring is no longer what it was begins anew, and that is said. */
static void begins_anew(void **state)
{
	struct fake *f = new_fake(1);
	struct ledger *l = open_it(f, LEDGER_FROM_NOW);

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		collect(f, 0, 1000);
	read_it(l, 0, 0);
	memset(f->rings[0], 0, sizeof(f->rings[0]));
	collect(f, 0, 1000);
	read_it(l, -EAGAIN, 1);
	assert_int_equal(read_it(l, 0, 0).nr, 1);
	/* Longer than the machine is up. */
	collect(f, 0, (int64_t)now_of(CLOCK_BOOTTIME) + 1000000000);
	read_it(l, -EAGAIN, 1);
	gc_python_ledger.free(l);
	free(f);
}

static void never_a_ring(void **state)
{
	struct fake *f = new_fake(1);
	struct ledger *l = open_it(f, LEDGER_FROM_NOW);

	(void)state;
	memset(f->rings[0], 0x5a, sizeof(f->rings[0]));
	for (unsigned i = 1; i < 16; i++)
		read_it(l, -EAGAIN, 0);
	read_it(l, -ENOTSUP, 0);
	gc_python_ledger.free(l);
	free(f);
}

static void refused(void **state)
{
	static const struct {
		unsigned word;
		uint64_t value;
	} wrong[] = {
		{ 0, 0 },
		{ 1, 0x031000f0 },
		{ 1, 0x1030f00f0 },
		{ FREE_THREADED, 1 },
		{ STATS_SIZE, 216 },
		{ HEAD, 346568 },
		{ HEAD, UINT64_MAX },
		{ RUNTIME_SIZE, UINT64_MAX },
		{ INTERPRETER_SIZE, UINT64_MAX },
		{ NEXT, 226240 },
		{ COLLECTOR, UINT64_MAX - 7 },
		{ COLLECTOR_SIZE, 1 << 23 },
		{ STATS, 176 },
		{ STATS, 101 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct fake *f = new_fake(1);
		struct ledger *l;

		f->runtime[wrong[i].word] = wrong[i].value;
		l = open_it(f, LEDGER_FROM_NOW);
		read_it(l, -ENOTSUP, 0);
		gc_python_ledger.free(l);
		free(f);
	}
}

/* A list that bites its tail, or is too long; pointers to nowhere. */
static void enemy_lists(void **state)
{
	struct fake *f = new_fake(MOST);
	struct ledger *l = open_it(f, LEDGER_FROM_NOW);

	(void)state;
	read_it(l, -ENOTSUP, 0);
	link_all(f, 2);
	*word_at(f, 1, f->runtime[NEXT]) = address(f->states[0]);
	read_it(l, -ENOTSUP, 0);
	gc_python_ledger.free(l);
	l = open_it(f, LEDGER_FROM_NOW);
	link_all(f, 2);
	*word_at(f, 0, f->runtime[NEXT]) = 8;
	read_it(l, -EAGAIN, 0);
	*word_at(f, 0, f->runtime[NEXT]) = UINT64_MAX;
	read_it(l, -EAGAIN, 0);
	link_all(f, 2);
	*word_at(f, 1, f->runtime[COLLECTOR] + f->runtime[STATS]) = 8;
	read_it(l, -EAGAIN, 0);
	link_all(f, 2);
	read_it(l, 0, 0);
	gc_python_ledger.free(l);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_interpreters_are_read),
		cmocka_unit_test(from_the_beginning),
		cmocka_unit_test(begins_anew),
		cmocka_unit_test(never_a_ring),
		cmocka_unit_test(refused),
		cmocka_unit_test(enemy_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
