/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * .eh_frame (LSB Core 5.0 §10.6, DWARF 5 §6.4) to a table. Found by PT_GNU_EH_FRAME where there
 * are no sections. Our own parser: every read is checked, all work is bounded by the file's size.
 */
#pragma once
#include "unwind/table.h"

/*
 * Compiles the ELF file that is open at `fd` (its offset is not used nor moved), or that lies in
 * memory (the vdso). A file with nothing to go by gives a table of another kind, not an error.
 * 0, -ENOEXEC (no 64-bit ELF of a machine that we walk), -EFBIG (too much for max_bytes of
 * memory; 0: no bound), -EIO or -ENOMEM.
 */
int unwind_compile(int fd, size_t max_bytes, struct unwind_table **ret);
int unwind_compile_memory(const void *elf, size_t size, size_t max_bytes,
			  struct unwind_table **ret);
