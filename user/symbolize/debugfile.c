// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/debugfile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

enum { MAX_LINK = 4096 };
/* Reading a file for its CRC takes about a second a gigabyte. */
#define MAX_CRC_FILE ((off_t)4 << 30)

/* .gnu_debuglink: a file name, padding to 4, the CRC-32 of that file. */
struct debuglink {
	const char *name;
	uint32_t crc;
};

static int read_link(const struct elf_file *f, struct debuglink *ret)
{
	GElf_Shdr h;
	Elf_Data *data = elf_section_data(elf_file_section(f, ".gnu_debuglink", &h), MAX_LINK);
	size_t name, crc_at;

	if (!data)
		return -ENOENT;
	name = strnlen(data->d_buf, data->d_size);
	crc_at = (name + 1 + 3) & ~(size_t)3;
	/* A file in a folder, not a way to elsewhere. */
	if (!name || crc_at + 4 > data->d_size || memchr(data->d_buf, '/', name))
		return -ENOENT;
	ret->name = data->d_buf;
	memcpy(&ret->crc, (const char *)data->d_buf + crc_at, 4);
	return 0;
}

static bool is_same_file(int a, int b)
{
	struct stat x, y;

	return a >= 0 && b >= 0 && !fstat(a, &x) && !fstat(b, &y) && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static bool has_crc(int fd, uint32_t crc)
{
	_cleanup_free_ unsigned char *block = NULL;
	enum { BLOCK = 256 << 10 };
	unsigned long sum = crc32(0, NULL, 0);
	struct stat st;
	off_t at = 0;

	if (fstat(fd, &st) < 0 || st.st_size > MAX_CRC_FILE)
		return false;
	block = malloc(BLOCK);
	while (block && at < st.st_size) {
		ssize_t n = pread(fd, block, BLOCK, at);

		if (n <= 0)
			return false;
		sum = crc32(sum, block, (unsigned)n);
		at += n;
	}
	return block && sum == crc;
}

/* Takes over `fd`. `link`: NULL where only the build-id leads to the file. */
static int accept_file(const struct debugfile_query *q, int fd, const struct debuglink *link,
		       int *ret_fd)
{
	struct elf_file found = ELF_FILE_INIT;
	uint8_t id[BUILD_ID_MAX];
	uint32_t id_size = 0;
	bool belongs;

	if (is_same_file(fd, q->file->fd) || elf_file_open(&found, fd) < 0) {
		close(fd);
		return -ENOENT;
	}
	id_size = elf_file_build_id(&found, id);
	belongs = found.header.e_machine == q->file->header.e_machine;
	elf_file_close(&found);
	if (id_size && q->build_id_size)
		belongs &= id_size == q->build_id_size && !memcmp(id, q->build_id, id_size);
	else
		belongs &= link && has_crc(fd, link->crc);
	if (!belongs) {
		close(fd);
		return -ENOENT;
	}
	*ret_fd = fd;
	return 0;
}

/* In a process's root a link must not lead out of it, and a pipe must not hold us up. */
static int open_in(int root_fd, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	if (root_fd < 0)
		return open(path, (int)how.flags);
	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

static int open_root_of(uint32_t pid)
{
	char path[32];

	if (!pid)
		return -1;
	snprintf(path, sizeof(path), "/proc/%u/root", pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int try_link(const struct debugfile_query *q, const struct debuglink *link, int root_fd,
		    int *ret_fd)
{
	static const char *const places[] = { "%.*s/%s", "%.*s/.debug/%s" };
	const char *slash = strrchr(q->path, '/');
	int folder = slash ? (int)(slash - q->path) : 0, r = -ENOENT;
	struct strbuf path = STRBUF_INIT;

	if (q->path[0] != '/')
		return -ENOENT;
	for (size_t i = 0; r < 0 && i < 3; i++) {
		int fd;

		strbuf_reset(&path);
		if (i < 2)
			strbuf_addf(&path, places[i], folder, q->path, link->name);
		else
			strbuf_addf(&path, "%s%.*s/%s", q->root, folder, q->path, link->name);
		fd = path.failed ? -1 : open_in(root_fd, strbuf_str(&path));
		if (fd >= 0)
			r = accept_file(q, fd, link, ret_fd);
	}
	strbuf_done(&path);
	return r;
}

static int try_build_id(const struct debugfile_query *q, int root_fd, int *ret_fd)
{
	struct strbuf path = STRBUF_INIT;
	int fd;

	if (q->build_id_size < 2)
		return -ENOENT;
	strbuf_addf(&path, "%s/.build-id/%02x/", q->root, q->build_id[0]);
	for (uint32_t i = 1; i < q->build_id_size; i++)
		strbuf_addf(&path, "%02x", q->build_id[i]);
	strbuf_adds(&path, ".debug");
	fd = path.failed ? -1 : open_in(root_fd, strbuf_str(&path));
	strbuf_done(&path);
	return fd < 0 ? -ENOENT : accept_file(q, fd, NULL, ret_fd);
}

int debugfile_open(const struct debugfile_query *q, int *ret_fd)
{
	_cleanup_close_ int root_fd = open_root_of(q->pid);
	struct debuglink link;
	int r = try_build_id(q, -1, ret_fd);

	if (r < 0 && root_fd >= 0)
		r = try_build_id(q, root_fd, ret_fd);
	if (r >= 0 || read_link(q->file, &link) < 0)
		return r;
	if (root_fd >= 0)
		r = try_link(q, &link, root_fd, ret_fd);
	return r < 0 ? try_link(q, &link, -1, ret_fd) : r;
}
