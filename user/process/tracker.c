// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/tracker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "process/inside.h"
#include "process/proc_stat.h"

#define GRACE_NS 1000000000ull

enum {
	MAX_RANGE_BYTES = 64 << 20,
	/* A process that maps in a loop may make us move this many entries before we look away. */
	MAX_MOVED = 4 << 20,
};

int tracker_new(struct tracker **ret, struct capture *capture)
{
	static const struct file_identity nobody;
	struct tracker *t = calloc(1, sizeof(*t));
	uint32_t file;
	int r;

	if (!t)
		return -ENOMEM;
	t->capture = capture;
	t->none = SPACE_NO_OBJECT;
	t->sweep_at = SWEEP_AT_LEAST;
	t->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	space_table_init(&t->spaces, MAX_RANGE_BYTES);
	r = t->proc_fd < 0 ? -errno : tracker_file(t, "", &nobody, &file);
	if (r < 0) {
		tracker_free(t);
		return r;
	}
	target_file_raise_limit();
	*ret = t;
	return 0;
}

void tracker_free(struct tracker *t)
{
	if (!t)
		return;
	space_table_done(&t->spaces);
	intern_done(&t->file_keys);
	intern_done(&t->object_keys);
	free(t->files);
	free(t->object_ids);
	free(t->read);
	strbuf_done(&t->text);
	if (t->proc_fd >= 0)
		close(t->proc_fd);
	free(t);
}

static int on_map(struct tracker *t, const struct process_event *e)
{
	struct file_identity id = { .dev = e->dev, .ino = e->ino };
	struct space *s = space_at(&t->spaces, e->tgid, e->time);
	struct range new = { .start = e->start, .end = e->start + e->size };
	enum ranges_effect effect;
	int r;

	if (new.end <= new.start)
		return 0;
	if (!s) {
		r = space_add(&t->spaces, e->tgid, 0, &s);
		if (r < 0)
			return r;
	}
	if (e->time <= s->scanned || e->time < s->from)
		return 0;
	id.build_id_size = e->build_id_size <= BUILD_ID_MAX ? e->build_id_size : 0;
	memcpy(id.build_id, e->build_id, id.build_id_size);
	r = tracker_file(t, e->path ? e->path : "", &id, &new.file);
	if (r < 0)
		return r;
	new.offset = tracker_file_offset(t, new.file, new.start, e->file_offset);
	effect = ranges_effect(s->ranges, &new);
	r = ranges_insert(&s->ranges, &new, &t->spaces.budget);
	if (r == -ENOSPC) {
		s->limited = true;
		return 0;
	}
	if (r < 0)
		return r;
	tracker_tell(t, s, &new, 1);
	s->changes += effect != RANGES_KNOWN;
	s->replaced += effect == RANGES_REPLACED;
	s->moved += (uint64_t)r;
	if (s->moved > MAX_MOVED) {
		/* Nobody asked meanwhile. Who does will have /proc read. */
		ranges_drop(s->ranges, &t->spaces.budget);
		s->ranges = NULL;
		s->changes++;
		s->moved = 0;
		s->next_read = 0;
	}
	return 0;
}

/* Is what the event says contained in what is known, or older than that? */
static bool is_old(const struct space *s, const struct process_event *e)
{
	return s && (e->time <= s->scanned || e->time <= s->from);
}

static int on_exec(struct tracker *t, const struct process_event *e)
{
	struct space *before = space_newest(&t->spaces, e->tgid), *s;
	int r;

	if (is_old(before, e))
		return 0;
	r = space_add(&t->spaces, e->tgid, e->time, &s);
	if (r < 0 || !before)
		return r;
	s->parent = before->parent;
	s->start_ns = before->start_ns;
	s->container = before->container;
	s->cgroup = before->cgroup;
	return 0;
}

static int on_fork(struct tracker *t, const struct process_event *e)
{
	struct space *old = space_newest(&t->spaces, e->tgid), *s;
	const struct space *parent = space_newest(&t->spaces, e->parent);
	int r;

	if (e->tgid != e->tid || e->tgid == e->parent) /* a thread */
		return 0;
	if (is_old(old, e)) {
		if (!old->parent && e->time <= old->scanned)
			old->parent = e->parent;
		return 0;
	}
	r = space_add(&t->spaces, e->tgid, e->time, &s);
	if (r < 0)
		return r;
	s->parent = e->parent;
	if (!parent)
		return 0;
	s->family = parent->family;
	s->ranges = ranges_share(parent->ranges);
	s->limited = parent->limited;
	s->container = parent->container;
	s->cgroup = parent->cgroup;
	tracker_tell_followed(t, s);
	return 0;
}

static void on_end(struct tracker *t, const struct process_event *e)
{
	struct space *s = space_newest(&t->spaces, e->tgid);

	/* Other threads may outlive the first; tracker_forget() asks whether any does. */
	if (s && e->tgid == e->tid && !is_old(s, e))
		space_end(&t->spaces, s, e->time);
}

int tracker_event(struct tracker *t, const struct process_event *e)
{
	if (!e->tgid || e->tgid >= SPACE_PIDS)
		return 0;
	switch (e->kind) {
	case PROCESS_MAP:
		return on_map(t, e);
	case PROCESS_EXEC:
		return on_exec(t, e);
	case PROCESS_FORK:
		return on_fork(t, e);
	case PROCESS_EXIT:
		on_end(t, e);
		return 0;
	}
	return 0;
}

/* A first thread that has ended stays as a zombie while others of its process run. */
static bool has_threads(void *ctx, struct space *s)
{
	struct tracker *t = ctx;
	struct proc_stat stat;

	if (s->gone || (kill((pid_t)s->tgid, 0) < 0 && errno == ESRCH) ||
	    proc_stat_read(t->proc_fd, s->tgid, &stat) < 0)
		return false;
	if (s->start_ns && !proc_same_start(s->start_ns, stat.start_ns))
		return false;
	return stat.nr_threads > 1 || (stat.state != 'Z' && stat.state != 'X');
}

void tracker_forget(struct tracker *t, uint64_t time)
{
	if (time > GRACE_NS)
		space_forget(&t->spaces, time - GRACE_NS, has_threads, t);
	/* Without memory both are tried again the next time. */
	tracker_sweep_files(t);
	if (t->rescan_due)
		t->rescan_due = tracker_rescan(t) < 0 || t->rescan_due;
}

size_t tracker_memory(const struct tracker *t)
{
	return sizeof(*t) + t->spaces.memory + t->spaces.budget.used + t->file_keys.memory +
	       t->object_keys.memory + t->cap_files * sizeof(*t->files) +
	       t->cap_object_ids * sizeof(*t->object_ids) + t->cap_read * sizeof(*t->read) +
	       t->text.cap;
}
