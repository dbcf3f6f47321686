// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records of the kernel half that were made up, and what the capture has of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "collect/records.h"

/* Pids that no kernel hands out: /proc has nothing of them. */
enum { PID = 4194000, TID = 4194007, WHO = 11, STACK = 22 };

struct fixture {
	struct drain_settings settings;
	struct capture capture;
	struct tracker *tracker;
	struct sideband *sideband;
	struct records *records;
	struct live_event last; /* of the listener */
	unsigned nr_events;
};

static struct fixture f;

static int open_all(void **state)
{
	int r;

	f = (struct fixture){ 0 };
	f.settings.budget.growing = 64 << 20;
	f.settings.config.max_depth = 8;
	f.settings.has_texts = true;
	*state = &f;
	r = sideband_open(&f.sideband, 4);
	if (r == -EPERM || r == -EACCES)
		return 0;
	assert_int_equal(r, 0);
	assert_int_equal(capture_init(&f.capture), 0);
	assert_int_equal(tracker_new(&f.tracker, &f.capture), 0);
	assert_int_equal(
		records_new(&f.records, &f.settings, &f.capture, f.tracker, f.sideband, NULL), 0);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	records_free(f.records);
	tracker_free(f.tracker);
	sideband_close(f.sideband);
	if (f.records)
		capture_done(&f.capture);
	return 0;
}

static void need_root(void)
{
	if (f.records)
		return;
	printf("skipped: not allowed to follow processes (CAP_PERFMON)\n");
	skip();
}

static void take_thread(uint64_t id, const char *comm)
{
	struct abi_thread t = { .type = ABI_THREAD, .tgid = PID, .tid = TID, .id = id, .time = 1 };

	memcpy(t.comm, comm, strlen(comm));
	assert_int_equal(records_take(f.records, &t, sizeof(t)), 0);
}

/* A kernel stack of nr frames. */
static void take_stack(uint64_t id, uint64_t leaf, uint32_t nr)
{
	struct {
		struct abi_stack head;
		uint64_t frames[16];
	} s = { .head = { .type = ABI_STACK, .tgid = PID, .id = id, .time = 1, .nr = { nr, 0 } } };

	for (uint32_t i = 0; i < nr; i++)
		s.frames[i] = leaf + i * 0x100;
	assert_int_equal(records_take(f.records, &s, sizeof(s.head) + nr * sizeof(uint64_t)), 0);
}

static struct abi_slot slot(uint64_t who, uint64_t stack, uint64_t count)
{
	return (struct abi_slot){ .key = { .who = who, .stack = stack, .bucket = ABI_NO_BUCKET },
				  .count = count,
				  .total = count * 100 };
}

static void add_slot(struct abi_slot s)
{
	assert_int_equal(records_slot(f.records, &s), 0);
}

static uint64_t quality(enum quality_id id)
{
	return f.capture.quality.n[id];
}

static const char *mark_of(uint32_t stack)
{
	struct raw_stack s = capture_stack_at(&f.capture, stack);

	assert_int_equal(s.nr, 1);
	assert_int_equal(f.capture.objects[s.frames[0].object].kind, OBJECT_MARK);
	return f.capture.objects[s.frames[0].object].path;
}

static void test_sample(void **state)
{
	const struct raw_who *who;
	struct raw_stack stack;

	(void)state;
	need_root();
	take_thread(WHO, "sixteen bytes!!!");
	take_stack(STACK, 0x1000, 3);
	/* Another CPU sends it as well. */
	take_stack(STACK, 0x1000, 3);
	assert_int_equal(records_settle(f.records), 0);
	add_slot(slot(WHO, STACK, 5));
	add_slot(slot(WHO, STACK, 2));
	assert_int_equal(f.capture.nr_samples, 1);
	assert_int_equal(f.capture.samples[0].count, 7);
	assert_int_equal(f.capture.samples[0].total, 700);
	assert_int_equal(quality(QUALITY_EVENTS), 7);
	assert_int_equal(quality(QUALITY_NO_STACK), 0);
	assert_int_equal(quality(QUALITY_TRUNCATED), 0);
	who = capture_who_at(&f.capture, f.capture.samples[0].who);
	assert_int_equal(who->pid, PID);
	assert_int_equal(who->tid, 0);
	assert_string_equal(capture_string_at(&f.capture, who->comm), "sixteen bytes!!!");
	stack = capture_stack_at(&f.capture, f.capture.samples[0].stack);
	assert_int_equal(stack.nr, 3);
	assert_int_equal(stack.frames[0].offset, 0x1000);
	/* Of the call, not of what comes after it. */
	assert_int_equal(stack.frames[1].offset, 0x1100 - 1);
	assert_int_equal(stack.frames[2].offset, 0x1200 - 1);
}

