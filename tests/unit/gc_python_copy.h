/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Copies of a program that has a CPython's collector in it (gc_python_fixture.h).
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "gc_python_fixture.h"
#include "runtime/image.h"

/* It is taken for an interpreter that exports nothing. */
uint64_t _PyRuntime[4] __attribute__((section(".PyRuntime"))) = { 1 };
uint32_t Py_Version = 0x030d05f0;

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

static int copy(void)
{
	int fd = memfd_create("copy", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, original, original_size), original_size);
	return fd;
}

static uint64_t address_of(const struct image *im, const char *name)
{
	struct image_symbol s = { .name = name };

	if (image_symbols(im, SHT_SYMTAB, &s, 1) != 1)
		fail_msg("no symbol %s", name);
	return s.address;
}
