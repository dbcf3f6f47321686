/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Real processes, seen by the real side-band. What a frame says is held
 * against the program itself: the bytes in the object's file at the frame's
 * offset have to be those that the program read from its own memory.
 * Included once by a test program, after cmocka.h.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/build_id.h"
#include "watch.h"

enum { PAGES = 128 };

static char target[] = TARGETS "/process_target", target2[] = TARGETS "/process_target2",
	    folder[] = "/tmp/bpfprof-live-XXXXXX";

static inline int set_up(void **state)
{
	static struct watch w;

	*state = &w;
	return watch_open(&w, PAGES);
}

static inline int tear_down(void **state)
{
	struct watch *w = *state;

	assert_false(w->out_of_order);
	watch_close(w);
	return 0;
}

static inline char *in_folder(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return path;
}

static inline void copy(const char *from, const char *to)
{
	char command[1024];

	snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

static inline const struct object *frame_of(struct watch *w, const struct target *t, uint64_t time,
					    struct raw_frame *ret)
{
	struct process_id id = { .tgid = (uint32_t)t->pid, .time = time };

	assert_int_equal(tracker_frames(w->tracker, &id, &t->address, 1, ret), 1);
	return &w->capture.objects[ret->object];
}

/* The file that the frame is in holds the target's code. */
static inline void assert_code(const struct object *o, const struct raw_frame *f,
			       const struct target *t)
{
	uint8_t code[sizeof(t->code)];

	assert_int_equal(o->kind, OBJECT_ELF);
	assert_true(o->fd >= 0);
	assert_int_equal(pread(o->fd, code, sizeof(code), (off_t)f->offset), sizeof(code));
	assert_memory_equal(code, t->code, sizeof(code));
}

static inline void assert_build_id(const struct object *o, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	uint8_t id[BUILD_ID_MAX];
	uint32_t size = build_id_read(fd, id);

	assert_true(fd >= 0 && size > 0);
	assert_int_equal(o->build_id_size, size);
	assert_memory_equal(o->build_id, id, size);
	close(fd);
}

/* 0, or the exit status of a test that can't be done here. */
static inline int live_begin(void)
{
	_cleanup_(sideband_closep) struct sideband *probe = NULL;
	int r = sideband_open(&probe, 1);

	if (r == -EACCES || r == -EPERM || geteuid()) {
		printf("skipped: perf_event_open of the whole system needs root: %s\n",
		       strerror(-r));
		return 77;
	}
	/* A program may be started from there by anybody's namespace. */
	return mkdtemp(folder) && !chmod(folder, 0755) ? 0 : 1;
}

static inline int live_end(int r)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) ? 1 : r;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
