// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records as linux/perf_event.h describes them, put together byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "kernel/sideband_record.h"

struct bytes {
	_Alignas(8) char at[512];
	size_t size;
};

static void add(struct bytes *b, uint64_t value, size_t size)
{
	memcpy(b->at + b->size, &value, size);
	b->size += size;
}

static void begin(struct bytes *b, uint32_t type, uint16_t misc)
{
	memset(b, 0xee, sizeof(*b));
	b->size = 0;
	add(b, type, 4);
	add(b, misc, 2);
	add(b, 0, 2);
}

static const struct perf_event_header *end(struct bytes *b, uint64_t time)
{
	uint16_t size;

	add(b, time, 8);
	size = (uint16_t)b->size;
	memcpy(b->at + 6, &size, 2);
	return (const void *)b->at;
}

static void add_text(struct bytes *b, const char *s)
{
	size_t size = (strlen(s) + 8) & ~(size_t)7;

	memset(b->at + b->size, 0, size);
	memcpy(b->at + b->size, s, strlen(s));
	b->size += size;
}

static void begin_mmap2(struct bytes *b, uint16_t misc)
{
	begin(b, PERF_RECORD_MMAP2, misc);
	add(b, 70, 4);
	add(b, 71, 4);
	add(b, 0x7f0000001000, 8);
	add(b, 0x2000, 8);
	add(b, 0x3000, 8);
}

static void test_mmap2(void **state)
{
	const struct perf_event_header *h;
	struct process_event e;
	struct bytes b;

	(void)state;
	begin_mmap2(&b, 2);
	add(&b, 0xfe, 4);
	add(&b, 3, 4);
	add(&b, 123456, 8);
	add(&b, 42, 8);
	add(&b, 5, 4);
	add(&b, 2, 4);
	add_text(&b, "/lib/x\ny.so");
	h = end(&b, 987654321);
	assert_int_equal(sideband_record_event(h, b.size, &e), 1);
	assert_int_equal(e.kind, PROCESS_MAP);
	assert_int_equal(e.time, 987654321);
	assert_int_equal(e.tgid, 70);
	assert_int_equal(e.tid, 71);
	assert_int_equal(e.start, 0x7f0000001000);
	assert_int_equal(e.size, 0x2000);
	assert_int_equal(e.file_offset, 0x3000);
	assert_string_equal(e.path, "/lib/x\ny.so");
	assert_int_equal(e.dev, makedev(0xfe, 3));
	assert_int_equal(e.ino, 123456);
	assert_int_equal(e.build_id_size, 0);
	/* Cut anywhere, or without an end to its path, it is none. */
	for (size_t size = 0; size < b.size - 16; size++)
		assert_int_equal(sideband_record_event(h, size, &e), 0);
	memset(b.at + b.size - 16, 'x', 8);
	assert_int_equal(sideband_record_event(h, b.size - 8, &e), 0);
}

static void test_build_id(void **state)
{
	const struct perf_event_header *h;
	struct process_event e;
	struct bytes b;

	(void)state;
	begin_mmap2(&b, PERF_RECORD_MISC_MMAP_BUILD_ID | 2);
	add(&b, 20, 4);
	for (uint64_t i = 0; i < 20; i++)
		add(&b, 100 + i, 1);
	add(&b, 5, 4);
	add(&b, 2, 4);
	add_text(&b, "/lib/x.so");
	h = end(&b, 1);
	assert_int_equal(sideband_record_event(h, b.size, &e), 1);
	assert_int_equal(e.build_id_size, 20);
	assert_int_equal(e.build_id[0], 100);
	assert_int_equal(e.build_id[19], 119);
	assert_int_equal(e.ino, 0);
	assert_int_equal(e.dev, 0);
	/* A size that can't be. */
	b.at[40] = 21;
	assert_int_equal(sideband_record_event((const void *)b.at, b.size, &e), 1);
	assert_int_equal(e.build_id_size, 0);
}

static void test_comm(void **state)
{
	const struct perf_event_header *h;
	struct process_event e;
	struct bytes b;

	(void)state;
	for (int exec = 0; exec < 2; exec++) {
		begin(&b, PERF_RECORD_COMM, exec ? PERF_RECORD_MISC_COMM_EXEC : 0);
		add(&b, 80, 4);
		add(&b, 80, 4);
		add_text(&b, "true");
		h = end(&b, 55);
		assert_int_equal(sideband_record_event(h, b.size, &e), exec);
	}
	assert_int_equal(e.kind, PROCESS_EXEC);
	assert_int_equal(e.tgid, 80);
	assert_int_equal(e.time, 55);
}

static const struct perf_event_header *task(struct bytes *b, uint32_t type, uint32_t pid,
					    uint32_t parent, uint32_t tid)
{
	begin(b, type, 0);
	add(b, pid, 4);
	add(b, parent, 4);
	add(b, tid, 4);
	add(b, parent, 4);
	add(b, 66, 8);
	return end(b, 66);
}

static void test_task(void **state)
{
	const struct perf_event_header *h;
	struct process_event e;
	struct bytes b;

	(void)state;
	h = task(&b, PERF_RECORD_FORK, 90, 80, 90);
	assert_int_equal(sideband_record_event(h, b.size, &e), 1);
	assert_int_equal(e.kind, PROCESS_FORK);
	assert_int_equal(e.tgid, 90);
	assert_int_equal(e.tid, 90);
	assert_int_equal(e.parent, 80);
	assert_int_equal(sideband_record_event(h, b.size - 8, &e), 0);
	h = task(&b, PERF_RECORD_EXIT, 90, 80, 90);
	assert_int_equal(sideband_record_event(h, b.size, &e), 1);
	assert_int_equal(e.kind, PROCESS_EXIT);
	/* Threads. */
	h = task(&b, PERF_RECORD_FORK, 90, 90, 91);
	assert_int_equal(sideband_record_event(h, b.size, &e), 0);
	h = task(&b, PERF_RECORD_EXIT, 90, 90, 91);
	assert_int_equal(sideband_record_event(h, b.size, &e), 0);
}

static void test_lost(void **state)
{
	const struct perf_event_header *h;
	struct process_event e;
	struct bytes b;

	(void)state;
	begin(&b, PERF_RECORD_LOST, 0);
	add(&b, 1, 8);
	add(&b, 17, 8);
	h = end(&b, 5);
	assert_int_equal(sideband_record_lost(h, b.size), 17);
	assert_int_equal(sideband_record_lost(h, 16), 0);
	assert_int_equal(sideband_record_event(h, b.size, &e), 0);
	begin(&b, PERF_RECORD_LOST_SAMPLES, 0);
	add(&b, 18, 8);
	h = end(&b, 5);
	assert_int_equal(sideband_record_lost(h, b.size), 18);
	begin(&b, PERF_RECORD_THROTTLE, 0);
	h = end(&b, 5);
	assert_int_equal(sideband_record_lost(h, b.size), 0);
	assert_int_equal(sideband_record_event(h, b.size, &e), 0);
	assert_int_equal(sideband_record_time(h, b.size), 5);
	assert_int_equal(sideband_record_time(h, 8), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mmap2), cmocka_unit_test(test_build_id),
		cmocka_unit_test(test_comm),  cmocka_unit_test(test_task),
		cmocka_unit_test(test_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
