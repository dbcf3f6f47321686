// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>

#include "base/now.h"
#include "process/inside.h"
#include "process/proc_stat.h"

/* A process may be gone before its file is opened: then the next one that maps it is told of. */
static const uint64_t TOLD_AGAIN_NS = 200000000;

static struct space *space_of(const struct tracker *t, const struct space_key *key)
{
	struct space *s = space_newest(&t->spaces, key->tgid);

	while (s && s->seq != key->seq)
		s = s->older;
	return s;
}

int tracker_space(struct tracker *t, const struct process_id *id, struct space_key *ret)
{
	struct space *s;
	int r = tracker_find_space(t, id, &s);

	if (r < 0)
		return r;
	if (!s)
		return 0;
	*ret = (struct space_key){ s->tgid, s->seq };
	return 1;
}

uint64_t tracker_ended(const struct tracker *t, const struct process_id *id)
{
	const struct space *s = space_newest(&t->spaces, id->tgid);

	/* A younger process has the pid now. */
	while (s && s->start_ns > id->start_ns && !proc_same_start(s->start_ns, id->start_ns))
		s = s->older;
	return s ? s->ended : 0;
}

bool tracker_space_version(const struct tracker *t, const struct space_key *key,
			   struct space_version *ret)
{
	const struct space *s = space_of(t, key);
	uint64_t until = 0;

	if (!s)
		return false;
	/* One that was there before the measuring has no time. */
	if (s->newer)
		until = s->newer->from ? s->newer->from : 1;
	*ret = (struct space_version){ .changes = s->changes,
				       .replaced = s->replaced,
				       .nr = s->ranges ? s->ranges->nr : 0,
				       .family = s->family,
				       .from = s->from,
				       .forked = s->family != s->seq,
				       .parent = s->parent,
				       .until = until };
	return true;
}

static struct mapped mapped_of(const struct tracker *t, const struct range *r)
{
	static const enum mapped_kind kinds[] = {
		[FILE_IS_ELF] = MAPPED_ELF,	    [FILE_IS_JIT] = MAPPED_JIT,
		[FILE_IS_MEMFD] = MAPPED_MEMFD,	    [FILE_IS_VDSO] = MAPPED_VDSO,
		[FILE_IS_SPECIAL] = MAPPED_SPECIAL,
	};
	struct mapped m = { r->start,	     r->end,
			    r->offset,	     kinds[t->files[r->file].kind],
			    SPACE_NO_OBJECT, tracker_file_path(t, r->file) };

	/* A 32-bit process has another vdso than we. */
	if (m.kind == MAPPED_VDSO && !(r->start >> 32))
		m.kind = MAPPED_SPECIAL;
	if (m.kind != MAPPED_JIT)
		tracker_known_object(t, r, &m.object);
	return m;
}

/* Anonymous memory, with parts of it that are a file's code. */
static int each_part(struct tracker *t, struct space *s, const struct range *r, mapped_fn fn,
		     void *ctx)
{
	struct range rest = *r, part;
	int err = 0;

	while (err >= 0 && rest.start < rest.end) {
		bool found = tracker_continued(t, s, r, rest.start, &part);
		struct range plain = rest;
		struct mapped m;

		if (found)
			plain.end = part.start;
		if (plain.start < plain.end) {
			m = mapped_of(t, &plain);
			err = fn(ctx, &m);
		}
		if (found && err >= 0) {
			m = mapped_of(t, &part);
			err = fn(ctx, &m);
		}
		rest.start = found ? part.end : rest.end;
	}
	return err;
}

int tracker_each_mapped(struct tracker *t, const struct space_key *key, mapped_fn fn, void *ctx)
{
	struct space *s = space_of(t, key);
	int err = 0;

	for (uint32_t i = 0; s && s->ranges && err >= 0 && i < s->ranges->nr; i++) {
		const struct range *r = &s->ranges->r[i];
		struct mapped m;

		if (r->file == FILE_JIT) {
			err = each_part(t, s, r, fn, ctx);
		} else {
			m = mapped_of(t, r);
			err = fn(ctx, &m);
		}
	}
	return err < 0 ? err : 0;
}

int tracker_open_mapped(struct tracker *t, const struct space_key *key, uint64_t address,
			struct mapped *ret)
{
	struct space *s = space_of(t, key);
	const struct range *range;
	uint32_t object;
	int r;

