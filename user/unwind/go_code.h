/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where frame pointers are not all there is to know of Go's code: the calls by which its runtime
 * goes over to another stack (go_stacks.c), and where functions begin, before they have a frame.
 * Both are proven by the code itself; what does not match to the byte is not found. x86-64 only.
 * Source: the assembly in Go's runtime and runtime/cgo, and what its compiler writes, of 1.19, 1.21
 * to 1.24, 1.26 and 1.27.
 */
#pragma once
#include "unwind/elf_image.h"

enum {
	GO_MAX_TEXT = 256 << 20, /* read of a file */
	GO_MAX_ROWS = 1 << 19,
	GO_MAX_FULL = 8,
};

struct go_row {
	uint64_t begin; /* addresses in which the rule is in force, and their number */
	uint32_t size, rule;
	uint32_t full; /* number, of CFI_FULL */
};

struct go_code {
	struct go_row *rows; /* ascending; they may overlap */
	size_t nr, capacity;
	uint32_t nr_full;
	struct cfi_rule full[GO_MAX_FULL];
};

/* A part of the code. */
struct go_window {
	const uint8_t *bytes;
	size_t size;
	uint64_t address;
};

/* Reads the code in one executable segment. 0 or -ENOMEM. Closed with go_code_done() in any case.
 */
int go_code_read(const struct elf_image *image, const struct unwind_segment *code,
		 struct go_code *ret);
void go_code_done(struct go_code *g);

int go_code_add(struct go_code *g, const struct go_row *row);

enum {
	GO_STACKS_REACH = 1024, /* bytes, before a call and behind it, that are looked at */
	/* All stand in the runtime's own few files, which are linked together, and among the first.
	 */
	GO_STACKS_NEAR = 4 << 20,
	GO_STACKS_MAX_TEXT = 16 << 20,
};
/* Adds the calls to which a part returns. 0 or -ENOMEM. */
int go_stacks_search(const struct go_window *w, struct go_code *ret);
