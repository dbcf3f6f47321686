// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The tracker: what lies where, when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "tracker_fixture.h"

static void test_fork_exec(void **state)
{
	struct fixture *f = *state;

	happen(f, PROCESS_EXEC, 100, PID, PID, 0);
	map(f, 101, PID, 0x10000, 0x1000, 0x1000, "/bin/a");
	happen(f, PROCESS_FORK, 200, OTHER, OTHER, PID);
	assert_string_equal(at(f, 220, OTHER, 0x10010), "/bin/a+1010");
	happen(f, PROCESS_EXEC, 300, OTHER, OTHER, 0);
	map(f, 301, OTHER, 0x10000, 0x2000, 0, "/bin/b");
	assert_string_equal(at(f, 350, OTHER, 0x10010), "/bin/b+10");
	/* A stack from before the exec, asked for after it. */
	assert_string_equal(at(f, 250, OTHER, 0x10010), "/bin/a+1010");
	assert_string_equal(at(f, 350, PID, 0x10010), "/bin/a+1010");
	happen(f, PROCESS_EXIT, 400, OTHER, OTHER, 0);
	assert_string_equal(at(f, 390, OTHER, 0x10010), "/bin/b+10");
	tracker_forget(f->tracker, 500000000);
	assert_string_equal(at(f, 390, OTHER, 0x10010), "/bin/b+10");
	tracker_forget(f->tracker, 1000000301);
	assert_string_equal(at(f, 250, OTHER, 0x10010), "[unknown]+10010");
	tracker_forget(f->tracker, 1000000500);
	assert_string_equal(at(f, 390, OTHER, 0x10010), "[unknown]+10010");
	assert_string_equal(at(f, 390, PID, 0x10010), "/bin/a+1010");
}

static void test_fork_shares(void **state)
{
	struct fixture *f = *state;

	map(f, 101, PID, 0x10000, 0x1000, 0x1000, "/bin/a");
	happen(f, PROCESS_FORK, 200, OTHER, OTHER, PID);
	happen(f, PROCESS_FORK, 201, THIRD, THIRD, OTHER);
	/* What one maps later is not the other's. */
	map(f, 210, PID, 0x20000, 0x1000, 0, "/lib/late");
	map(f, 211, OTHER, 0x10000, 0x1000, 0, "/lib/bb");
	assert_string_equal(at(f, 220, OTHER, 0x10010), "/lib/bb+10");
	assert_string_equal(at(f, 220, THIRD, 0x10010), "/bin/a+1010");
	assert_string_equal(at(f, 220, PID, 0x10010), "/bin/a+1010");
	assert_string_equal(at(f, 220, PID, 0x20010), "/lib/late+10");
	assert_string_equal(at(f, 220, OTHER, 0x20010), "[unknown]+20010");
	assert_string_equal(at(f, 220, THIRD, 0x20010), "[unknown]+20010");
}

static void test_one_object(void **state)
{
	struct fixture *f = *state;
	struct process_id id = { .tgid = PID, .time = 500 }, other = { .tgid = OTHER, .time = 500 };
	uint64_t addresses[] = { 0x10010, 0x1001f }, others[] = { 0x30010, 0x3001f };
	struct raw_frame frames[2], other_frames[2];

	map(f, 100, PID, 0x10000, 0x1000, 0x1000, "/bin/a");
	map(f, 101, OTHER, 0x30000, 0x1000, 0x1000, "/bin/a");
	assert_int_equal(tracker_frames(f->tracker, &id, addresses, 2, frames), 1);
	assert_int_equal(tracker_frames(f->tracker, &other, others, 2, other_frames), 1);
	assert_memory_equal(frames, other_frames, sizeof(frames));
	assert_int_equal(frames[0].offset, 0x1010); /* the leaf */
	assert_int_equal(frames[1].offset, 0x101f); /* of the call */
}

static void test_caller_at_start(void **state)
{
	struct fixture *f = *state;
	struct process_id id = { .tgid = PID, .time = 500 };
	/* A call that ends one mapping returns to the first byte of the next. */
	uint64_t addresses[] = { 0x11000, 0x10fff };
	struct raw_frame frames[2];

	map(f, 100, PID, 0x10000, 0x1000, 0, "/bin/a");
	map(f, 101, PID, 0x11000, 0x1000, 0, "/bin/bb");
	assert_int_equal(tracker_frames(f->tracker, &id, addresses, 2, frames), 1);
	assert_string_equal(f->capture.objects[frames[0].object].path, "/bin/bb");
	assert_string_equal(f->capture.objects[frames[1].object].path, "/bin/a");
	assert_int_equal(frames[1].offset, 0xfff);
}

