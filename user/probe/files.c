// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files that measured processes map: each is opened and shown to the finder once. */
#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/array.h"
#include "base/log.h"
#include "base/now.h"
#include "probe/inside.h"

/* linux/magic.h: OVERLAYFS_SUPER_MAGIC */
static const long OVERLAYFS = 0x794c7630;

const char *probed_file_name(const struct probed_file *f)
{
	const char *slash = strrchr(f->path, '/');

	return slash && slash[1] ? slash + 1 : f->path;
}

void probed_file_done(struct probed_file *f)
{
	for (size_t i = 0; i < f->nr_attached; i++)
		uprobe_file_free(f->attached[i]);
	if (f->fd >= 0)
		close(f->fd);
	probe_sites_done(&f->sites);
	free(f->attached);
	free(f->path);
	free(f->why);
}

void probes_say(struct probes *p, struct strbuf *line)
{
	char *text = strbuf_steal(line);

	if (!text || p->nr_notes == PROBES_NOTES ||
	    array_reserve(p->notes, p->cap_notes, p->nr_notes + 1) < 0)
		free(text);
	else
		p->notes[p->nr_notes++] = text;
}

/* Is one of the threads that were asked for one of this process? */
static bool has_thread(const struct filter *f, uint32_t tgid)
{
	char path[64];

	for (size_t i = 0; i < f->nr_tids; i++) {
		snprintf(path, sizeof(path), "/proc/%u/task/%u", tgid, f->tids[i]);
		if (!access(path, F_OK))
			return true;
	}
	return !f->nr_tids;
}

/* The kernel half keeps the list of processes: it adds those that are started. */
bool probes_want(const struct probes *p, uint32_t tgid)
{
	uint8_t yes;

	if (filter_flags(p->settings.filter) & ABI_FILTER_PID &&
	    bpf_map_lookup_elem(p->targets_fd, &tgid, &yes))
		return false;
	return has_thread(p->settings.filter, tgid);
}

bool probes_on_mapped(void *ctx, const struct space_key *key, const struct mapped *m)
{
	struct probes *p = ctx;

	if (p->unattached || !probes_want(p, key->tgid))
		return false;
	return waiting_add(&p->waiting, key, m->start, m->offset) && !p->by_pid;
}

/*
 * One file below several overlays, as of containers of one image, is one inode to uprobes, but
 * has a device in each of them: there it is known by its number and when it was changed last.
 */
static void make_key(int fd, const struct stat *st, bool is_plain, struct file_key *ret)
{
	struct statfs fs;
	bool is_overlay = !fstatfs(fd, &fs) && fs.f_type == OVERLAYFS;

	*ret = (struct file_key){ .dev = is_overlay ? 0 : st->st_dev, .ino = st->st_ino };
	if (!is_overlay && !is_plain)
		return;
	ret->size = (uint64_t)st->st_size;
	ret->changed_ns = (uint64_t)st->st_ctim.tv_sec * 1000000000u +
			  (uint64_t)st->st_ctim.tv_nsec;
}

static void say_found(struct probes *p, const struct probed_file *f)
{
	struct strbuf line = STRBUF_INIT;

	if (!log_enabled(LOG_VERBOSE))
		return;
	strbuf_add_escaped(&line, f->path);
	if (f->sites.found[0])
		strbuf_addf(&line, " (%s)", f->sites.found);
	strbuf_addf(&line, ": %zu probes", f->sites.nr);
	if (f->sites.how[0])
		strbuf_addf(&line, ", by %s", f->sites.how);
	probes_say(p, &line);
}

static void say_why_not(struct probes *p, const struct probed_file *f, uint32_t pid,
			const struct strbuf *why, int error)
{
	struct strbuf line = STRBUF_INIT;

	if (error != -ENOTSUP && !log_enabled(LOG_VERBOSE))
		return;
	strbuf_add_escaped(&line, f->sites.found[0] ? f->sites.found : probed_file_name(f));
	if (pid)
		strbuf_addf(&line, ", pid %u", pid);
	strbuf_adds(&line, ": ");
	strbuf_add_escaped(&line, why->len ? why->buf : strerror(-error));
	probes_say(p, &line);
}

