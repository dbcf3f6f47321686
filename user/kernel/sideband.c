// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "kernel/sideband.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "base/array.h"
#include "kernel/sideband_record.h"

enum {
	MAX_KEPT = 64 << 20, /* bytes of records that wait to be delivered */
	IDLE_BYTES = 1 << 20,
	MAX_RECORD = 65536,
	/* A ring with less room than this may have had to drop a record. */
	NEARLY_FULL = 8192,
};

struct ring {
	int fd; /* -1: this CPU has none */
	struct perf_event_mmap_page *page;
	char *data;
	uint64_t lost; /* as read(2) said last */
};

/* A record that waits; `at` is where it is in `bytes`. */
struct kept {
	uint64_t time;
	uint32_t at, size;
};

struct sideband {
	struct ring *rings;
	uint32_t nr_rings;
	unsigned form; /* of forms[] */
	bool eager;
	size_t page_size, ring_size;
	int epoll_fd;
	char *bytes;
	size_t nr_bytes, cap_bytes;
	struct kept *kept;
	size_t nr_kept, cap_kept;
	uint64_t lost;
	uint64_t buffer[MAX_RECORD / sizeof(uint64_t)]; /* for one that wraps */
};

/* What older kernels refuse is left out, one thing after the other. */
static const struct form {
	bool build_id;	/* since 5.12 */
	bool tell_lost; /* PERF_FORMAT_LOST, since 6.0 */
} forms[] = { { true, true }, { true, false }, { false, true }, { false, false } };

/* The first of those without build-ids. */
enum { FORM_INODES = 2 };

static int open_event(uint32_t cpu, const struct form *form, bool eager, size_t watermark)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.build_id = form->build_id,
		.read_format = form->tell_lost ? PERF_FORMAT_LOST : 0,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
		.wakeup_watermark = eager ? 1 : (uint32_t)watermark, /* bytes */
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void close_ring(struct sideband *s, struct ring *r)
{
	if (r->page)
		munmap(r->page, s->page_size + s->ring_size);
	if (r->fd >= 0)
		close(r->fd);
	*r = (struct ring){ .fd = -1 };
}

static int open_ring(struct sideband *s, uint32_t cpu, struct ring *ret)
{
	struct epoll_event wait = { .events = EPOLLIN, .data.u32 = cpu };
	struct ring r = { .fd = -1 };
	int err;

	do {
		r.fd = open_event(cpu, &forms[s->form], s->eager, s->ring_size / 2);
	} while (r.fd == -EINVAL && s->form + 1 < ARRAY_SIZE(forms) && ++s->form);
	if (r.fd < 0)
		return r.fd;
	r.page = mmap(NULL, s->page_size + s->ring_size, PROT_READ | PROT_WRITE, MAP_SHARED, r.fd,
		      0);
	if (r.page == MAP_FAILED || epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, r.fd, &wait) < 0) {
		err = -errno;
		r.page = r.page == MAP_FAILED ? NULL : r.page;
		close_ring(s, &r);
		return err;
	}
	r.data = (char *)r.page + s->page_size;
	*ret = r;
	return 0;
}

static int open_all(struct sideband **ret, unsigned pages, bool eager)
{
	int nr_cpus = libbpf_num_possible_cpus(), r;
	_cleanup_(sideband_closep) struct sideband *s = NULL;
	bool any = false;

	if (nr_cpus < 0)
		return nr_cpus;
	if (!pages || (pages & (pages - 1)))
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->eager = eager;
	s->form = eager ? FORM_INODES : 0;
	s->page_size = (size_t)sysconf(_SC_PAGESIZE);
	s->ring_size = pages * s->page_size;
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return -errno;
	s->nr_rings = (uint32_t)nr_cpus;
	s->rings = calloc(s->nr_rings, sizeof(*s->rings));
	if (!s->rings)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->nr_rings; i++)
		s->rings[i].fd = -1;
	for (uint32_t i = 0; i < s->nr_rings; i++) {
		r = open_ring(s, i, &s->rings[i]);
		if (r < 0 && r != -ENODEV) /* offline */
			return r;
		any |= !r;
	}
	if (!any)
		return -ENODEV;
	*ret = s;
	s = NULL;
	return 0;
}

int sideband_open(struct sideband **ret, unsigned pages)
{
	return open_all(ret, pages, false);
}

int sideband_open_eager(struct sideband **ret, unsigned pages)
{
	return open_all(ret, pages, true);
}

void sideband_close(struct sideband *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; s->rings && i < s->nr_rings; i++)
		close_ring(s, &s->rings[i]);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	free(s->rings);
	free(s->bytes);
	free(s->kept);
	free(s);
}

int sideband_fd(const struct sideband *s)
{
	return s->epoll_fd;
}

/* 0: kept or not wanted, -ENOMEM. */
static int keep(struct sideband *s, const struct perf_event_header *record)
{
	size_t size = record->size;

	s->lost += forms[s->form].tell_lost ? 0 : sideband_record_lost(record, size);
	if (!sideband_record_wanted(record, size))
		return 0;
	if (s->nr_bytes + size > MAX_KEPT) {
		s->lost++;
		return 0;
	}
	if (array_reserve(s->bytes, s->cap_bytes, s->nr_bytes + size) < 0 ||
	    array_reserve(s->kept, s->cap_kept, s->nr_kept + 1) < 0)
		return -ENOMEM;
	memcpy(s->bytes + s->nr_bytes, record, size);
	s->kept[s->nr_kept++] = (struct kept){ .time = sideband_record_time(record, size),
					       .at = (uint32_t)s->nr_bytes,
					       .size = (uint32_t)size };
	s->nr_bytes += size;
	return 1;
}

