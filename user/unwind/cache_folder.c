// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unwind/cache_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"

enum {
	MAX_FILES = 8192,
	/* Files that are looked at to find the oldest ones; what is beyond goes unseen. */
	MAX_LISTED = 2 * MAX_FILES,
	MAX_LINKS = 40, /* as the kernel's own */
	/* Nobody writes a file for so long; what is older was left behind. */
	TEMPORARY_SECONDS = 60,
};

/* Nobody but root and we can put anything else in its place. In root's sticky folders (/tmp)
 * others may add, but not move what is not theirs. */
static bool is_guarded(const struct stat *st, uid_t uid)
{
	if (st->st_uid && st->st_uid != uid)
		return false;
	return !(st->st_mode & (S_IWGRP | S_IWOTH)) || (!st->st_uid && st->st_mode & S_ISVTX);
}

/* What is still to be walked, in memory of its own. */
struct way {
	char *memory;
	const char *rest;
	unsigned nr_links;
};

/* A link's target takes its place in front of the rest. */
static int follow(struct way *way, int at, const char *name, uid_t uid)
{
	_cleanup_close_ int fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char target[4096], *path;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return -ENOTDIR;
	if (st.st_uid && st.st_uid != uid)
		return -EPERM;
	if (way->nr_links++ == MAX_LINKS)
		return -ELOOP;
	n = readlinkat(fd, "", target, sizeof(target));
	if (n < 0)
		return -errno;
	if (!n || n == sizeof(target))
		return -ENAMETOOLONG;
	if (asprintf(&path, "%.*s/%s", (int)n, target, way->rest) < 0)
		return -ENOMEM;
	free(way->memory);
	way->rest = way->memory = path;
	return 0;
}

/* The folder's descriptor. -ENOTDIR: something else, or a link. */
static int enter(int at, const char *name)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(at, name, flags);

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
			return -errno;
		fd = openat(at, name, flags);
	}
	return fd < 0 ? -errno : fd;
}

static int check_guarded(int fd, uid_t uid)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return is_guarded(&st, uid) ? 0 : -EPERM;
}

/* 1: `name` is the next one on the way; 0: there is none left. */
static int next_name(struct way *way, char name[NAME_MAX + 1])
{
	size_t size;

	way->rest += strspn(way->rest, "/");
	size = strcspn(way->rest, "/");
	if (size > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, way->rest, size);
	name[size] = '\0';
	way->rest += size;
	return size > 0;
}

/*
 * Every folder from the root on is checked before anything in it is used, as sshd does for its
 * keys; each by its descriptor, so that what was checked is what is used.
 */
static int walk(struct way *way, uid_t uid, int *at)
{
	char name[NAME_MAX + 1];
	int r, fd;

	for (;;) {
		if (*way->rest == '/' && way->rest == way->memory) {
			cleanup_close(at);
			*at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
			if (*at < 0)
				return -errno;
		}
		r = check_guarded(*at, uid);
		if (!r)
			r = next_name(way, name);
		if (r <= 0)
			return r;
		fd = enter(*at, name);
		if (fd == -ENOTDIR)
			r = follow(way, *at, name, uid);
		else if (fd < 0)
			r = fd;
		if (r < 0)
			return r;
		if (fd >= 0) {
			cleanup_close(at);
			*at = fd;
		}
	}
}

static int open_folder(const char *path, uid_t uid)
{
	_cleanup_free_ char *here = *path == '/' ? NULL : getcwd(NULL, 0);
	struct way way = { 0 };
	struct stat st;
	int fd = -1, r;

	if (!*path)
		return -EINVAL;
	if (*path != '/' && !here)
		return -errno;
	if (asprintf(&way.memory, "%s/%s", here ? here : "", path) < 0)
		return -ENOMEM;
	way.rest = way.memory;
	r = walk(&way, uid, &fd);
	free(way.memory);
	if (!r && fstat(fd, &st) < 0)
		r = -errno;
	/* Of the last one not even root's sticky bit is enough. */
	if (!r && (st.st_uid != uid || st.st_mode & (S_IWGRP | S_IWOTH)))
		r = -EPERM;
	if (!r)
		return fd;
	cleanup_close(&fd);
	return r;
}