/* No place of it is probed. What it is and why not is all that is kept; takes `why` over. */
static void leave(struct probed_file *f, struct strbuf *why)
{
	struct probe_sites none = PROBE_SITES_INIT;

	if (why->len) {
		snprintf(none.found, sizeof(none.found), "%s",
			 f->sites.found[0] ? f->sites.found : probed_file_name(f));
		f->why = strbuf_steal(why);
	}
	probe_sites_done(&f->sites);
	f->sites = none;
	close(f->fd);
	f->fd = -1;
	free(f->path);
	f->path = NULL;
}

/* There is nothing in it to be probed. What is forgotten is looked at again. */
static int remember_plain(struct probes *p, const struct file_key *key)
{
	uint32_t id;

	if (p->plain.count == PROBES_PLAIN)
		intern_done(&p->plain);
	return intern_add(&p->plain, key, sizeof(*key), &id) < 0 ? -ENOMEM : 0;
}

/* Takes `f` over. */
static int keep(struct probes *p, const struct file_key *key, struct probed_file *f,
		uint32_t *ret_file)
{
	int r = array_reserve(p->files, p->cap_files, p->keys.count + 1u) < 0 ? -ENOMEM : 0;

	if (!r)
		r = intern_add(&p->keys, key, sizeof(*key), ret_file);
	if (r < 0) {
		probed_file_done(f);
		return r;
	}
	p->files[*ret_file] = *f;
	p->nr_refused += f->fd < 0;
	return 1;
}

/* Its sites have places then, as far as there is room. */
static int keep_probed(struct probes *p, const struct file_key *key, struct probed_file *f,
		       uint32_t *ret_file)
{
	int r = keep(p, key, f, ret_file);

	if (r < 0)
		return r;
	f = &p->files[*ret_file];
	say_found(p, f);
	r = probes_place(p, *ret_file);
	/* Descriptors are few. */
	if (r >= 0 && !f->nr_places) {
		struct strbuf why = STRBUF_INIT;

		strbuf_adds(&why, "no room for more probes");
		leave(f, &why);
		strbuf_done(&why);
	}
	return r < 0 ? r : 1;
}

/* There is nothing to be probed in what was found: is there something to look at instead? */
static int find_instead(struct probes *p, const struct runtime_image *image, struct probed_file *f,
			struct strbuf *why)
{
	const struct probes_instead *instead = p->settings.instead;
	int r = instead ? instead->find(instead->ctx, image, &f->at, why) : 0;

	f->is_instead = r > 0;
	return r == -ENOMEM ? r : -ENOTSUP;
}

/* A file that is new: takes over its descriptor. 1: it is kept; 0: not; -ENOMEM. */
static int show(struct probes *p, const char *path, int fd, const struct stat *st, uint32_t pid,
		uint32_t *ret_file)
{
	const struct runtime_image image = { .fd = fd, .path = path };
	const struct probe_finder *finder = p->settings.finder;
	struct probed_file f = { .path = strdup(path), .fd = fd };
	struct strbuf why = STRBUF_INIT;
	struct file_key key;
	int r = f.path ? finder->find(finder->ctx, &image, &f.sites, &why) : -ENOMEM;

	if (r == -ENOTSUP)
		r = find_instead(p, &image, &f, &why);
	if (r < 0 && r != -ENOMEM)
		say_why_not(p, &f, pid, &why, r);
	make_key(fd, st, !f.is_instead && !(r > 0 && f.sites.nr), &key);
	if (r > 0 && f.sites.nr) {
		strbuf_done(&why);
		return keep_probed(p, &key, &f, ret_file);
	}
	if (f.is_instead) {
		strbuf_done(&why);
		return keep(p, &key, &f, ret_file);
	}
	if (r == -ENOMEM || !f.path) {
		strbuf_done(&why);
		probed_file_done(&f);
		return -ENOMEM;
	}
	leave(&f, &why);
	strbuf_done(&why);
	if (f.why && p->nr_refused < PROBES_REFUSED)
		return keep(p, &key, &f, ret_file);
	probed_file_done(&f);
	return remember_plain(p, &key);
}