static void test_overlap(void **state)
{
	struct fixture *f = *state;

	map(f, 100, PID, 0x10000, 0x10000, 0x5000, "/lib/a");
	map(f, 110, PID, 0x14000, 0x2000, 0, "/lib/bb");
	map(f, 120, PID, 0x0f000, 0x2000, 0, "/lib/ccc");
	map(f, 130, PID, 0x1f000, 0x2000, 0, "");
	assert_string_equal(at(f, 200, PID, 0x13fff), "/lib/a+8fff");
	assert_string_equal(at(f, 200, PID, 0x14000), "/lib/bb+0");
	assert_string_equal(at(f, 200, PID, 0x15fff), "/lib/bb+1fff");
	assert_string_equal(at(f, 200, PID, 0x16000), "/lib/a+b000");
	assert_string_equal(at(f, 200, PID, 0x10fff), "/lib/ccc+1fff");
	assert_string_equal(at(f, 200, PID, 0x11000), "/lib/a+6000");
	assert_string_equal(at(f, 200, PID, 0x1f000), "//anon+1f000");
	assert_string_equal(at(f, 200, PID, 0x21000), "[unknown]+21000");
	assert_string_equal(at(f, 200, PID, 0x0efff), "[unknown]+efff");
	/* Nonsense changes nothing. */
	map(f, 140, PID, 0x11000, 0, 0, "/none");
	map(f, 150, PID, UINT64_MAX - 0xfff, 0x2000, 0, "/none");
	assert_string_equal(at(f, 200, PID, 0x11000), "/lib/a+6000");
}

static void test_pid_reuse(void **state)
{
	struct fixture *f = *state;
	const uint64_t second = 1000000000;

	happen(f, PROCESS_FORK, 10 * second, PID, PID, OTHER);
	happen(f, PROCESS_EXEC, 10 * second + 1, PID, PID, 0);
	map(f, 10 * second + 2, PID, 0x10000, 0x1000, 0, "/bin/old");
	assert_string_equal(at_start(f, 10 * second + 9, PID, 0x10000, 9 * second), "/bin/old+0");
	happen(f, PROCESS_EXIT, 11 * second, PID, PID, 0);
	happen(f, PROCESS_FORK, 11 * second + 500, PID, PID, OTHER);
	happen(f, PROCESS_EXEC, 11 * second + 501, PID, PID, 0);
	map(f, 11 * second + 502, PID, 0x10000, 0x1000, 0, "/bin/newer");
	assert_string_equal(at_start(f, 12 * second, PID, 0x10000, 10 * second), "/bin/newer+0");
	/* The first one's stack, drained late. */
	assert_string_equal(at_start(f, 11 * second - 1, PID, 0x10000, 9 * second), "/bin/old+0");
	/* By its start alone, where a clock or a record is off. */
	assert_string_equal(at_start(f, 11 * second + 505, PID, 0x10000, 9 * second), "/bin/old+0");
	/* A start that nobody had: a process of which nothing is known. */
	assert_int_equal(f->capture.quality.n[QUALITY_NO_PROCESS], 0);
	assert_string_equal(at_start(f, 13 * second, PID, 0x10000, 12 * second), "[unknown]+10000");
	assert_int_equal(f->capture.quality.n[QUALITY_NO_PROCESS], 1);
}

static void test_threads(void **state)
{
	struct fixture *f = *state;

	happen(f, PROCESS_FORK, 100, PID, PID, OTHER);
	map(f, 110, PID, 0x10000, 0x1000, 0, "/bin/a");
	happen(f, PROCESS_FORK, 120, PID, THIRD, PID);
	assert_string_equal(at(f, 130, PID, 0x10000), "/bin/a+0");
	happen(f, PROCESS_EXIT, 140, PID, THIRD, 0);
	tracker_forget(f->tracker, 5000000000);
	assert_string_equal(at(f, 5000000000, PID, 0x10000), "/bin/a+0");
	/* The first thread ends before others: they still map and are still sampled. */
	happen(f, PROCESS_EXIT, 5000000000, PID, PID, 0);
	map(f, 5000000100, PID, 0x20000, 0x1000, 0, "/lib/late");
	assert_string_equal(at(f, 5000000200, PID, 0x10000), "/bin/a+0");
	assert_string_equal(at(f, 5000000200, PID, 0x20000), "/lib/late+0");
}

