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
	if (p->nr_queue == p->cap_queue && p->next_queue) {
		p->nr_queue -= p->next_queue;
		memmove(p->queue, p->queue + p->next_queue, p->nr_queue * sizeof(*p->queue));
		p->next_queue = 0;
	}
	if (p->nr_queue >= PROBES_QUEUE ||
	    array_reserve(p->queue, p->cap_queue, p->nr_queue + 1) < 0)
		return false;
	p->queue[p->nr_queue++] = (struct waiting_file){ *key, m->start };
	return !p->by_pid;
}

/*
 * One file below several overlays, as of containers of one image, is one inode to uprobes, but
 * has a device in each of them: there it is known by its number and when it was changed last.
 */
static void make_key(int fd, const struct stat *st, struct file_key *ret)
{
	struct statfs fs;

	*ret = (struct file_key){ .dev = st->st_dev, .ino = st->st_ino };
	if (fstatfs(fd, &fs) || fs.f_type != OVERLAYFS)
		return;
	ret->dev = 0;
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

/* Nothing in it is probed. What it is and why not is all that is kept. */
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

/* A file that is new. It keeps its descriptor if something in it is probed. */
static int show(struct probes *p, uint32_t file, uint32_t pid)
{
	struct probed_file *f = &p->files[file];
	const struct runtime_image image = { .fd = f->fd, .path = f->path };
	const struct probe_finder *finder = p->settings.finder;
	struct strbuf why = STRBUF_INIT;
	int r = finder->find(finder->ctx, &image, &f->sites, &why);

	if (r < 0 && r != -ENOMEM)
		say_why_not(p, f, pid, &why, r);
	if (r > 0 && f->sites.nr) {
		say_found(p, f);
		r = probes_place(p, file);
	} else {
		leave(f, &why);
		r = r == -ENOMEM ? r : 0;
	}
	strbuf_done(&why);
	return r;
}

/* The file of a descriptor, which it takes over if it is new. 1: it is new; 0 or -ENOMEM. */
static int file_of(struct probes *p, const char *path, int fd, uint32_t *ret_file)
{
	struct file_key key;
	struct stat st;
	char *copy;
	int r;

	if (fstat(fd, &st))
		return -errno;
	make_key(fd, &st, &key);
	if (array_reserve(p->files, p->cap_files, p->keys.count + 1u) < 0)
		return -ENOMEM;
	copy = strdup(path);
	r = copy ? intern_add(&p->keys, &key, sizeof(key), ret_file) : -ENOMEM;
	if (r > 0)
		p->files[*ret_file] = (struct probed_file){ .path = copy, .fd = fd };
	else
		free(copy);
	return r;
}

int probes_look_at(struct probes *p, const char *path, int fd, uint32_t pid, uint32_t *ret_file)
{
	uint32_t file;
	int r = file_of(p, path, fd, &file);

	if (r <= 0)
		close(fd);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (r > 0)
		r = show(p, file, pid);
	if (r < 0)
		return r;
	*ret_file = file;
	if (!p->files[file].first_pid)
		p->files[file].first_pid = pid;
	return p->files[file].fd < 0 ? 0 : probes_attach(p, &p->files[file], p->by_pid ? pid : 0);
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
	return r;
}

int probes_look(struct probes *p)
{
	int r = 0;

	while (r >= 0 && p->next_queue < p->nr_queue && allowance_permits(&p->looking)) {
		uint64_t began = now_thread_ns();

		r = look_at(p, &p->queue[p->next_queue++]);
		allowance_spent(&p->looking, began);
	}
	if (p->next_queue == p->nr_queue)
		p->next_queue = p->nr_queue = 0;
	return r < 0 ? r : 0;
}
