// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/sideband_record.h"

#include <string.h>
#include <sys/sysmacros.h>

struct record_mmap2 {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t start, size, offset;
	union {
		struct {
			uint32_t major, minor;
			uint64_t ino, generation;
		};
		struct {
			uint8_t build_id_size, reserved[3];
			uint8_t build_id[BUILD_ID_MAX];
		};
	};
	uint32_t prot, flags;
	char path[];
};

struct record_comm {
	struct perf_event_header header;
	uint32_t pid, tid;
	char comm[];
};

/* FORK and EXIT. */
struct record_task {
	struct perf_event_header header;
	uint32_t pid, parent, tid, parent_tid;
	uint64_t time;
};

struct record_lost {
	struct perf_event_header header;
	uint64_t id, lost;
};

struct record_lost_samples {
	struct perf_event_header header;
	uint64_t lost;
};

enum { TRAILER = sizeof(uint64_t) };

bool sideband_record_wanted(const struct perf_event_header *record, size_t size)
{
	const struct record_task *task = (const void *)record;

	switch (record->type) {
	case PERF_RECORD_MMAP2:
		return size > sizeof(struct record_mmap2) + TRAILER;
	case PERF_RECORD_COMM:
		return (record->misc & PERF_RECORD_MISC_COMM_EXEC) &&
		       size >= sizeof(struct record_comm) + TRAILER;
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		/* Threads share their process's mappings: nothing is to be learned of them. */
		return size >= sizeof(*task) + TRAILER && task->pid == task->tid;
	default:
		return false;
	}
}

uint64_t sideband_record_time(const struct perf_event_header *record, size_t size)
{
	uint64_t time;

	if (size < sizeof(*record) + TRAILER)
		return 0;
	memcpy(&time, (const char *)record + size - TRAILER, sizeof(time));
	return time;
}

uint64_t sideband_record_lost(const struct perf_event_header *record, size_t size)
{
	if (record->type == PERF_RECORD_LOST && size >= sizeof(struct record_lost))
		return ((const struct record_lost *)record)->lost;
	if (record->type == PERF_RECORD_LOST_SAMPLES && size >= sizeof(struct record_lost_samples))
		return ((const struct record_lost_samples *)record)->lost;
	return 0;
}

static int mmap2_event(const struct record_mmap2 *r, size_t size, struct process_event *e)
{
	size_t room = size - sizeof(*r) - TRAILER;

	if (!memchr(r->path, '\0', room))
		return 0;
	e->kind = PROCESS_MAP;
	e->tgid = r->pid;
	e->tid = r->tid;
	e->start = r->start;
	e->size = r->size;
	e->file_offset = r->offset;
	e->path = r->path;
	if (!(r->header.misc & PERF_RECORD_MISC_MMAP_BUILD_ID)) {
		e->dev = makedev(r->major, r->minor);
		e->ino = r->ino;
	} else if (r->build_id_size && r->build_id_size <= BUILD_ID_MAX) {
		e->build_id_size = r->build_id_size;
		memcpy(e->build_id, r->build_id, r->build_id_size);
	}
	return 1;
}

int sideband_record_event(const struct perf_event_header *record, size_t size,
			  struct process_event *ret)
{
	const struct record_comm *comm = (const void *)record;
	const struct record_task *task = (const void *)record;
	struct process_event e = { .time = sideband_record_time(record, size) };
	int r = 1;

	if (!sideband_record_wanted(record, size))
		return 0;
	switch (record->type) {
	case PERF_RECORD_MMAP2:
		r = mmap2_event((const void *)record, size, &e);
		break;
	case PERF_RECORD_COMM:
		e.kind = PROCESS_EXEC;
		e.tgid = comm->pid;
		e.tid = comm->tid;
		break;
	default:
		e.kind = record->type == PERF_RECORD_FORK ? PROCESS_FORK : PROCESS_EXIT;
		e.tgid = task->pid;
		e.tid = task->tid;
		e.parent = task->parent;
	}
	if (r)
		*ret = e;
	return r;
}