/* Threads that outlive the first: the space stays for as long as they do. */
static void test_leader_exits(void **state)
{
	struct fixture *f = *state;
	pid_t pid = (pid_t)getpid();

	/* We are such a process, as far as the record says. */
	happen(f, PROCESS_EXEC, 100, (uint32_t)pid, (uint32_t)pid, 0);
	map(f, 110, (uint32_t)pid, 0x10000, 0x1000, 0, "/bin/a");
	happen(f, PROCESS_EXIT, 200, (uint32_t)pid, (uint32_t)pid, 0);
	for (uint64_t s = 2; s < 10; s++)
		tracker_forget(f->tracker, s * 1000000000);
	assert_string_equal(at(f, 10000000000, (uint32_t)pid, 0x10000), "/bin/a+0");
}

static void test_late_events(void **state)
{
	struct fixture *f = *state;

	happen(f, PROCESS_EXEC, 100, PID, PID, 0);
	map(f, 110, PID, 0x10000, 0x1000, 0, "/bin/a");
	happen(f, PROCESS_EXEC, 200, PID, PID, 0);
	map(f, 210, PID, 0x10000, 0x1000, 0, "/bin/bb");
	/* These come out of order, and belong to the time that they say. */
	map(f, 120, PID, 0x20000, 0x1000, 0, "/lib/a");
	happen(f, PROCESS_EXEC, 150, PID, PID, 0);
	happen(f, PROCESS_EXIT, 160, PID, PID, 0);
	assert_string_equal(at(f, 130, PID, 0x20000), "/lib/a+0");
	assert_string_equal(at(f, 220, PID, 0x20000), "[unknown]+20000");
	assert_string_equal(at(f, 220, PID, 0x10000), "/bin/bb+0");
	assert_string_equal(at(f, 130, PID, 0x10000), "/bin/a+0");
	/* From before all that is known. */
	assert_string_equal(at(f, 50, PID, 0x10000), "[unknown]+10000");
	assert_int_equal(f->capture.quality.n[QUALITY_NO_PROCESS], 1);
}

static void test_unknown(void **state)
{
	struct fixture *f = *state;
	struct process_id id = { .tgid = PID, .time = 100 }, nobody = { .tgid = 0, .time = 100 };
	uint64_t addresses[3] = { 0x1000, 0x2000, 0x3000 };
	struct raw_frame frames[3];
	uint32_t container = 9, cgroup = 9;

	assert_int_equal(tracker_frames(f->tracker, &id, addresses, 3, frames), 0);
	assert_int_equal(f->capture.quality.n[QUALITY_NO_PROCESS], 1); /* once a call */
	assert_int_equal(f->capture.objects[frames[0].object].kind, OBJECT_NONE);
	assert_int_equal(f->capture.objects[frames[0].object].pid, PID);
	assert_int_equal(frames[0].object, frames[2].object);
	assert_int_equal(frames[2].offset, 0x3000);
	assert_int_equal(tracker_frames(f->tracker, &nobody, addresses, 3, frames), 0);
	assert_int_equal(tracker_cgroup(f->tracker, 0, &container, &cgroup), 0);
	assert_int_equal(container, 0);
	assert_int_equal(cgroup, 0);
	assert_int_equal(tracker_cgroup(f->tracker, THIRD, &container, &cgroup), 0);
	assert_int_equal(cgroup, 0);
	/* It is heard of later on. */
	happen(f, PROCESS_FORK, 200, PID, PID, OTHER);
	happen(f, PROCESS_EXEC, 201, PID, PID, 0);
	map(f, 202, PID, 0x1000, 0x1000, 0, "/bin/a");
	assert_string_equal(at(f, 300, PID, 0x1000), "/bin/a+0");
}

