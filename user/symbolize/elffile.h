/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An ELF file that nobody vouches for. Everything is read with pread, never
 * mapped, since a mapped file that is cut short while it is read kills the
 * reader. Sizes are checked before memory is taken for them: a sparse file
 * can claim any. Source of the format: the System V gABI, elf(5).
 */
#pragma once
#include <gelf.h>
#include <stddef.h>
#include <stdint.h>

#include "model/capture.h"

struct elf_file {
	Elf *elf;
	int fd; /* the caller's; -1: in memory */
	GElf_Ehdr header;
	size_t nr_sections;
};

/* A PT_LOAD. */
struct elf_segment {
	uint64_t address, memory_size, offset, file_size;
	uint32_t flags; /* PF_X … */
};

#define ELF_FILE_INIT     \
	{                 \
		.fd = -1, \
	}

/* 0; -ENOEXEC: no ELF program or library of this machine's byte order; other negative errno. */
int elf_file_open(struct elf_file *f, int fd);
/* The bytes stay the caller's and must outlive it. */
int elf_file_open_memory(struct elf_file *f, char *bytes, size_t size);
void elf_file_close(struct elf_file *f);

/* The first section of this name, or of this type (SHT_); NULL: none. */
Elf_Scn *elf_file_section(const struct elf_file *f, const char *name, GElf_Shdr *ret);
Elf_Scn *elf_file_section_of_type(const struct elf_file *f, uint32_t type, GElf_Shdr *ret);
/* The bytes of a section, in libelf's memory until it is closed. NULL: larger than max, broken. */
Elf_Data *elf_section_data(Elf_Scn *section, size_t max);

/* A string of a section, which is read whole; NULL: there is none, or the section is too large. */
const char *elf_file_string(const struct elf_file *f, size_t section, size_t offset);

/* Of the PT_LOADs; *ret is the caller's to free. Their number, or a negative errno. */
int elf_file_segments(const struct elf_file *f, struct elf_segment **ret);
/* From the GNU build-id note. Its size; 0: there is none. */
uint32_t elf_file_build_id(const struct elf_file *f, uint8_t ret[BUILD_ID_MAX]);
/* A build-id in notes as they stand in /sys/kernel/notes too. Its size; 0: there is none. */
uint32_t elf_notes_build_id(const void *notes, size_t size, uint8_t ret[BUILD_ID_MAX]);