/* 1: the file is known, and kept; 0: known to have nothing; -ENOENT: it is new. */
static int find_known(const struct probes *p, int fd, const struct stat *st, uint32_t *ret_file)
{
	struct file_key key, plain;
	uint32_t id;

	make_key(fd, st, false, &key);
	make_key(fd, st, true, &plain);
	if (intern_find(&p->keys, &key, sizeof(key), ret_file) ||
	    intern_find(&p->keys, &plain, sizeof(plain), ret_file))
		return 1;
	return intern_find(&p->plain, &plain, sizeof(plain), &id) ? 0 : -ENOENT;
}

/* Attaching takes longer than a program takes to come to its first calls. */
static void say_late(struct probes *p, const struct probed_file *f, uint32_t pid)
{
	struct strbuf line = STRBUF_INIT;

	strbuf_add_escaped(&line, f->sites.found[0] ? f->sites.found : probed_file_name(f));
	strbuf_addf(&line,
		    ", pid %u: it ran before its probes were there: what it did by then is not "
		    "counted",
		    pid);
	probes_say(p, &line);
}

int probes_look_at(struct probes *p, const char *path, int fd, uint32_t pid, uint32_t *ret_file)
{
	struct probed_file *f;
	struct stat st;
	uint32_t file;
	int r = fstat(fd, &st) ? 0 : find_known(p, fd, &st, &file);

	if (r == -ENOENT)
		r = show(p, path, fd, &st, pid, &file);
	else
		close(fd);
	if (r <= 0)
		return r;
	f = &p->files[file];
	*ret_file = file;
	if (!f->first_pid)
		f->first_pid = pid;
	r = f->fd < 0 || f->is_instead ? 0 : probes_attach(p, f, p->by_pid ? pid : 0);
	if (r > 0 && pid && p->scanned)
		say_late(p, f, pid);
	return r < 0 ? r : 0;
}

/* Here a file's being known is not enough: every process counts. */
static int tell_instead(struct probes *p, const struct probed_file *f, const struct waiting_file *w)
{
	const struct probes_instead *instead = p->settings.instead;
	const struct probes_mapped m = { w->key, w->address, w->offset, f->fd };

	tracker_follow(p->tracker, &w->key, w->address);
	return instead->mapped(instead->ctx, &m, f->at);
}

static int look_at(struct probes *p, const struct waiting_file *w)
{
	char path[4096];
	int r, fd = tracker_open_at(p->tracker, &w->key, w->address, path, sizeof(path));
	uint32_t file = UINT32_MAX;

	if (fd < 0)
		return 0;
	r = probes_look_at(p, path, fd, w->key.tgid, &file);
	if (file != UINT32_MAX && p->files[file].sites.found[0])
		tracker_mark(p->tracker, &w->key, w->address, file + 1);
	if (r >= 0 && file != UINT32_MAX && p->files[file].is_instead)
		return tell_instead(p, &p->files[file], w);
	return r;
}

/* Processes that were forked of one another pay together. */
static uint32_t owner_of(void *ctx, const struct space_key *key)
{
	const struct probes *p = ctx;
	struct space_version v;

	return tracker_space_version(p->tracker, key, &v) ? v.family : key->tgid;
}

static void say_refused(struct probes *p)
{
	struct strbuf line = STRBUF_INIT;

	if (!p->waiting.refused || p->said_refused)
		return;
	strbuf_adds(&line, "processes map more files than can be looked at: some are not probed");
	probes_say(p, &line);
	p->said_refused = true;
}

/* One that was taken out. */
static int look_within(struct probes *p, struct allowance *a, const struct waiting_file *f)
{
	uint64_t began = now_thread_ns();
	int r = look_at(p, f);

	allowance_spent(a, began);
	waiting_spent(&p->waiting, f->owner, now_thread_ns() - began);
	return r;
}

int probes_look(struct probes *p)
{
	struct waiting_file f;
	int r = 0;

	waiting_sort(&p->waiting, owner_of, p);
	while (r >= 0 && allowance_permits(&p->looking) && waiting_take(&p->waiting, &f))
		r = look_within(p, &p->looking, &f);
	while (r >= 0 && allowance_permits(&p->looking_later) &&
	       waiting_take_later(&p->waiting, &f))
		r = look_within(p, &p->looking_later, &f);
	say_refused(p);
	return r < 0 ? r : 0;
}