/* A process that maps in a loop, never asked for: bounded work, bounded memory, then /proc. */
static void test_map_storm(void **state)
{
	struct fixture *f = *state;
	uint64_t time = 100;

	for (int round = 0; round < 3; round++) {
		for (uint64_t i = 0; i < 70000; i++)
			map(f, time++, PID, (70000 - i) * 0x2000, 0x1000, 0, "/lib/a");
	}
	assert_true(tracker_memory(f->tracker) < 80u << 20);
	kind_at(f, PID, 0x123000);
	for (uint32_t pid = 4100000; pid < 4100100; pid++) {
		happen(f, PROCESS_EXEC, time++, pid, pid, 0);
		for (uint64_t i = 1; i < 30000; i++)
			map(f, time++, pid, i * 0x2000, 0x1000, 0, "/lib/a");
	}
	assert_true(tracker_memory(f->tracker) < 80u << 20);
}

/* Names without end: the table of files is swept of those that nobody maps any more. */
static void test_many_files(void **state)
{
	struct fixture *f = *state;
	char path[64];
	uint64_t time = 1000;

	map(f, 100, OTHER, 0x10000, 0x1000, 0x2000, "/lib/stays");
	happen(f, PROCESS_FORK, 101, THIRD, THIRD, OTHER);
	assert_string_equal(at(f, 200, OTHER, 0x10010), "/lib/stays+2010");
	for (unsigned i = 0; i < 200000; i++, time++) {
		snprintf(path, sizeof(path), "/tmp/%d/some/file", i);
		map(f, time, PID, 0x10000 + (i % 10) * 0x1000, 0x1000, 0, path);
		if (i % 5000 == 0)
			tracker_forget(f->tracker, time);
	}
	/* All names together take 30 MB. */
	assert_true(tracker_memory(f->tracker) < 5u << 20);
	assert_string_equal(at(f, 200, OTHER, 0x10010), "/lib/stays+2010");
	assert_string_equal(at(f, 200, THIRD, 0x10010), "/lib/stays+2010");
	assert_string_equal(at(f, time, PID, 0x10000 + 9 * 0x1000), "/tmp/199999/some/file+0");
}

/* Whatever comes, in whatever order: nothing breaks and memory stays bounded. */
static void test_anything(void **state)
{
	static const char *const paths[] = { "/bin/a", "/lib/bb", "", "[vdso]",
					     "/memfd:x (deleted)" };
	struct fixture *f = *state;
	uint64_t time = 1000000, addresses[4];
	struct raw_frame frames[4];

	srand(4);
	for (unsigned i = 0; i < 100000; i++) {
		struct process_event e = {
			.kind = (enum process_event_kind)(rand() % 10 < 7 ? PROCESS_MAP
									  : rand() % 4),
			.time = time - (uint64_t)(rand() % 3000),
			.tgid = PID + (uint32_t)(rand() % 6),
			.start = (uint64_t)(rand() % 64) << 12,
			.size = (uint64_t)(rand() % 8) << 12,
			.file_offset = (uint64_t)(rand() % 4) << 12,
			.path = paths[rand() % 5],
		};
		struct process_id id = { .tgid = PID + (uint32_t)(rand() % 6),
					 .start_ns = (uint64_t)(rand() % 4) * 1000000000,
					 .time = time - (uint64_t)(rand() % 5000) };

		e.tid = e.tgid + (rand() % 5 == 0);
		e.parent = PID + (uint32_t)(rand() % 6);
		time += (uint64_t)(rand() % 2000);
		assert_int_equal(tracker_event(f->tracker, &e), 0);
		for (unsigned j = 0; j < 4; j++)
			addresses[j] = (uint64_t)(rand() % 0x50000);
		assert_true(tracker_frames(f->tracker, &id, addresses, 4, frames) >= 0);
		for (unsigned j = 0; j < 4; j++)
			assert_true(frames[j].object && frames[j].object < f->capture.nr_objects);
		if (rand() % 1000 == 0)
			tracker_forget(f->tracker, rand() % 10 ? time : UINT64_MAX);
	}
	tracker_forget(f->tracker, UINT64_MAX);
	assert_true(tracker_memory(f->tracker) < 1u << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fork_exec),	    TEST(test_fork_shares),  TEST(test_one_object),
		TEST(test_caller_at_start), TEST(test_overlap),	     TEST(test_pid_reuse),
		TEST(test_threads),	    TEST(test_leader_exits), TEST(test_late_events),
		TEST(test_unknown),	    TEST(test_map_storm),    TEST(test_many_files),
		TEST(test_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
