/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The records of .eh_frame: LSB Core 5.0 §10.6. FDEs are listed in order of address (those of one
 * address in order of the file), with what lies outside executable segments cut off. A CIE is read
 * once, where it stands; an FDE names one that stands before it. So all work is linear in the
 * section's size, however its records refer to each other.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "unwind/cfa.h"
#include "unwind/elf_image.h"

struct eh_cie {
	uint32_t offset;
	uint8_t encoding;
	bool is_augmented; /* 'z': FDEs say the size of what they have beside their program */
	bool is_usable;	   /* else its FDEs' programs can't be run */
	bool has_ranges;   /* the encoding is known */
	struct cfa_common common;
};

struct eh_fde {
	uint64_t start, end;
	uint32_t program, size; /* bytes of the section */
	uint32_t cie;
};

struct eh_frame {
	uint8_t *bytes; /* the section, owned */
	size_t size;
	uint64_t address, data_address;
	struct eh_cie *cies;
	struct eh_fde *fdes;
	size_t nr_cies, nr_fdes;
	uint32_t nr_bad;
};

/*
 * Reads an image's .eh_frame, taking at most max_bytes of memory. 0 (and nr_fdes 0 where there is
 * none), -EFBIG, -EIO or -ENOMEM. Done with eh_frame_done() in any case.
 */
int eh_frame_read(struct eh_frame *f, const struct elf_image *image,
		  const struct unwind_machine *machine, size_t max_bytes);
void eh_frame_done(struct eh_frame *f);
size_t eh_frame_memory(const struct eh_frame *f);

/* Begins to run an FDE whose CIE is usable. */
void eh_frame_walk(const struct eh_frame *f, const struct eh_fde *fde, struct cfa_walk *w);
