/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The program headers of an ELF file, elf(5), with two small reads: a hostile
 * file can do no more than have none.
 */
#pragma once
#include <stdint.h>

struct elf_segment {
	uint32_t type, flags;		/* p_type, p_flags */
	uint64_t offset, address, size; /* p_offset, p_vaddr, p_filesz: bytes */
	uint64_t align;
};

/* Their number; 0: none that can be read, *ret is untouched. The caller frees *ret. */
uint32_t elf_segments_read(int fd, struct elf_segment **ret);
