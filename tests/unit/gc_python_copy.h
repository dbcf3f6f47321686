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

#include <sys/mman.h>
#include <unistd.h>

#include "gc_python_fixture.h"
#include "own_file.h"
#include "runtime/image.h"

/* It is taken for an interpreter that exports nothing. */
uint64_t _PyRuntime[4] __attribute__((section(".PyRuntime"))) = { 1 };
uint32_t Py_Version = 0x030d05f0;

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