/* The record at `tail`, in one piece. Records are 8-aligned, so that a header never wraps. */
static const struct perf_event_header *record_at(struct sideband *s, const struct ring *r,
						 uint64_t tail)
{
	size_t at = tail & (s->ring_size - 1), first = s->ring_size - at;
	const struct perf_event_header *h = (const void *)(r->data + at);
	size_t size = h->size;

	if (size <= first)
		return h;
	memcpy(s->buffer, h, first);
	memcpy((char *)s->buffer + first, r->data, size - first);
	return (const void *)s->buffer;
}

/* Each drop is counted by the kernel; it is only asked when there may have been one. */
static void ask_lost(struct sideband *s, struct ring *r)
{
	uint64_t value[2]; /* struct read_format: the counter, then what was lost */

	if (!forms[s->form].tell_lost ||
	    read(r->fd, value, sizeof(value)) != (ssize_t)sizeof(value))
		return;
	s->lost += value[1] - r->lost;
	r->lost = value[1];
}

static int read_ring(struct sideband *s, struct ring *r)
{
	uint64_t head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = r->page->data_tail;
	bool full = head - tail + NEARLY_FULL > s->ring_size;
	int nr = 0, err = 0;

	while (tail < head) {
		const struct perf_event_header *record = record_at(s, r, tail);

		if (record->size < sizeof(*record) || record->size > head - tail) {
			/* Can't be; but what follows could not be found. */
			s->lost++;
			tail = head;
			break;
		}
		full |= record->type == PERF_RECORD_LOST;
		err = keep(s, record);
		if (err < 0)
			break;
		nr += err;
		tail += record->size;
	}
	__atomic_store_n(&r->page->data_tail, tail, __ATOMIC_RELEASE);
	if (full)
		ask_lost(s, r);
	return err < 0 ? err : nr;
}

int sideband_read(struct sideband *s)
{
	int nr = 0;

	for (uint32_t i = 0; i < s->nr_rings; i++) {
		int r = s->rings[i].fd < 0 ? 0 : read_ring(s, &s->rings[i]);

		if (r < 0)
			return r;
		nr += r;
	}
	return nr;
}

int sideband_add_cpu(struct sideband *s, uint32_t cpu)
{
	struct ring new, *old;
	int r;

	if (cpu >= s->nr_rings)
		return -EINVAL;
	old = &s->rings[cpu];
	r = open_ring(s, cpu, &new);
	if (r < 0)
		return r;
	/* An event ends for good when its CPU goes offline, but its ring still has what it saw. */
	if (old->fd >= 0) {
		r = read_ring(s, old);
		close_ring(s, old);
	}
	*old = new;
	return r < 0 ? r : 0;
}

static int by_time(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Moves what still waits to the front of both arrays. */
static int drop_delivered(struct sideband *s, size_t nr)
{
	char *bytes;
	size_t at = 0;

	if (nr < s->nr_kept && nr) {
		bytes = malloc(s->nr_bytes);
		if (!bytes)
			return -ENOMEM;
		for (size_t i = nr; i < s->nr_kept; i++) {
			struct kept *k = &s->kept[i];

			memcpy(bytes + at, s->bytes + k->at, k->size);
			k->at = (uint32_t)at;
			at += k->size;
		}
		memmove(s->kept, s->kept + nr, (s->nr_kept - nr) * sizeof(*s->kept));
		free(s->bytes);
		s->bytes = bytes;
		s->cap_bytes = s->nr_bytes;
	} else if (!nr) {
		return 0;
	}
	s->nr_kept -= nr;
	s->nr_bytes = at;
	/* What a storm of processes needed isn't kept for good. */
	if (!s->nr_kept && s->cap_bytes > IDLE_BYTES) {
		free(s->bytes);
		free(s->kept);
		s->bytes = NULL;
		s->kept = NULL;
		s->cap_bytes = s->cap_kept = 0;
	}
	return 0;
}

int sideband_deliver(struct sideband *s, uint64_t until,
		     int (*fn)(void *ctx, const struct process_event *e), void *ctx)
{
	size_t nr = 0;
	int r = 0, err;

	if (s->nr_kept)
		qsort(s->kept, s->nr_kept, sizeof(*s->kept), by_time);
	while (r >= 0 && nr < s->nr_kept && s->kept[nr].time <= until) {
		const struct kept *k = &s->kept[nr++];
		struct process_event e;

		if (sideband_record_event((const void *)(s->bytes + k->at), k->size, &e))
			r = fn(ctx, &e);
	}
	err = drop_delivered(s, nr);
	return r < 0 ? r : err;
}

uint64_t sideband_take_lost(struct sideband *s)
{
	uint64_t lost = s->lost;

	s->lost = 0;
	return lost;
}

size_t sideband_memory(const struct sideband *s)
{
	size_t n = sizeof(*s) + s->cap_bytes + s->cap_kept * sizeof(*s->kept);

	for (uint32_t i = 0; i < s->nr_rings; i++)
		n += s->rings[i].fd >= 0 ? s->page_size + s->ring_size : 0;
	return n;
}
