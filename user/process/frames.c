// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/now.h"
#include "process/cgroup.h"
#include "process/inside.h"
#include "process/proc_stat.h"

#define FIRST_WAIT_NS 100000000ull
#define LAST_WAIT_NS  10000000000ull

enum {
	MAX_CGROUP_FILE = 64 << 10,
	/* No process maps anything there, so that /proc need not be asked. */
	LOWEST_ADDRESS = 4096,
	ADDRESS_BITS = 57,
};

/* The space in which `id` was sampled, if it is known; NULL. */
static struct space *known_space(struct tracker *t, const struct process_id *id)
{
	struct space *s = space_at(&t->spaces, id->tgid, id->time);

	if (!s || s->from > id->time)
		return NULL;
	if (!id->start_ns || !s->start_ns) {
		s->start_ns = s->start_ns ? s->start_ns : id->start_ns;
		return s;
	}
	if (proc_same_start(s->start_ns, id->start_ns))
		return s;
	for (s = space_newest(&t->spaces, id->tgid); s; s = s->older) {
		if (s->start_ns && proc_same_start(s->start_ns, id->start_ns))
			return s;
	}
	return NULL;
}

int tracker_find_space(struct tracker *t, const struct process_id *id, struct space **ret)
{
	struct space *s = known_space(t, id), *newest;
	uint64_t from = 0;
	int r;

	if (s) {
		*ret = s;
		return 0;
	}
	newest = space_newest(&t->spaces, id->tgid);
	/* Between two that are known, or before: what it was is lost, but for its pid. */
	if (newest && newest->from > id->time) {
		*ret = NULL;
		return 0;
	}
	if (newest)
		from = id->time > newest->from ? id->time : newest->from + 1;
	r = space_add(&t->spaces, id->tgid, from, &s);
	if (!r)
		s->start_ns = id->start_ns;
	*ret = r ? NULL : s;
	return r == -EINVAL ? 0 : r;
}

/* Does the process that /proc shows have this start? */
static bool is_process(struct tracker *t, uint32_t tgid, uint64_t start_ns)
{
	struct proc_stat stat;

	return proc_stat_read(t->proc_fd, tgid, &stat) >= 0 &&
	       (!start_ns || proc_same_start(stat.start_ns, start_ns));
}

/*
 * An address is not in the space: has /proc more? 1: yes, 0: no, or not now, -ENOMEM.
 * What is known wins, for it may be older than what /proc shows, as the address may be.
 */
static int read_again(struct tracker *t, struct space *s)
{
	uint64_t now;
	int r;

	if (s->newer || s->gone || (s->ended && !s->start_ns))
		return 0;
	now = now_ns();
	if (now < s->next_read)
		return 0;
	s->read_wait = s->read_wait ? s->read_wait * 2 : FIRST_WAIT_NS;
	s->read_wait = s->read_wait < LAST_WAIT_NS ? s->read_wait : LAST_WAIT_NS;
	s->next_read = now + s->read_wait;
	r = tracker_read_maps(t, s->tgid);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || !is_process(t, s->tgid, s->start_ns)) {
		s->gone = r == -ENOENT || r == -ESRCH || r >= 0;
		if (s->gone)
			space_end(&t->spaces, s, now);
		return 0;
	}
	if (!s->ranges && !s->from && !s->scanned)
		s->scanned = now;
	s->limited |= t->read_limited;
	r = ranges_overlay(&s->ranges, t->read, t->nr_read, false, &t->spaces.budget);
	if (r == -ENOSPC)
		s->limited = true;
	tracker_tell(t, s, t->read, t->nr_read);
	if (r > 0) {
		s->read_wait = 0;
		s->changes++;
	}
	return r == -ENOSPC ? 0 : r;
}

int tracker_find_range(struct tracker *t, struct space *s, uint64_t at, const struct range **ret)
{
	const struct range *r = ranges_find(s->ranges, at, &s->hint);
	int err;

	if (!r && at >= LOWEST_ADDRESS && !(at >> ADDRESS_BITS)) {
		err = read_again(t, s);
		if (err < 0)
			return err;
		r = err ? ranges_find(s->ranges, at, &s->hint) : NULL;
	}
	if (r && r->file == FILE_JIT && tracker_continued(t, s, r, at, &t->continued) &&
	    t->continued.start == at)
		r = &t->continued;
	*ret = r;
	return r ? 1 : 0;
}