/* Calls of Python: three sums of one call, each under a stack of its own, are one event. */
static void test_again(void **state)
{
	struct abi_slot sum = slot(WHO, STACK, 4);

	(void)state;
	need_root();
	f.settings.again = 2ull << 32;
	take_thread(WHO, "x");
	take_stack(STACK, 0x1000, 2);
	assert_int_equal(records_settle(f.records), 0);
	for (uint64_t i = 1; i <= 3; i++) {
		sum.key.tag = i << 32;
		add_slot(sum);
	}
	assert_int_equal(f.capture.nr_samples, 3);
	assert_int_equal(quality(QUALITY_EVENTS), 4);
}

/* The ring was full: the stack comes with a later drain, or never. */
static void test_waits(void **state)
{
	(void)state;
	need_root();
	take_thread(WHO, "x");
	assert_int_equal(records_settle(f.records), 0);
	add_slot(slot(WHO, STACK, 5));
	add_slot(slot(WHO, STACK + 1, 3));
	add_slot(slot(WHO + 1, 0, 2));
	assert_int_equal(f.capture.nr_samples, 0);
	take_stack(STACK, 0x1000, 2);
	assert_int_equal(records_settle(f.records), 0);
	assert_int_equal(f.capture.nr_samples, 1);
	assert_int_equal(f.capture.samples[0].count, 5);
	assert_int_equal(capture_stack_at(&f.capture, f.capture.samples[0].stack).nr, 2);
	assert_int_equal(quality(QUALITY_NO_STACK), 0);
	assert_int_equal(records_finish(f.records), 0);
	assert_int_equal(f.capture.nr_samples, 3);
	assert_int_equal(quality(QUALITY_EVENTS), 10);
	assert_int_equal(quality(QUALITY_NO_STACK), 5);
	assert_string_equal(mark_of(f.capture.samples[1].stack), "[stack lost]");
	/* No stack was asked for: it is the empty one, and none is missing. */
	assert_int_equal(f.capture.samples[2].stack, 0);
	assert_int_equal(records_finish(f.records), 0);
	assert_int_equal(quality(QUALITY_EVENTS), 10);
}

static const char *text_of(const struct raw_sample *s)
{
	return capture_string_at(&f.capture, (uint32_t)(s->tag >> ABI_TEXT_SHIFT));
}

/* A text that comes later, and one that never does. */
static void test_text(void **state)
{
	struct abi_text text = { .type = ABI_TEXT, .id = 500, .text = "Cleanup" };
	struct abi_slot s = slot(WHO, 0, 5);

	(void)state;
	need_root();
	take_thread(WHO, "x");
	assert_int_equal(records_settle(f.records), 0);
	s.key.tag = 500ull << ABI_TEXT_SHIFT | 3;
	add_slot(s);
	s.key.tag = 501ull << ABI_TEXT_SHIFT | 3;
	add_slot(s);
	assert_int_equal(f.capture.nr_samples, 0);
	assert_int_equal(records_take(f.records, &text, sizeof(text)), 0);
	assert_int_equal(records_settle(f.records), 0);
	assert_int_equal(f.capture.nr_samples, 1);
	assert_string_equal(text_of(&f.capture.samples[0]), "Cleanup");
	assert_int_equal(quality(QUALITY_TEXT_LOST), 0);
	assert_int_equal(records_finish(f.records), 0);
	assert_int_equal(f.capture.nr_samples, 2);
	assert_string_equal(text_of(&f.capture.samples[1]), "[unknown]");
	assert_int_equal(f.capture.samples[1].tag & 0xff, 3);
	assert_int_equal(quality(QUALITY_TEXT_LOST), 5);
}

