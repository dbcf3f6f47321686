// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

int file_read_at(int dir_fd, const char *path, size_t max, struct strbuf *into)
{
	_cleanup_close_ int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char block[16384];
	size_t total = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		if ((size_t)n > max - total) {
			strbuf_add(into, block, max - total);
			return into->failed ? -ENOMEM : -EFBIG;
		}
		strbuf_add(into, block, (size_t)n);
		total += (size_t)n;
	}
	return into->failed ? -ENOMEM : (int)total;
}

int file_read(const char *path, size_t max, struct strbuf *into)
{
	return file_read_at(AT_FDCWD, path, max, into);
}

int file_read_u64(const char *path, unsigned long long *ret)
{
	struct strbuf text = STRBUF_INIT;
	int r = file_read(path, 64, &text);
	char *end;

	if (!r)
		r = -EINVAL;
	if (r >= 0) {
		unsigned long long value;

		errno = 0;
		value = strtoull(strbuf_str(&text), &end, 10);
		r = errno ? -errno : 0;
		/* strtoull() takes "-1", and what stands behind the number is left to us. */
		if (!r && (text.buf[0] < '0' || text.buf[0] > '9' || end[strspn(end, " \n")]))
			r = -EINVAL;
		if (!r)
			*ret = value;
	}
	strbuf_done(&text);
	return r;
}

/* Opens what is no file of the disk as it is: /dev/null, a pipe, a terminal. */
static int open_in_place(struct file_out *f)
{
	int fd = open(f->path, O_WRONLY | O_CLOEXEC | O_NOCTTY), r;

	if (fd < 0)
		return -errno;
	f->stream = fdopen(fd, "w");
	if (f->stream)
		return 0;
	r = -errno;
	close(fd);
	return r;
}

/* `old`: what it will replace, whose owner and rights it gets; NULL: nothing. */
static int open_beside(struct file_out *f, const struct stat *old)
{
	mode_t mask = umask(0);
	int fd, r;

	umask(mask);
	if (asprintf(&f->temporary, "%s.XXXXXX", f->path) < 0) {
		f->temporary = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(f->temporary, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		free(f->temporary);
		f->temporary = NULL;
		return r;
	}
	r = old ? fchown(fd, old->st_uid, old->st_gid) : 0;
	/* Who may not give files away keeps it: then there is no group that is the old one. */
	fchmod(fd, !old ? 0666 & ~mask : r < 0 ? old->st_mode & 0707 : old->st_mode & 0777);
	f->stream = fdopen(fd, "w");
	if (f->stream)
		return 0;
	r = -errno;
	close(fd);
	return r;
}

int file_out_open(struct file_out *f, const char *path)
{
	struct stat st;
	int r;

	/* A link stays one: the file that it names is written. */
	*f = (struct file_out){ .path = realpath(path, NULL) };
	if (!f->path)
		f->path = strdup(path);
	if (!f->path)
		return -ENOMEM;
	/* A rename would put a file in place of /dev/null, and fail on a folder at the very end. */
	if (stat(f->path, &st) < 0)
		r = open_beside(f, NULL);
	else if (S_ISREG(st.st_mode))
		r = open_beside(f, &st);
	else
		r = S_ISDIR(st.st_mode) ? -EISDIR : open_in_place(f);
	if (r < 0)
		file_out_abort(f);
	return r;
}

int file_out_commit(struct file_out *f)
{
	int r = 0;

	if (fflush(f->stream) || ferror(f->stream))
		r = errno ? -errno : -EIO;
	if (!r && f->temporary && fsync(fileno(f->stream)) && errno != EINVAL)
		r = -errno;
	if (fclose(f->stream) && !r)
		r = -errno;
	f->stream = NULL;
	if (!r && f->temporary && rename(f->temporary, f->path))
		r = -errno;
	if (!r) {
		free(f->temporary);
		f->temporary = NULL;
	}
	file_out_abort(f);
	return r;
}

void file_out_abort(struct file_out *f)
{
	if (f->stream)
		fclose(f->stream);
	if (f->temporary)
		unlink(f->temporary);
	free(f->temporary);
	free(f->path);
	*f = (struct file_out){ 0 };
}
