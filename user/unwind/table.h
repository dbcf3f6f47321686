/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One ELF file's call-frame information, compiled for the walk: bpf/cfi.h has
 * the layout of a page's block. Everything here is relative to the table, so
 * that it can be kept on disk and put wherever there is room. Made by
 * compile.h, kept by cache.h. What a file says is enemy input: a table
 * that is returned is valid, whatever the file held.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "cfi.h"

/* How a file is best unwound where it has no rows. */
enum unwind_kind {
	UNWIND_TABLE,	      /* by rows */
	UNWIND_FRAME_POINTER, /* all its code keeps frame pointers, and nothing more is known of it:
				 Go. No pages */
	UNWIND_NOTHING,	      /* no rows at all: steps by frame pointers, on good luck. No pages */
};

/* A page's block: `words[begin]` up to `begin + size`, its index at `index`. */
struct unwind_block {
	uint32_t begin, size; /* words; size <= CFI_BLOCK_WORDS */
	uint32_t index;	      /* words from the start of `words` */
	uint32_t shift;
};

/* A segment of the file that is mapped executable, as PT_LOAD says it. Bytes. */
struct unwind_segment {
	uint64_t offset, address, size; /* in the file; p_vaddr; p_filesz */
};

struct unwind_table {
	enum unwind_kind kind;
	uint32_t machine;    /* e_machine */
	uint64_t first_page; /* address >> CFI_PAGE_SHIFT */
	uint32_t nr_pages, nr_blocks, nr_words, nr_segments;
	uint32_t *pages; /* numbers of blocks; block 0 is one gap, shared by pages without rows */
	struct unwind_block *blocks;
	uint32_t *words;
	struct unwind_segment *segments; /* executable ones, ascending */
	/* Of how it was made. */
	uint32_t nr_rows, nr_full, nr_fdes;
	uint32_t nr_bad; /* FDEs that could not be read, and rows that found no room */
};

void unwind_table_free(struct unwind_table *t);
DEFINE_CLEANUP(struct unwind_table, unwind_table_free)
/* Bytes of memory. */
size_t unwind_table_memory(const struct unwind_table *t);
/* The address (p_vaddr) at which a byte of the file is mapped executable. false: nowhere. */
bool unwind_table_address(const struct unwind_table *t, uint64_t file_offset, uint64_t *ret);
/* Does everything lie where it says, within the bounds that the walk relies on? */
bool unwind_table_is_valid(const struct unwind_table *t);

/* The 16-bit rule in force at an address, CFI_GAP outside; *ret_full where it is a full one. */
uint32_t unwind_table_rule(const struct unwind_table *t, uint64_t address,
			   struct cfi_rule *ret_full);
