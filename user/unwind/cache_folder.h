/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The folder of a cache: opened so that only we and root can have put there what is in it, and
 * kept within its bounds. It knows names, sizes and times of files, nothing of what they hold.
 * Processes share it without locks: files appear by rename(2), and may vanish at any time. Two
 * that write at once may pass the bound together; the next to open or to write sets it right.
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

/* A file's name: an even number of hexadecimal digits, CACHE_SUFFIX, a decimal version; while it
 * is being written CACHE_TEMPORARY and 16 hexadecimal digits more. Others are left alone. */
#define CACHE_SUFFIX	".cfi"
#define CACHE_TEMPORARY ".tmp"
enum { CACHE_NAME_SIZE = 192 };

struct cache_folder {
	int fd;	   /* O_PATH */
	uid_t uid; /* whose it must be */
	uint64_t max_bytes;
};

/* As unwind_cache_open(). Links on the way are followed if they are root's or ours. */
int cache_folder_open(struct cache_folder *f, const char *path, uint64_t max_bytes);
void cache_folder_close(struct cache_folder *f);
/*
 * Removes the files used longest ago until `bytes` more fit; a file called `except`, that is to
 * be replaced, does not count. 0, -EFBIG: they never will, or why files can't be removed.
 */
int cache_folder_make_room(struct cache_folder *f, uint64_t bytes, const char *except);
