/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The file of the test program that is running, in memory: group setup and teardown.
 */
#pragma once
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

static char *original;
static size_t original_size;

static int load(void **state)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	off_t size = lseek(fd, 0, SEEK_END);

	(void)state;
	original_size = (size_t)size;
	original = malloc(original_size);
	return original && pread(fd, original, original_size, 0) == size ? 0 : -1;
}

static int unload(void **state)
{
	(void)state;
	free(original);
	return 0;
}
