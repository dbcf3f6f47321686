/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The debug sections of an ELF file as memory that its owner can't pull away:
 * files of ordinary size are copied, section by section, so that one that is
 * truncated or rewritten meanwhile costs names, not our life; a larger one
 * (COPY_MAX) is mapped. Sections that we don't need are hidden from libdw, as
 * are those that unpack to more than they plausibly hold.
 */
#pragma once
#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const uint8_t *start, *end;
};

struct dwarf_image {
	Elf *elf; /* of the memory */
	void *base;
	size_t size;	       /* of the mapping at `base` */
	size_t memory;	       /* bytes that are ours: copied or unpacked */
	size_t debug_size;     /* bytes of the sections that are read */
	uint64_t code_start;   /* all code lies in [code_start, code_end): */
	uint64_t code_end;     /* what points elsewhere was discarded by the linker */
	struct span alternate; /* the contents of .gnu_debugaltlink */
	bool is_object;	       /* to be linked still; dwz calls its common files so as well */
};

/*
 * `fd` is read here and may be closed after. -ENODATA: no .debug_info, no ELF file, or one
 * of another byte order; -E2BIG: more than max_memory (0: no bound).
 */
int dwarf_image_open(struct dwarf_image *im, int fd, size_t max_memory);
void dwarf_image_close(struct dwarf_image *im);
/* A section's bytes, unpacked; empty if there is none. */
struct span dwarf_image_section(Elf *elf, const char *name);
