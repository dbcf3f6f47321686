/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A tracker that is driven by events that were made up. The pids are ones that
 * no kernel hands out, so that /proc never has an answer of its own.
 * Included by the tests of the tracker only; cmocka.h comes first.
 */
#pragma once
#include <stdio.h>
#include <string.h>

#include "process/tracker.h"

enum { PID = 4194000, OTHER = 4194001, THIRD = 4194002 };

struct fixture {
	struct capture capture;
	struct tracker *tracker;
};

static inline int set_up(void **state)
{
	static struct fixture f;

	assert_int_equal(capture_init(&f.capture), 0);
	assert_int_equal(tracker_new(&f.tracker, &f.capture), 0);
	*state = &f;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	tracker_free(f->tracker);
	capture_done(&f->capture);
	return 0;
}

static inline void map(struct fixture *f, uint64_t time, uint32_t pid, uint64_t start,
		       uint64_t size, uint64_t offset, const char *path)
{
	struct process_event e = { .kind = PROCESS_MAP,
				   .time = time,
				   .tgid = pid,
				   .tid = pid,
				   .start = start,
				   .size = size,
				   .file_offset = offset,
				   .path = path,
				   .dev = 77,
				   .ino = path[0] == '/' ? strlen(path) * 1000 + (ino_t)path[1]
							 : 0 };

	assert_int_equal(tracker_event(f->tracker, &e), 0);
}

static inline void happen(struct fixture *f, enum process_event_kind kind, uint64_t time,
			  uint32_t pid, uint32_t tid, uint32_t parent)
{
	struct process_event e = {
		.kind = kind, .time = time, .tgid = pid, .tid = tid, .parent = parent
	};

	assert_int_equal(tracker_event(f->tracker, &e), 0);
}

/* What lies at an address at a time: "PATH+OFFSET". */
static inline const char *at_start(struct fixture *f, uint64_t time, uint32_t pid, uint64_t address,
				   uint64_t start_ns)
{
	static char text[400];
	struct process_id id = { .tgid = pid, .time = time, .start_ns = start_ns };
	struct raw_frame frame;
	const struct object *o;
	int r = tracker_frames(f->tracker, &id, &address, 1, &frame);

	assert_true(r >= 0);
	o = &f->capture.objects[frame.object];
	assert_int_equal(r, o->kind != OBJECT_NONE);
	snprintf(text, sizeof(text), "%s+%lx", o->path, (unsigned long)frame.offset);
	return text;
}

static inline const char *at(struct fixture *f, uint64_t time, uint32_t pid, uint64_t address)
{
	return at_start(f, time, pid, address, 0);
}

static inline enum object_kind kind_at(struct fixture *f, uint32_t pid, uint64_t address)
{
	struct process_id id = { .tgid = pid, .time = 1000 };
	struct raw_frame frame;

	assert_true(tracker_frames(f->tracker, &id, &address, 1, &frame) >= 0);
	return f->capture.objects[frame.object].kind;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