static void test_full(void **state)
{
	(void)state;
	need_root();
	take_thread(WHO, "x");
	take_stack(STACK, 0x1000, 2);
	assert_int_equal(records_settle(f.records), 0);
	f.settings.budget.growing = 1;
	take_thread(WHO + 1, "new");
	take_stack(STACK + 1, 0x5000, 2);
	assert_int_equal(records_settle(f.records), 0);
	/* What was known goes on as it is, what is new is counted under the mark. */
	add_slot(slot(WHO, STACK, 5));
	add_slot(slot(WHO, STACK + 1, 3));
	add_slot(slot(WHO + 1, STACK, 2));
	assert_int_equal(f.capture.nr_samples, 3);
	assert_int_equal(quality(QUALITY_EVENTS), 10);
	assert_int_equal(quality(QUALITY_MEMORY), 5);
	assert_int_equal(quality(QUALITY_NO_STACK), 0);
	assert_string_equal(mark_of(f.capture.samples[1].stack), "[stack dropped: --max-memory]");
	assert_int_equal(f.capture.samples[2].stack, f.capture.samples[0].stack);
	assert_int_equal(capture_who_at(&f.capture, f.capture.samples[2].who)->pid, 0);
}

static void test_truncated(void **state)
{
	(void)state;
	need_root();
	take_thread(WHO, "x");
	take_stack(STACK, 0x1000, 8);
	take_stack(STACK + 1, 0x1000, 7);
	assert_int_equal(records_settle(f.records), 0);
	add_slot(slot(WHO, STACK, 5));
	add_slot(slot(WHO, STACK + 1, 3));
	assert_int_equal(quality(QUALITY_TRUNCATED), 5);
}

/* A user stack of a process of which nothing is known: cut behind its leaf, and counted. */
static void test_cut(void **state)
{
	struct {
		struct abi_stack head;
		uint64_t frames[3];
	} s = { .head = { .type = ABI_STACK, .tgid = PID, .id = STACK, .time = 1, .nr = { 0, 3 } },
		.frames = { 0x1000, 0x2000, 0x3000 } };

	(void)state;
	need_root();
	take_thread(WHO, "x");
	assert_int_equal(records_take(f.records, &s, sizeof(s)), 0);
	assert_int_equal(records_settle(f.records), 0);
	add_slot(slot(WHO, STACK, 5));
	assert_int_equal(capture_stack_at(&f.capture, f.capture.samples[0].stack).nr, 1);
	assert_int_equal(quality(QUALITY_CUT), 5);
}

/* How the walk of a user stack ended, as it is counted. */
static void test_stops(void **state)
{
	static const struct {
		enum abi_stop stop;
		uint8_t flags;
		enum quality_id counted, not_counted;
	} cases[] = {
		{ ABI_STOP_ROOT, 0, QUALITY_ROOT, QUALITY_APPROXIMATE },
		{ ABI_STOP_ROOT, ABI_STACK_APPROXIMATE, QUALITY_APPROXIMATE, QUALITY_ROOT },
		{ ABI_STOP_DEPTH, 0, QUALITY_TRUNCATED, QUALITY_ROOT },
		{ ABI_STOP_MEMORY, 0, QUALITY_STACK_MEMORY, QUALITY_ROOT },
		{ ABI_STOP_NO_FRAME, 0, QUALITY_NO_UNWIND, QUALITY_ROOT },
		{ ABI_STOP_NO_PROGRESS, 0, QUALITY_BAD_UNWIND, QUALITY_ROOT },
		{ ABI_STOP_REGISTER, 0, QUALITY_BAD_UNWIND, QUALITY_ROOT },
		{ ABI_STOP_RULE, 0, QUALITY_BAD_UNWIND, QUALITY_ROOT },
		{ ABI_STOP_UNREADABLE, 0, QUALITY_UNREADABLE, QUALITY_ROOT },
		{ ABI_STOP_KERNEL, 0, QUALITY_BY_FP, QUALITY_ROOT },
	};

	(void)state;
	need_root();
	take_thread(WHO, "x");
	for (uint64_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct {
			struct abi_stack head;
			uint64_t leaf;
		} s = { .head = { .type = ABI_STACK,
				  .tgid = PID,
				  .id = STACK + i,
				  .time = 1,
				  .stop = cases[i].stop,
				  .flags = cases[i].flags,
				  .nr = { 0, 1 } },
			.leaf = 0x1000 };
		uint64_t counted, not_counted;

		assert_int_equal(records_take(f.records, &s, sizeof(s)), 0);
		assert_int_equal(records_settle(f.records), 0);
		counted = quality(cases[i].counted);
		not_counted = quality(cases[i].not_counted);
		add_slot(slot(WHO, STACK + i, 5));
		assert_int_equal(quality(cases[i].counted), counted + 5);
		assert_int_equal(quality(cases[i].not_counted), not_counted);
	}
	assert_int_equal(quality(QUALITY_USER_STACKS), 50);
}

