// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/now.h"
#include "process/inside.h"
#include "process/proc_maps.h"
#include "process/proc_stat.h"

/* Who makes the kernel drop records all the time gets no more than a 20th of a CPU of us. */
enum { RESCAN_REST = 20 };
/* Samples wait for us meanwhile. */
static const uint64_t SCAN_NS = 100000000;

static int keep_map(void *ctx, const struct proc_map *m)
{
	const struct file_identity id = { .dev = m->dev, .ino = m->ino };
	struct tracker *t = ctx;
	struct range r = { .start = m->start, .end = m->end };
	uint64_t before = t->nr_read ? t->read[t->nr_read - 1].end : 0;
	int ret;

	/* The kernel reads piece by piece: what changes meanwhile may come twice. */
	if (r.end <= before)
		return 0;
	if (t->nr_read == RANGES_MAX) {
		t->read_limited = true;
		return 0;
	}
	ret = tracker_file(t, m->path, &id, &r.file);
	if (ret < 0)
		return ret;
	if (array_reserve(t->read, t->cap_read, t->nr_read + 1u) < 0)
		return -ENOMEM;
	r.offset = tracker_file_offset(t, r.file, r.start, m->offset);
	if (r.start < before) {
		r.offset += before - r.start;
		r.start = before;
	}
	range_append(t->read, &t->nr_read, &r);
	return 0;
}

int tracker_read_maps(struct tracker *t, uint32_t tgid)
{
	_cleanup_close_ int fd = -1;
	char name[32];
	int r;

	t->nr_read = 0;
	t->read_limited = false;
	snprintf(name, sizeof(name), "%u/maps", tgid);
	fd = openat(t->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = proc_maps_read(fd, keep_map, t, NULL);
	return r < 0 ? r : (int)t->nr_read;
}

/* Puts what was read into a space: all that it maps at the time `now`, or soon after. */
static int take_read(struct tracker *t, struct space *s, uint64_t now)
{
	bool replaced = false;
	int r;

	for (uint32_t i = 0; i < t->nr_read && s->ranges && !replaced; i++)
		replaced = ranges_effect(s->ranges, &t->read[i]) == RANGES_REPLACED;
	r = ranges_overlay(&s->ranges, t->read, t->nr_read, true, &t->spaces.budget);
	s->changes += r > 0;
	s->replaced += r > 0 && replaced;

	if (r == -ENOSPC || t->read_limited)
		s->limited = true;
	s->scanned = now;
	s->round = t->round;
	tracker_tell(t, s, t->read, t->nr_read);
	return r == -ENOMEM ? r : 0;
}

/* A process of which nothing is known. */
static int scan_new(struct tracker *t, uint32_t tgid)
{
	uint64_t now = now_ns();
	struct space *s;
	int r = tracker_read_maps(t, tgid);

	if (r <= 0)
		return r == -ENOMEM ? r : 0;
	/* One that ended and whose pid is used again began now at the latest. */
	r = space_add(&t->spaces, tgid, space_newest(&t->spaces, tgid) ? now : 0, &s);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	return take_read(t, s, now);
}

/* Calls fn for each process in /proc. */
static int each_pid(struct tracker *t, int (*fn)(struct tracker *t, uint32_t tgid))
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	struct dirent *e;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		unsigned long pid = isdigit((unsigned char)e->d_name[0])
					    ? strtoul(e->d_name, NULL, 10)
					    : 0;
		int r = pid && pid < SPACE_PIDS ? fn(t, (uint32_t)pid) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int scan_one(struct tracker *t, uint32_t tgid)
{
	const struct space *s = space_newest(&t->spaces, tgid);

	return s && !s->ended ? 0 : scan_new(t, tgid);
}

/* Who comes too late is read when it is sampled. */
static int scan_in_time(struct tracker *t, uint32_t tgid)
{
	if (now_ns() < t->scan_until)
		return scan_one(t, tgid);
	t->scan_late = true;
	return 0;
}

int tracker_scan(struct tracker *t, const uint32_t *pids, size_t nr)
{
	t->scan_until = now_ns() + SCAN_NS;
	if (!pids) {
		int r;

		t->scan_late = false;
		r = each_pid(t, scan_in_time);
		return r < 0 ? r : t->scan_late;
	}
	for (size_t i = 0; i < nr; i++) {
		int r = scan_one(t, pids[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int rescan_one(struct tracker *t, uint32_t tgid)
{
	struct space *s = space_newest(&t->spaces, tgid);
	uint64_t now = now_ns();
	struct proc_stat stat;
	int r;

	if (!s || s->ended)
		return scan_new(t, tgid);
	s->round = t->round;
	r = tracker_read_maps(t, tgid);
	if (r <= 0)
		return r == -ENOMEM ? r : 0;
	if (proc_stat_read(t->proc_fd, tgid, &stat) < 0)
		return 0;
	if (s->start_ns && !proc_same_start(s->start_ns, stat.start_ns)) {
		r = space_add(&t->spaces, tgid, now, &s);
		if (r < 0)
			return r;
	}
	s->start_ns = s->start_ns ? s->start_ns : stat.start_ns;
	return take_read(t, s, now);
}

static void end_if_unseen(void *ctx, struct space *s)
{
	struct tracker *t = ctx;

	/* One that began after /proc was read is there all the same. */
	if (!s->newer && !s->ended && s->round != t->round && kill((pid_t)s->tgid, 0) < 0 &&
	    errno == ESRCH)
		space_end(&t->spaces, s, now_ns());
}

int tracker_rescan(struct tracker *t)
{
	uint64_t begin = now_ns();
	int r;

	t->rescan_due = begin < t->next_rescan;
	if (t->rescan_due)
		return 0;
	t->round++;
	r = each_pid(t, rescan_one);
	if (r < 0)
		return r;
	space_each(&t->spaces, end_if_unseen, t);
	t->next_rescan = begin + (now_ns() - begin) * RESCAN_REST;
	return 0;
}
