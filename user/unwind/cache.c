// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unwind/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#include "unwind/cache_folder.h"

/*
 * Counts up whenever the same ELF file would be compiled to something else: with cfi.h, with what
 * compile.c makes, with this header. It is part of the names, so that an older program's files
 * are not found; they leave when their time comes.
 */
#define VERSION 5
#define MAGIC	0x6966632d66727062ull /* otherwise in a machine of the other byte order */

enum {
	MAX_ID = 64,
	NAME_SIZE = 2 * MAX_ID + 16,
	MAX_FILE = 64 << 20,
	NR_PARTS = 4,
};

/* What a file begins with; behind it pages, blocks, words, segments as they are in memory. */
struct header {
	uint64_t magic;
	uint32_t crc; /* of all that follows */
	uint32_t version;
	uint32_t payload; /* bytes behind the header */
	uint32_t id_size;
	uint32_t kind, machine;
	uint32_t nr_pages, nr_blocks, nr_words, nr_segments;
	uint32_t nr_rows, nr_full, nr_fdes, nr_bad;
	uint64_t first_page;
	uint8_t id[MAX_ID];
};
/* No padding: what is written is what was set. */
_Static_assert(sizeof(struct header) == 18 * 4 + MAX_ID, "header");
_Static_assert(sizeof(struct unwind_block) == 16, "unwind_block");
_Static_assert(sizeof(struct unwind_segment) == 24, "unwind_segment");

struct unwind_cache {
	struct cache_folder folder;
};

int unwind_cache_open(struct unwind_cache **ret, const char *folder, uint64_t max_bytes)
{
	struct unwind_cache *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	r = cache_folder_open(&c->folder, folder, max_bytes);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void unwind_cache_close(struct unwind_cache *c)
{
	if (!c)
		return;
	cache_folder_close(&c->folder);
	free(c);
}

static int name_of(char name[NAME_SIZE], const uint8_t *id, uint32_t size)
{
	if (!size || size > MAX_ID)
		return -EINVAL;
	for (uint32_t i = 0; i < size; i++)
		sprintf(name + 2 * i, "%02x", id[i]);
	sprintf(name + (size_t)2 * size, CACHE_SUFFIX "%u", VERSION);
	return 0;
}

static void table_parts(const struct unwind_table *t, struct iovec parts[NR_PARTS])
{
	parts[0] = (struct iovec){ t->pages, t->nr_pages * sizeof(*t->pages) };
	parts[1] = (struct iovec){ t->blocks, t->nr_blocks * sizeof(*t->blocks) };
	parts[2] = (struct iovec){ t->words, t->nr_words * sizeof(*t->words) };
	parts[3] = (struct iovec){ t->segments, t->nr_segments * sizeof(*t->segments) };
}

/* Of numbers that a file may have made up: no product of 32 bits and a size passes 64. */
static uint64_t payload_of(const struct header *h)
{
	return h->nr_pages * (uint64_t)sizeof(uint32_t) +
	       h->nr_blocks * (uint64_t)sizeof(struct unwind_block) +
	       h->nr_words * (uint64_t)sizeof(uint32_t) +
	       h->nr_segments * (uint64_t)sizeof(struct unwind_segment);
}

static uint32_t checksum(const struct header *h, const struct iovec parts[NR_PARTS])
{
	const size_t from = offsetof(struct header, version);
	uLong crc = crc32_z(0, (const Bytef *)h + from, sizeof(*h) - from);

	/* crc32_z(…, NULL, …) begins anew. */
	for (int i = 0; i < NR_PARTS; i++)
		if (parts[i].iov_len)
			crc = crc32_z(crc, parts[i].iov_base, parts[i].iov_len);
	return (uint32_t)crc;
}

/* All of it, or -ESTALE: the file ends before. */
static int read_at(int fd, void *into, size_t size, off_t offset)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(fd, (char *)into + done, size - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -ESTALE;
		done += (size_t)n;
	}
	return 0;
}

/* A file that somebody else could have made or may yet change is not ours, whatever it holds. */
static int check_file(const struct cache_folder *f, const struct stat *st)
{
	/* Another process has just made room. */
	if (!st->st_nlink)
		return -ENOENT;
	if (!S_ISREG(st->st_mode) || st->st_uid != f->uid || st->st_nlink != 1 ||
	    st->st_mode & (S_IWGRP | S_IWOTH))
		return -ESTALE;
	if (st->st_size < (off_t)sizeof(struct header) || st->st_size > MAX_FILE)
		return -ESTALE;
	return 0;
}

static bool header_is_right(const struct header *h, const uint8_t *id, uint32_t size,
			    off_t file_size)
{
	return h->magic == MAGIC && h->version == VERSION && h->id_size == size &&
	       !memcmp(h->id, id, size) && h->kind <= UNWIND_NOTHING &&
	       payload_of(h) == h->payload &&
	       h->payload == (uint64_t)file_size - sizeof(struct header);
}