	if (!s)
		return 0;
	s->moved = 0;
	r = tracker_find_range(t, s, address, &range);
	if (r > 0)
		r = tracker_object(t, s, range, &object) < 0 ? -ENOMEM : 1;
	if (r > 0)
		*ret = mapped_of(t, range);
	return r;
}

void tracker_listen(struct tracker *t, newly_mapped_fn fn, void *ctx)
{
	t->on_mapped = fn;
	t->on_mapped_ctx = ctx;
}

void tracker_tell(struct tracker *t, const struct space *s, const struct range *r, uint32_t nr)
{
	struct space_key key = { s->tgid, s->seq };

	for (uint32_t i = 0; t->on_mapped && i < nr; i++) {
		struct mapped_file *f = &t->files[r[i].file];
		struct mapped m;

		if ((f->kind != FILE_IS_ELF && f->kind != FILE_IS_MEMFD) ||
		    (!f->followed &&
		     (f->told || (f->told_at && now_ns() - f->told_at < TOLD_AGAIN_NS))))
			continue;
		m = mapped_of(t, &r[i]);
		if (t->on_mapped(t->on_mapped_ctx, &key, &m))
			f->told_at = now_ns();
	}
}

void tracker_mark(struct tracker *t, const struct space_key *key, uint64_t address, uint32_t mark)
{
	struct space *s = space_of(t, key);
	const struct range *r = s ? ranges_find(s->ranges, address, &s->hint) : NULL;

	if (r)
		t->files[r->file].mark = mark;
}

struct marked {
	const struct tracker *tracker;
	void (*fn)(void *ctx, uint32_t tgid, uint32_t mark);
	void *ctx;
};

static void show_marked(void *ctx, struct space *s)
{
	const struct marked *m = ctx;

	if (s->newer || s->ended || s->gone)
		return;
	for (uint32_t i = 0; s->ranges && i < s->ranges->nr; i++) {
		uint32_t mark = m->tracker->files[s->ranges->r[i].file].mark;

		if (mark)
			m->fn(m->ctx, s->tgid, mark);
	}
}

void tracker_each_marked(const struct tracker *t,
			 void (*fn)(void *ctx, uint32_t tgid, uint32_t mark), void *ctx)
{
	struct marked m = { t, fn, ctx };

	space_each(&t->spaces, show_marked, &m);
}

void tracker_tell_followed(struct tracker *t, const struct space *s)
{
	for (uint32_t i = 0; t->follows && s->ranges && i < s->ranges->nr; i++)
		if (t->files[s->ranges->r[i].file].followed)
			tracker_tell(t, s, &s->ranges->r[i], 1);
}

struct following {
	struct tracker *tracker;
	uint32_t file;
};

static void tell_of_file(void *ctx, struct space *s)
{
	const struct following *f = ctx;

	for (uint32_t i = 0; !s->newer && s->ranges && i < s->ranges->nr; i++)
		if (s->ranges->r[i].file == f->file)
			tracker_tell(f->tracker, s, &s->ranges->r[i], 1);
}

void tracker_follow(struct tracker *t, const struct space_key *key, uint64_t address)
{
	struct space *s = space_of(t, key);
	const struct range *r = s ? ranges_find(s->ranges, address, &s->hint) : NULL;
	struct following f = { .tracker = t };

	if (!r || t->files[r->file].followed)
		return;
	t->files[r->file].followed = t->follows = true;
	f.file = r->file;
	space_each(&t->spaces, tell_of_file, &f);
}

int tracker_open_at(struct tracker *t, const struct space_key *key, uint64_t address,
		    char *ret_path, size_t size)
{
	struct space *s = space_of(t, key);
	const struct range *r = s ? ranges_find(s->ranges, address, &s->hint) : NULL;
	struct file_identity found;
	int fd;

	if (!r ||
	    (t->files[r->file].kind != FILE_IS_ELF && t->files[r->file].kind != FILE_IS_MEMFD))
		return -ENOENT;
	snprintf(ret_path, size, "%s", tracker_file_path(t, r->file));
	fd = tracker_open_file(t, s, r, &found);
	t->files[r->file].told |= fd >= 0 && t->files[r->file].told_at;
	return fd;
}
