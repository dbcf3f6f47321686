/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A unit's line table (DWARF 5, 6.2; versions 2 to 5) as sorted rows. Not
 * libdw's: that one mixes the sequences of one table before they can be told
 * apart, so that code which the linker discarded leaves rows amid real code,
 * and it keeps four times the memory until the file is closed. File names
 * point into the image's sections, which outlive this.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "symbolize/dwarf_budget.h"
#include "symbolize/dwarf_image.h"

enum { LINE_NO_FILE = UINT32_MAX };

/* From `address` up to the next row's. */
struct line_row {
	uint64_t address;
	uint32_t file; /* as the table numbers files; LINE_NO_FILE: no code of this table */
	uint32_t line;
};

struct line_file {
	const char *name;
	uint32_t dir;
	uint32_t path; /* free for the owner; starts as UINT32_MAX */
};

struct line_table {
	struct line_row *rows;
	size_t nr_rows, cap_rows;
	struct line_file *files;
	size_t nr_files, cap_files;
	const char **dirs;
	size_t nr_dirs, cap_dirs;
	uint16_t version;
};

/* What a table is read from. */
struct line_source {
	struct span line, line_str, str;
	uint64_t code_start, code_end; /* sequences that begin outside are left out */
};

/*
 * Reads the table at `offset`. 0; -EBADMSG: it can't be read at all; -ETIME, -ENOMEM. A
 * table that breaks off keeps the sequences that were whole.
 */
int line_table_read(struct line_table *t, const struct line_source *s, uint64_t offset,
		    const struct budget *budget);
void line_table_done(struct line_table *t);
size_t line_table_memory(const struct line_table *t);
/* The row that holds an address, or NULL. */
const struct line_row *line_table_find(const struct line_table *t, uint64_t address);
/* Appends a file's path, below comp_dir (may be NULL) where it is relative; false: no such file. */
bool line_table_path(const struct line_table *t, uint32_t file, const char *comp_dir,
		     struct strbuf *into);