int cache_folder_open(struct cache_folder *f, const char *path, uint64_t max_bytes)
{
	uid_t uid = geteuid();
	int fd = open_folder(path, uid);

	if (fd < 0)
		return fd;
	*f = (struct cache_folder){ .fd = fd, .uid = uid, .max_bytes = max_bytes };
	/* What an interrupted write left, and what is over a bound that was higher. It is tried
	 * again before anything is written; reading needs none of it. */
	cache_folder_make_room(f, 0, "");
	return 0;
}

void cache_folder_close(struct cache_folder *f)
{
	cleanup_close(&f->fd);
	f->fd = -1;
}

enum name_kind {
	NAME_OTHER,
	NAME_TABLE,
	NAME_TEMPORARY,
};

static enum name_kind kind_of(const char *name)
{
	static const char hex[] = "0123456789abcdef";
	const size_t suffix = strlen(CACHE_SUFFIX), temporary = strlen(CACHE_TEMPORARY);
	size_t n = strspn(name, hex);

	if (!n || n % 2 || strlen(name) >= CACHE_NAME_SIZE ||
	    strncmp(name + n, CACHE_SUFFIX, suffix) != 0)
		return NAME_OTHER;
	name += n + suffix;
	n = strspn(name, "0123456789");
	name += n;
	if (!n)
		return NAME_OTHER;
	if (!*name)
		return NAME_TABLE;
	if (strncmp(name, CACHE_TEMPORARY, temporary) != 0)
		return NAME_OTHER;
	name += temporary;
	return strspn(name, hex) == 16 && !name[16] ? NAME_TEMPORARY : NAME_OTHER;
}

struct listed {
	struct timespec used;
	uint64_t size;
	char name[CACHE_NAME_SIZE];
};

struct listing {
	struct listed *files;
	uint32_t nr, cap;
	uint64_t bytes; /* of these, and of what is being written */
};

/* Also what is of the future, where a clock was set back: it would stay for ever. */
static bool is_left_behind(const struct timespec *written)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec - written->tv_sec > TEMPORARY_SECONDS ||
	       written->tv_sec - now.tv_sec > TEMPORARY_SECONDS;
}

static int list_file(struct listing *l, int fd, const char *name, enum name_kind kind)
{
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!S_ISREG(st.st_mode) || l->nr == MAX_LISTED ||
	    (kind == NAME_TEMPORARY && is_left_behind(&st.st_mtim))) {
		unlinkat(fd, name, 0);
		return 0;
	}
	l->bytes += (uint64_t)st.st_size;
	if (kind == NAME_TEMPORARY)
		return 0;
	if (array_reserve(l->files, l->cap, l->nr + 1) < 0)
		return -ENOMEM;
	l->files[l->nr] = (struct listed){ .used = st.st_mtim, .size = (uint64_t)st.st_size };
	strcpy(l->files[l->nr++].name, name);
	return 0;
}

static int list_folder(struct listing *l, const struct cache_folder *f, const char *except)
{
	int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	if (!dir) {
		r = -errno;
		cleanup_close(&fd);
		return r;
	}
	for (errno = 0; !r && (e = readdir(dir)); errno = 0) {
		enum name_kind kind = kind_of(e->d_name);

		if (kind != NAME_OTHER && strcmp(e->d_name, except) != 0)
			r = list_file(l, f->fd, e->d_name, kind);
	}
	return r ? r : -errno;
}

static int by_use(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	if (x->used.tv_nsec != y->used.tv_nsec)
		return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int remove_oldest(struct listing *l, const struct cache_folder *f, uint64_t bytes)
{
	uint32_t left = l->nr;
	int r = 0;

	for (uint32_t i = 0; i < l->nr; i++) {
		if (l->bytes <= f->max_bytes - bytes && left < MAX_FILES)
			return 0;
		/* One that has vanished has made room as well. */
		if (unlinkat(f->fd, l->files[i].name, 0) < 0 && errno != ENOENT) {
			r = -errno;
			continue;
		}
		l->bytes -= l->files[i].size;
		left--;
	}
	if (l->bytes <= f->max_bytes - bytes && left < MAX_FILES)
		return 0;
	/* All that is left is being written by others. */
	return r ? r : -ENOSPC;
}

int cache_folder_make_room(struct cache_folder *f, uint64_t bytes, const char *except)
{
	struct listing l = { 0 };
	int r;

	if (bytes > f->max_bytes)
		return -EFBIG;
	r = list_folder(&l, f, except);
	if (!r) {
		if (l.nr)
			qsort(l.files, l.nr, sizeof(*l.files), by_use);
		r = remove_oldest(&l, f, bytes);
	}
	free(l.files);
	return r;
}
