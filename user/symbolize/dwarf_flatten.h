/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One unit's functions and inlined calls: the tree of DIEs, walked once in
 * its own order, becomes nodes that know their parent, and segments that say
 * which node an address belongs to.
 */
#pragma once
#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolize/dwarf_budget.h"
#include "symbolize/dwarf_die.h"
#include "symbolize/dwarf_segments.h"

enum { NODE_NONE = UINT32_MAX };

struct node {
	uint32_t parent;	       /* into what it was inlined; NODE_NONE: a function */
	uint32_t name;		       /* of die_names */
	uint32_t call_file, call_line; /* where; the file as the unit's line table has it */
};

/* Where code can lie. */
struct code_bounds {
	uint64_t start, end;
};

struct flat {
	struct segments segments; /* owners are nodes */
	struct node *nodes;
	uint32_t nr_nodes;
};

/*
 * Flattens the unit of `unit_die`. What stands before a broken place is kept. 0; -ETIME: the
 * budget is spent, what was found is kept; -ENOMEM.
 */
int flatten_unit(struct flat *f, Dwarf_Die *unit_die, const struct code_bounds *code,
		 struct die_names *names, const struct budget *budget);
void flat_done(struct flat *f);
size_t flat_memory(const struct flat *f);

struct ranges {
	struct range *all;
	size_t nr, cap;
};

/*
 * Adds the code of one DIE: its ranges, or low to high; what lies outside of `code` was
 * discarded by the linker. The number of ranges added, or -ENOMEM.
 */
int ranges_add(struct ranges *r, Dwarf_Die *at, const struct die *die,
	       const struct code_bounds *code, uint32_t owner, const struct budget *budget);
