/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One compile unit of an open file: what it covers, and its tables once it was asked for. */
#pragma once
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/intern.h"
#include "symbolize/dwarf_flatten.h"
#include "symbolize/dwarf_image.h"
#include "symbolize/dwarf_lines.h"

/* All that the units of a file share. */
struct unit_context {
	const struct dwarf_image *image;
	struct code_bounds code;
	struct budget budget;
	struct die_names names;
	struct intern paths;
};

struct unit {
	struct flat flat;
	struct line_table lines;
	struct line_table split_files; /* of a .dwo file that has its own; files only */
	const char *comp_dir;
};

/* Flattens. 0, or -ENOMEM; what is broken is just not there. */
int unit_read(struct unit **ret, Dwarf_CU *cu, struct unit_context *ctx);
void unit_free(struct unit *u);
size_t unit_memory(const struct unit *u);
/* The path of a file of a row (in_call: of a call), or NULL; lives as long as `ctx`. */
const char *unit_path(struct unit *u, struct unit_context *ctx, uint32_t file, bool in_call);