static struct unwind_table *table_new(const struct header *h)
{
	struct unwind_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct unwind_table){
		.kind = (enum unwind_kind)h->kind,
		.machine = h->machine,
		.first_page = h->first_page,
		.nr_pages = h->nr_pages,
		.nr_blocks = h->nr_blocks,
		.nr_words = h->nr_words,
		.nr_segments = h->nr_segments,
		.nr_rows = h->nr_rows,
		.nr_full = h->nr_full,
		.nr_fdes = h->nr_fdes,
		.nr_bad = h->nr_bad,
	};
	if (h->nr_pages)
		t->pages = calloc(h->nr_pages, sizeof(*t->pages));
	if (h->nr_blocks)
		t->blocks = calloc(h->nr_blocks, sizeof(*t->blocks));
	if (h->nr_words)
		t->words = calloc(h->nr_words, sizeof(*t->words));
	if (h->nr_segments)
		t->segments = calloc(h->nr_segments, sizeof(*t->segments));
	if ((h->nr_pages && !t->pages) || (h->nr_blocks && !t->blocks) ||
	    (h->nr_words && !t->words) || (h->nr_segments && !t->segments)) {
		unwind_table_free(t);
		return NULL;
	}
	return t;
}

static int read_table(const struct cache_folder *f, int fd, const uint8_t *id, uint32_t size,
		      struct unwind_table **ret)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	struct iovec parts[NR_PARTS];
	off_t at = sizeof(struct header);
	struct header h;
	struct stat st;
	int r;

	r = fstat(fd, &st) < 0 ? -errno : check_file(f, &st);
	if (!r)
		r = read_at(fd, &h, sizeof(h), 0);
	if (r)
		return r;
	if (!header_is_right(&h, id, size, st.st_size))
		return -ESTALE;
	t = table_new(&h);
	if (!t)
		return -ENOMEM;
	table_parts(t, parts);
	for (int i = 0; i < NR_PARTS; i++) {
		r = read_at(fd, parts[i].iov_base, parts[i].iov_len, at);
		if (r)
			return r;
		at += (off_t)parts[i].iov_len;
	}
	if (checksum(&h, parts) != h.crc || !unwind_table_is_valid(t))
		return -ESTALE;
	*ret = t;
	t = NULL;
	return 0;
}

int unwind_cache_get(struct unwind_cache *c, const uint8_t *build_id, uint32_t size,
		     struct unwind_table **ret)
{
	_cleanup_close_ int fd = -1;
	char name[NAME_SIZE];
	int r = name_of(name, build_id, size);

	if (r < 0)
		return r;
	/* O_NONBLOCK: nobody may be at a FIFO's other end. */
	fd = openat(c->folder.fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		r = read_table(&c->folder, fd, build_id, size, ret);
	else if (errno == ELOOP || errno == ENXIO || errno == ENODEV || errno == EACCES)
		r = -ESTALE; /* a link, a socket, a device, not ours to read */
	else
		r = -errno;
	if (r == -ESTALE)
		unlinkat(c->folder.fd, name, 0);
	/* When it was used; the time of access is not kept everywhere. May fail: read-only. */
	if (!r)
		futimens(fd, NULL);
	return r;
}

static int write_all(int fd, const void *from, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const char *)from + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EIO;
		done += (size_t)n;
	}
	return 0;
}

/* Not synced: what a crash tears has a wrong checksum. */
static int write_file(int folder_fd, const char *name, const struct header *h,
		      const struct iovec parts[NR_PARTS])
{
	int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);
	int r;

	if (fd < 0)
		return -errno;
	/* The umask may have taken more. */
	r = fchmod(fd, 0600) < 0 ? -errno : write_all(fd, h, sizeof(*h));
	for (int i = 0; !r && i < NR_PARTS; i++)
		r = write_all(fd, parts[i].iov_base, parts[i].iov_len);
	/* A quota over the network is told here. */
	if (close(fd) < 0 && !r)
		r = -errno;
	if (r)
		unlinkat(folder_fd, name, 0);
	return r;
}

int unwind_cache_put(struct unwind_cache *c, const uint8_t *build_id, uint32_t size,
		     const struct unwind_table *t)
{
	char name[NAME_SIZE], temporary[CACHE_NAME_SIZE];
	struct iovec parts[NR_PARTS];
	struct header h = {
		.magic = MAGIC,
		.version = VERSION,
		.id_size = size,
		.kind = t->kind,
		.machine = t->machine,
		.first_page = t->first_page,
		.nr_pages = t->nr_pages,
		.nr_blocks = t->nr_blocks,
		.nr_words = t->nr_words,
		.nr_segments = t->nr_segments,
		.nr_rows = t->nr_rows,
		.nr_full = t->nr_full,
		.nr_fdes = t->nr_fdes,
		.nr_bad = t->nr_bad,
	};
	uint64_t unique;
	int r = name_of(name, build_id, size);

	if (r < 0)
		return r;
	if (payload_of(&h) > MAX_FILE - sizeof(h))
		return -EFBIG;
	h.payload = (uint32_t)payload_of(&h);
	memcpy(h.id, build_id, size);
	table_parts(t, parts);
	h.crc = checksum(&h, parts);
	r = cache_folder_make_room(&c->folder, sizeof(h) + h.payload, name);
	if (r < 0)
		return r;
	if (getrandom(&unique, sizeof(unique), 0) != sizeof(unique))
		return -EIO;
	snprintf(temporary, sizeof(temporary), "%s" CACHE_TEMPORARY "%016llx", name,
		 (unsigned long long)unique);
	r = write_file(c->folder.fd, temporary, &h, parts);
	if (r < 0)
		return r;
	if (renameat(c->folder.fd, temporary, c->folder.fd, name) < 0) {
		r = -errno;
		unlinkat(c->folder.fd, temporary, 0);
	}
	return r;
}
