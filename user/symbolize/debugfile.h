/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The separate file with debug information that belongs to an ELF file: by
 * its build-id under a folder of such files, by its .gnu_debuglink beside it,
 * or from debuginfod servers. A file is taken only if it proves that it
 * belongs: the same build-id, or the CRC of the link where there is none.
 * Source: "Debugging Information in Separate Files", GDB's manual.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "symbolize/elffile.h"

#define DEBUGFILE_ROOT "/usr/lib/debug"

struct debugfile_query {
	const struct elf_file *file;
	const char *path; /* of the file, as its process sees it */
	uint32_t pid;	  /* of that process, in whose root the link is followed first; 0: none */
	const char *root; /* folder of debug files: DEBUGFILE_ROOT */
	const uint8_t *build_id;
	uint32_t build_id_size;
};

/* Opens it. 0, or a negative errno: -ENOENT when there is none. */
int debugfile_open(const struct debugfile_query *q, int *ret_fd);
/*
 * Asks the servers in DEBUGINFOD_URLS, and nobody where that is not set; libdebuginfod is
 * loaded only then. May take long. 0 or a negative errno.
 */
int debuginfod_open(const uint8_t *build_id, uint32_t size, int *ret_fd);
