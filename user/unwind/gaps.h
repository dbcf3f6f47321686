/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Code that no FDE covers. Signal trampolines of libraries without CFI (musl) stand there; they
 * are known by their exact bytes. At most GAPS_MAX_TEXT bytes of a file's code are read for that.
 */
#pragma once
#include "unwind/elf_image.h"
#include "unwind/rule.h"

enum { GAPS_MAX_TEXT = 16 << 20, GAPS_WINDOW = 64 << 10 };

struct gaps {
	const struct elf_image *image;
	const struct unwind_machine *machine;
	size_t left;	 /* bytes that may still be read */
	uint64_t offset; /* in the file, of the window */
	size_t size;
	uint8_t window[GAPS_WINDOW];
};

void gaps_init(struct gaps *g, const struct elf_image *image, const struct unwind_machine *machine);
/* The first trampoline that lies whole in [begin, end), which lies in one executable segment.
 * false: none. */
bool gaps_next_trampoline(struct gaps *g, const struct unwind_segment *segment, uint64_t begin,
			  uint64_t end, uint64_t *ret);
