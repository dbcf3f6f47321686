/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What unwinding needs of an ELF file: where code is, where .eh_frame is, whether Go made it.
 * Files are read with pread into memory of our own: a mapped file that somebody cuts short would
 * kill us. Source of the format: the System V gABI, elf(5).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind/table.h"

struct elf_image {
	int fd; /* -1: in memory. The caller's, both */
	const uint8_t *memory;
	uint64_t size;
	uint32_t machine;
	/* Executable segments, ascending, not overlapping, within the file; owned. */
	struct unwind_segment *text;
	uint32_t nr_text;
	/* All executable sections lie between; all addresses do if there are no sections. */
	uint64_t code_begin, code_end;
	struct unwind_segment eh_frame; /* size 0: there is none */
	bool is_exact;			/* that size is the section's, not only a bound */
	uint64_t nr_fdes;		/* that .eh_frame_hdr speaks of; 0: not known */
	uint64_t data_address;		/* of .eh_frame_hdr */
	bool is_go;
};

/* 0, -ENOEXEC, -EIO or -ENOMEM. Closed with elf_image_done() in any case. */
int elf_image_open(struct elf_image *image, int fd);
int elf_image_open_memory(struct elf_image *image, const void *bytes, size_t size);
void elf_image_done(struct elf_image *image);

/* Copies bytes of the file. 0; -EIO: they are not there (any more). */
int elf_image_read(const struct elf_image *image, uint64_t offset, void *ret, size_t size);
/* The executable segment that an address lies in, or the first behind it, by number; nr_text:
 * none. */
uint32_t elf_image_text_at(const struct elf_image *image, uint64_t address);
