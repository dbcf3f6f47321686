/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading small files whole, and writing a file so that the old one stays until the new is whole.
 */
#pragma once
#include <stddef.h>
#include <stdio.h>

#include "base/strbuf.h"

/*
 * Appends a file's bytes to `into`, at most `max` of them; works for /proc,
 * where no size is told. The number of bytes, or a negative errno
 * (-EFBIG when there is more than `max`: then `into` has the first `max`).
 */
int file_read(const char *path, size_t max, struct strbuf *into);
/* The same from a folder's descriptor (AT_FDCWD for none). */
int file_read_at(int dir_fd, const char *path, size_t max, struct strbuf *into);
/* A decimal number that stands alone in a file; a negative errno otherwise. */
int file_read_u64(const char *path, unsigned long long *ret);

/* A file that appears under its name only when it is whole; what is no regular file is written as
 * it is. */
struct file_out {
	FILE *stream;
	char *path, *temporary;
};

/* Opens beside `path`. 0, or a negative errno (-ENOENT: its folder is missing, -EISDIR, no
 * permission). */
int file_out_open(struct file_out *f, const char *path);
/* Flushes, syncs and renames. A negative errno (a full disk) leaves the old file as it was. */
int file_out_commit(struct file_out *f);
/* Gives up; does nothing after a commit. */
void file_out_abort(struct file_out *f);