static int one_frame(struct tracker *t, struct space *s, uint64_t at, struct raw_frame *ret)
{
	struct raw_frame f = { .offset = at };
	const struct range *r;
	enum object_kind kind;
	int err = tracker_find_range(t, s, at, &r);

	if (err < 0)
		return err;
	err = r ? tracker_object(t, s, r, &f.object) : tracker_none(t, s, &f.object);
	if (err < 0)
		return err;
	kind = t->capture->objects[f.object].kind;
	if (kind == OBJECT_ELF || kind == OBJECT_VDSO)
		f.offset = at - r->start + r->offset;
	*ret = f;
	return r ? 1 : 0;
}

/* All that is known of these addresses is whose they were. */
static int no_frames(struct tracker *t, const struct process_id *id, const uint64_t *addresses,
		     uint32_t nr, struct raw_frame *ret_frames)
{
	struct space *s = space_newest(&t->spaces, id->tgid);
	uint32_t object;
	int r = tracker_none(t, s, &object);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < nr; i++)
		ret_frames[i] = (struct raw_frame){ .offset = addresses[i], .object = object };
	t->capture->quality.n[QUALITY_NO_PROCESS]++;
	return 0;
}

int tracker_frames(struct tracker *t, const struct process_id *id, const uint64_t *addresses,
		   uint32_t nr, struct raw_frame *ret_frames)
{
	struct space *s;
	bool all = true;
	int r;

	if (!nr)
		return 1;
	r = tracker_find_space(t, id, &s);
	if (r < 0)
		return r;
	if (!s)
		return no_frames(t, id, addresses, nr, ret_frames);
	s->moved = 0;
	for (uint32_t i = 0; i < nr; i++) {
		r = one_frame(t, s, addresses[i], &ret_frames[i]);
		if (r < 0)
			return r;
		all &= r > 0;
	}
	if (!all && !s->ranges)
		t->capture->quality.n[QUALITY_NO_PROCESS]++;
	else if (!all && s->limited)
		t->capture->quality.n[QUALITY_MEMORY]++;
	return all;
}

static int read_cgroup(struct tracker *t, struct space *s)
{
	struct strbuf path = STRBUF_INIT, container = STRBUF_INIT;
	char name[32];
	int r;

	snprintf(name, sizeof(name), "%u/cgroup", s->tgid);
	strbuf_reset(&t->text);
	r = file_read_at(t->proc_fd, name, MAX_CGROUP_FILE, &t->text);
	if (r >= 0) {
		cgroup_parse(strbuf_str(&t->text), &path, &container);
		r = path.failed || container.failed ? -ENOMEM : 0;
	}
	if (r >= 0)
		r = capture_string(t->capture, strbuf_str(&path), &s->cgroup);
	if (r >= 0)
		r = capture_string(t->capture, strbuf_str(&container), &s->container);
	strbuf_done(&path);
	strbuf_done(&container);
	return r;
}

/* Its own, or where it is gone already, that of who made it. */
static int find_cgroup(struct tracker *t, struct space *s, unsigned depth)
{
	struct space *parent;
	int r;

	if (s->has_cgroup)
		return 0;
	s->has_cgroup = true;
	r = s->newer || s->ended ? -ESRCH : read_cgroup(t, s);
	if (r >= 0 || r == -ENOMEM)
		return r;
	if (s->cgroup || !s->parent || depth == MAX_ANCESTORS)
		return 0;
	parent = space_newest(&t->spaces, s->parent);
	r = parent ? 0 : space_add(&t->spaces, s->parent, 0, &parent);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = find_cgroup(t, parent, depth + 1);
	s->container = parent->container;
	s->cgroup = parent->cgroup;
	return r;
}

int tracker_cgroup(struct tracker *t, uint32_t tgid, uint32_t *ret_container, uint32_t *ret_cgroup)
{
	struct space *s = space_newest(&t->spaces, tgid);
	int r = s ? 0 : space_add(&t->spaces, tgid, 0, &s);

	if (!r)
		r = find_cgroup(t, s, 0);
	if (r < 0 && r != -EINVAL)
		return r;
	*ret_container = s ? s->container : 0;
	*ret_cgroup = s ? s->cgroup : 0;
	return 0;
}
