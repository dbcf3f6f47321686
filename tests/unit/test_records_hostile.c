// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records at random, among them asks and copies: nothing but -EPROTO may come of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/records.h"
#include "tracker_fixture.h"
#include "tables_fixture.h"

enum { ROUNDS = 20000, NR_SPACES_USED = 12, BASE = 0x400000 };

static struct {
	struct tables_fixture *t;
	struct drain_settings settings;
	struct sideband *sideband;
	struct records *records;
	uint64_t seed, time;
	char exe[4096];
} f;

static uint64_t any(void)
{
	f.seed = f.seed * 6364136223846793005ull + 1442695040888963407ull;
	return f.seed >> 31 ^ f.seed << 33;
}

static uint64_t below(uint64_t n)
{
	return (any() >> 8) % n;
}

/* Mostly code that is mapped. */
static uint64_t any_address(void)
{
	switch (below(8)) {
	case 0:
		return any();
	case 1:
		return 0;
	case 2:
		return UINT64_MAX - below(4096);
	default:
		return BASE + below(0x200000);
	}
}

static int open_all(void **state)
{
	ssize_t n = readlink("/proc/self/exe", f.exe, sizeof(f.exe) - 1);
	void *t;
	int r;

	(void)state;
	r = sideband_open(&f.sideband, 4);
	if (r == -EPERM || r == -EACCES)
		return 0;
	assert_int_equal(r, 0);
	assert_true(n > 0);
	assert_int_equal(tables_set_up_with(&t, 8 << 20), 0);
	f.t = t;
	f.seed = 42;
	f.time = 1000;
	f.settings.budget.growing = 64 << 20;
	f.settings.config.max_depth = 127;
	f.settings.config.max_user_depth = ABI_MAX_DEPTH;
	assert_int_equal(records_new(&f.records, &f.settings, &f.t->f.capture, f.t->f.tracker,
				     f.sideband, f.t->tables),
			 0);
	return 0;
}

static int close_all(void **state)
{
	void *t = f.t;

	(void)state;
	records_free(f.records);
	sideband_close(f.sideband);
	return t ? tables_tear_down(&t) : 0;
}

static void map_something(void)
{
	const char *paths[] = { f.exe, f.exe, "/bin/sh", "/bin/ls", "//anon", "[vdso]" };

	map_file(f.t, f.time, (uint32_t)(PID + below(NR_SPACES_USED)), BASE + below(32) * 0x10000,
		 0x1000 + below(32) * 0x10000, below(32) * 0x1000, paths[below(6)]);
}

static struct abi_ask any_ask(uint32_t type)
{
	uint32_t space = (uint32_t)below(NR_SPACES_USED);
	struct abi_ask a = { .type = type,
			     .tgid = PID + space,
			     .space = below(16) ? 1000 + space : any(),
			     .time = f.time,
			     .nr = (uint32_t)(below(32) ? below(ABI_MAX_ASKED + 1) : any()) };

	for (int i = 0; i < ABI_MAX_ASKED; i++)
		a.addresses[i] = any_address();
	return a;
}

enum { COPY_BYTES = ABI_COPY_LARGE + ABI_COPY_STEP };

static int take_copy(void)
{
	static uint64_t record[(sizeof(struct abi_copy) + COPY_BYTES) / 8];
	struct abi_copy *c = (struct abi_copy *)record;
	const uint64_t stack = 0x7ffff0000000;

	c->ask = any_ask(ABI_COPY);
	c->stack = 5000 + below(64);
	c->from = below(16) ? stack : any();
	c->size = (uint32_t)(below(64) ? below(COPY_BYTES + 1) : any());
	for (size_t i = 0; i < sizeof(c->registers) / sizeof(c->registers[0]); i++)
		c->registers[i] = below(2) ? any_address() : stack + below(70000);
	c->registers[WALK_PC] = any_address();
	c->registers[WALK_SP] = below(8) ? stack + 128 : any();
	for (size_t i = 0; i < COPY_BYTES; i += 8) {
		uint64_t word = i / 8 % 2 ? any_address() : stack + below(70000);

		memcpy(c->memory + i, &word, 8);
	}
	return records_take(f.records, record, below(32) ? sizeof(record) : below(sizeof(record)));
}

static int take_stack(void)
{
	struct {
		struct abi_stack s;
		uint64_t frames[64];
	} r = { .s = { .type = ABI_STACK,
		       .tgid = (uint32_t)(PID + below(NR_SPACES_USED)),
		       .id = 5000 + below(64),
		       .time = f.time,
		       .stop = (uint8_t)(below(16) ? below(ABI_STOPS) : any()),
		       .flags = (uint8_t)any(),
		       .mappings = (uint32_t)below(3),
		       .nr_calls = (uint16_t)(below(8) ? 0 : below(20)),
		       .awaited = (uint8_t)any(),
		       .nr_awaiters = (uint8_t)(below(8) ? 0 : below(20)),
		       .has_name = (uint8_t)(below(8) ? 0 : any()) } };
	uint32_t kernel = (uint32_t)below(8), user = (uint32_t)below(56);

	r.s.space = 1000 + r.s.tgid - PID;
	if (r.s.mappings > 1) {
		struct published *p = tables_find(f.t->tables, r.s.space);

		r.s.mappings = p ? tables_list_at(p) : 0;
	}
	r.s.nr[ABI_KERNEL_FRAMES] = below(64) ? kernel : (uint32_t)any();
	r.s.nr[ABI_USER_FRAMES] = below(64) ? user : (uint32_t)any();
	for (int i = 0; i < 64; i++)
		r.frames[i] = any_address();
	return records_take(f.records, &r, below(32) ? sizeof(r) : below(sizeof(r)));
}

static int take_any(void)
{
	struct abi_event e = { .type = below(2) ? ABI_SPILL : (uint32_t)below(9) };
	struct abi_ask a;

	switch (below(4)) {
	case 0:
		a = any_ask(below(4) ? ABI_ASK : ABI_START);
		return records_take(f.records, &a, below(32) ? sizeof(a) : below(sizeof(a)));
	case 1:
		return take_copy();
	case 2:
		return take_stack();
	default:
		e.key.who = below(4);
		e.key.stack = 5000 + below(70);
		e.key.bucket = ABI_NO_BUCKET;
		e.value = below(1000);
		return records_take(f.records, &e, sizeof(e));
	}
}

static void test_random(void **state)
{
	unsigned nr_good = 0;

	(void)state;
	if (!f.records)
		skip();
	for (int i = 0; i < ROUNDS; i++) {
		int r;

		f.time += 1000;
		if (!below(8))
			map_something();
		assert_int_equal(take_any(), 0);
		if (!below(16)) {
			let_time_pass(f.t);
			tables_barrier(f.t->tables);
		}
		r = records_settle(f.records);
		if (r != 0)
			assert_int_equal(r, -EPROTO);
		nr_good += !r;
		assert_true(tables_memory(f.t->tables) < 16 << 20);
	}
	assert_int_equal(records_finish(f.records), 0);
	/* Most were not refused, and stacks came of them. */
	assert_true(nr_good > ROUNDS / 4 * 3);
	assert_true(f.t->f.capture.quality.n[QUALITY_USER_STACKS] > ROUNDS / 100);
	assert_true(f.t->tables->lists > ROUNDS / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	return cmocka_run_group_tests(tests, open_all, close_all);
}
