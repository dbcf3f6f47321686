/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writes a table's pages, one after the other, from rules in order of address; the layout is
 * bpf/cfi.h's. What finds no room in a page (rows, or full rules) becomes CFI_BROKEN and is
 * counted.
 */
#pragma once
#include "unwind/table.h"

struct block_writer;

/* Adds to an empty table, which may take up to max_bytes. */
int block_writer_new(struct block_writer **ret, struct unwind_table *t, size_t max_bytes);
void block_writer_free(struct block_writer *w);
DEFINE_CLEANUP(struct block_writer, block_writer_free)
/*
 * From `address` on, which is above the last one's, a rule is in force; *full for CFI_FULL.
 * 0, -EFBIG or -ENOMEM.
 */
int block_writer_set(struct block_writer *w, uint64_t address, uint32_t rule,
		     const struct cfi_rule *full);
/* Writes the last page, and gives back what was reserved. */
int block_writer_finish(struct block_writer *w);
