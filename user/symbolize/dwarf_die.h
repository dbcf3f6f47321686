/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The attributes that we need of a DIE, read in one pass over it, and its
 * name, which may stand in another DIE or another unit. Names are looked up
 * once for each origin, since a function is inlined many times.
 */
#pragma once
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/intern.h"

struct die {
	Dwarf_Attribute low, high, ranges; /* .code is 0 where there is none */
	Dwarf_Attribute origin;		   /* DW_AT_abstract_origin, else DW_AT_specification */
	Dwarf_Attribute statements;	   /* DW_AT_stmt_list */
	const char *linkage_name, *name, *comp_dir, *dwo_name;
	uint64_t call_file, call_line;
};

/* false: the DIE is broken, and so is all that follows in its unit. */
bool die_read(Dwarf_Die *at, struct die *ret);

struct die_names {
	struct intern origins; /* addresses of DIEs; the ids are those of `names` */
	const char **names;
	uint32_t nr, cap;
};

/* Finds or adds the name of `at`, whose attributes are `die`. 0 or -ENOMEM. */
int die_names_add(struct die_names *n, Dwarf_Die *at, const struct die *die, uint32_t *ret_id);
void die_names_done(struct die_names *n);
size_t die_names_memory(const struct die_names *n);
