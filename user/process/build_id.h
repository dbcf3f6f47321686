/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The GNU build-id of an ELF file, read by hand from its PT_NOTE segments
 * with pread(2), so that a file costs two small reads and a hostile one can
 * do no more than lack an id. Layout: elf(5); note type NT_GNU_BUILD_ID.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "model/capture.h"

/* Does the file begin as an ELF file does? */
bool build_id_is_elf(int fd);
/* The number of bytes of the id; 0: the file has none (of 1 to BUILD_ID_MAX bytes). */
uint32_t build_id_read(int fd, uint8_t ret_id[BUILD_ID_MAX]);
