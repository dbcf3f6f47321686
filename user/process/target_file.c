// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/target_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "process/build_id.h"

enum { KEPT_FDS = 64 };

int target_root(int proc_fd, uint32_t pid)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "%u/root", pid);
	fd = openat(proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A place in the file system, without doing anything to what is there. */
static int open_place(int dir_fd, const char *path, unsigned flags)
{
	int open_flags = O_PATH | O_CLOEXEC | (flags & TARGET_NO_LINK ? O_NOFOLLOW : 0);
	struct open_how how = { .flags = (unsigned)open_flags,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd;

	if (flags & TARGET_IN_ROOT) {
		fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
		/* Without openat2(2) links can't be kept inside: better no file than a wrong one.
		 */
	} else {
		fd = openat(dir_fd, path, open_flags);
	}
	return fd < 0 ? -errno : fd;
}

int target_file_open(int dir_fd, const char *path, unsigned flags, struct stat *ret_stat)
{
	_cleanup_close_ int place = open_place(dir_fd, path, flags);
	struct rlimit limit;
	char self[32];
	struct stat st;
	int fd;

	if (place < 0)
		return place;
	if (fstat(place, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", place);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (!getrlimit(RLIMIT_NOFILE, &limit) && (rlim_t)fd + KEPT_FDS > limit.rlim_cur) {
		close(fd);
		return -EMFILE;
	}
	if (ret_stat)
		*ret_stat = st;
	return fd;
}

void target_file_identify(int fd, const struct stat *st, struct file_identity *ret)
{
	*ret = (struct file_identity){ .dev = st->st_dev, .ino = st->st_ino };
	ret->build_id_size = build_id_read(fd, ret->build_id);
}

bool file_identity_equal(const struct file_identity *a, const struct file_identity *b)
{
	if (a->build_id_size && b->build_id_size)
		return a->build_id_size == b->build_id_size &&
		       !memcmp(a->build_id, b->build_id, a->build_id_size);
	return a->ino && a->ino == b->ino && a->dev == b->dev;
}

bool target_file_is_trusted(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && (!st.st_uid || st.st_uid == geteuid()) &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

void target_file_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}
