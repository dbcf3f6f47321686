/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The header of a line table: how its program is coded, and its folders and files. */
#pragma once
#include <stdint.h>

#include "symbolize/dwarf_cursor.h"
#include "symbolize/dwarf_lines.h"

struct line_header {
	uint8_t min_instruction, line_range, opcode_base;
	int8_t line_base;
	const uint8_t *opcode_lengths; /* of opcode 1, 2 … opcode_base - 1 */
};

/*
 * Fills `t`'s folders, files and version; `c` is left at the program's first byte, its end at
 * the table's. 0, -EBADMSG or -ENOMEM.
 */
int line_header_read(struct line_header *h, struct line_table *t, const struct line_source *s,
		     struct cursor *c);
int line_file_add(struct line_table *t, const char *name, uint64_t dir);