static void on_event(void *ctx, const struct live_event *e)
{
	struct fixture *to = ctx;

	to->last = *e;
	to->nr_events++;
}

static void test_spill_and_event(void **state)
{
	struct abi_event e = { .time = 9,
			       .value = 70,
			       .key = { .who = WHO, .stack = STACK, .tag = 3, .bucket = 4 } };

	(void)state;
	need_root();
	records_listen(f.records, on_event, &f);
	take_thread(WHO, "x");
	take_stack(STACK, 0x1000, 2);
	e.type = ABI_SPILL;
	assert_int_equal(records_take(f.records, &e, sizeof(e)), 0);
	e.type = ABI_EVENT;
	assert_int_equal(records_take(f.records, &e, sizeof(e)), 0);
	assert_int_equal(records_settle(f.records), 0);
	assert_int_equal(f.capture.nr_samples, 1);
	assert_int_equal(f.capture.samples[0].total, 70);
	assert_int_equal(f.capture.samples[0].min, 70);
	assert_int_equal(f.capture.samples[0].max, 70);
	assert_int_equal(f.capture.samples[0].tag, 3);
	/* The event tells of what the spill already counted. */
	assert_int_equal(quality(QUALITY_EVENTS), 1);
	assert_int_equal(f.nr_events, 1);
	assert_int_equal(f.last.value, 70);
	assert_int_equal(f.last.stack, f.capture.samples[0].stack);
	e.key.who = WHO + 1;
	e.key.stack = STACK + 1;
	assert_int_equal(records_take(f.records, &e, sizeof(e)), 0);
	assert_int_equal(records_settle(f.records), 0);
	assert_int_equal(f.nr_events, 2);
	assert_string_equal(mark_of(f.last.stack), "[stack lost]");
	assert_int_equal(capture_who_at(&f.capture, f.last.who)->pid, 0);
}

static void test_per_thread(void **state)
{
	(void)state;
	need_root();
	f.settings.per_thread = true;
	take_thread(WHO, "x");
	assert_int_equal(records_settle(f.records), 0);
	add_slot(slot(WHO, 0, 1));
	assert_int_equal(capture_who_at(&f.capture, f.capture.samples[0].who)->tid, TID);
}

/* What can't be is refused, and not read past its end. */
static void test_malformed(void **state)
{
	struct abi_stack s = { .type = ABI_STACK, .id = STACK };
	struct abi_thread t = { .type = ABI_THREAD, .id = WHO };
	uint32_t type = 99;

	(void)state;
	need_root();
	s.nr[ABI_KERNEL_FRAMES] = 1;
	assert_int_equal(records_take(f.records, &s, sizeof(s)), 0);
	assert_int_equal(records_settle(f.records), -EPROTO);
	s.nr[ABI_KERNEL_FRAMES] = s.nr[ABI_USER_FRAMES] = UINT32_MAX;
	assert_int_equal(records_take(f.records, &s, sizeof(s)), 0);
	assert_int_equal(records_settle(f.records), -EPROTO);
	assert_int_equal(records_take(f.records, &t, sizeof(t) - 1), 0);
	assert_int_equal(records_settle(f.records), -EPROTO);
	assert_int_equal(records_take(f.records, &type, sizeof(type)), 0);
	assert_int_equal(records_settle(f.records), -EPROTO);
	assert_int_equal(records_take(f.records, &type, 1), 0);
	assert_int_equal(records_settle(f.records), -EPROTO);
	/* None of them is tried again. */
	assert_int_equal(records_settle(f.records), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sample, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_again, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_waits, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_text, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_full, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_truncated, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_cut, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_stops, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_spill_and_event, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_per_thread, open_all, close_all),
		cmocka_unit_test_setup_teardown(test_malformed, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
