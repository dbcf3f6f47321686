// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "process/proc_maps.h"
#include "process/proc_stat.h"
#include "process/inside.h"

/* Takes the file if it is `want`; closes it if not. */
static int keep_if_same(int fd, const struct stat *st, const struct file_identity *want,
			struct file_identity *ret)
{
	struct file_identity id;

	if (fd < 0)
		return -1;
	target_file_identify(fd, st, &id);
	if (file_identity_equal(&id, want)) {
		*ret = id;
		return fd;
	}
	close(fd);
	return -1;
}

/* Does the link say the path that was mapped, deleted meanwhile or not? */
static bool link_says(int proc_fd, const char *link, const char *path)
{
	char target[4096 + 16]; /* what a path of PATH_MAX may have behind it */
	ssize_t n = readlinkat(proc_fd, link, target, sizeof(target) - 1);
	size_t size = strlen(path);

	if (n < 0 || !size || (size_t)n < size || memcmp(target, path, size))
		return false;
	target[n] = '\0';
	return !target[size] || !strcmp(target + size, " (deleted)");
}

/*
 * The kernel's own way to a mapped file: it works for those that were deleted or that lie in
 * another mount namespace. Its inode may differ from what maps say (overlayfs, btrfs): then the
 * path has to be the same.
 */
static int open_map_file(struct tracker *t, uint32_t tgid, uint64_t start, uint64_t end,
			 uint32_t file, struct file_identity *ret)
{
	const struct file_identity *want = tracker_file_identity(t, file);
	struct file_identity id;
	struct stat st;
	char link[80];
	int fd;

	snprintf(link, sizeof(link), "%u/map_files/%lx-%lx", tgid, (unsigned long)start,
		 (unsigned long)end);
	fd = target_file_open(t->proc_fd, link, 0, &st);
	if (fd < 0)
		return fd;
	target_file_identify(fd, &st, &id);
	if (file_identity_equal(&id, want) ||
	    (!(want->build_id_size && id.build_id_size) &&
	     link_says(t->proc_fd, link, tracker_file_path(t, file)))) {
		*ret = id;
		return fd;
	}
	close(fd);
	return -ESTALE;
}

struct search {
	const struct range *range;
	const struct file_identity *want;
	const char *path;
	uint64_t start, end;
};

/* Some part of the range may still be mapped, or may have been joined with what is beside it. */
static int find_part(void *ctx, const struct proc_map *m)
{
	struct search *s = ctx;

	if (m->end <= s->range->start || m->start >= s->range->end || !m->ino)
		return 0;
	if (m->offset - m->start != s->range->offset - s->range->start)
		return 0;
	s->start = m->start;
	s->end = m->end;
	return -EEXIST; /* enough */
}

static int open_mapped(struct tracker *t, uint32_t tgid, const struct range *r,
		       struct file_identity *ret)
{
	_cleanup_close_ int maps = -1;
	struct search s = { .range = r };
	char name[32];
	int fd = open_map_file(t, tgid, r->start, r->end, r->file, ret);

	if (fd != -ENOENT)
		return fd;
	snprintf(name, sizeof(name), "%u/maps", tgid);
	maps = openat(t->proc_fd, name, O_RDONLY | O_CLOEXEC);
	if (maps < 0 || proc_maps_read(maps, find_part, &s, NULL) != -EEXIST)
		return -ENOENT;
	return open_map_file(t, tgid, s.start, s.end, r->file, ret);
}

static int open_in_root(struct tracker *t, uint32_t tgid, const char *path,
			const struct file_identity *want, struct file_identity *ret)
{
	_cleanup_close_ int root = target_root(t->proc_fd, tgid);
	struct stat st;
	int fd;

	if (root < 0)
		return -1;
	fd = target_file_open(root, path, TARGET_IN_ROOT, &st);
	return keep_if_same(fd, &st, want, ret);
}

int tracker_open_file(struct tracker *t, struct space *s, const struct range *r,
		      struct file_identity *ret)
{
	const struct file_identity *want = tracker_file_identity(t, r->file);
	const char *path = tracker_file_path(t, r->file);
	uint32_t ancestor = s->tgid;
	struct stat st;
	int fd = -1;

	if (!s->newer && !s->ended)
		fd = open_mapped(t, s->tgid, r, ret);
	if (fd >= 0 || fd == -EMFILE || fd == -ENFILE || path[0] != '/')
		return fd < 0 ? -1 : fd;
	/* A process that is gone most likely saw the same files as the one that made it. */
	for (unsigned i = 0; ancestor && i < MAX_ANCESTORS; i++) {
		const struct space *known = i ? space_newest(&t->spaces, ancestor) : s;

		fd = open_in_root(t, ancestor, path, want, ret);
		if (fd >= 0)
			return fd;
		ancestor = known ? known->parent : 0;
	}
	fd = target_file_open(AT_FDCWD, path, 0, &st);
	return keep_if_same(fd, &st, want, ret);
}

int tracker_open_perf_map(struct tracker *t, const struct space *s, uint32_t *ret_uid)
{
	_cleanup_close_ int root = -1;
	struct proc_status status;
	struct proc_stat stat;
	char path[64];
	int r, fd;

	r = proc_status_read(t->proc_fd, s->tgid, &status);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	root = target_root(t->proc_fd, s->tgid);
	if (root < 0)
		return root;
	snprintf(path, sizeof(path), "/tmp/perf-%u.map", status.ns_pid);
	fd = target_file_open(root, path, TARGET_IN_ROOT | TARGET_NO_LINK, NULL);
	/* The pid may have been given to another meanwhile. */
	if (s->start_ns && (proc_stat_read(t->proc_fd, s->tgid, &stat) < 0 ||
			    !proc_same_start(stat.start_ns, s->start_ns))) {
		if (fd >= 0)
			close(fd);
		return -ESRCH;
	}
	*ret_uid = status.uid;
	return fd;
}
