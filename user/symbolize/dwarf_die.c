// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/dwarf_die.h"

#include <dwarf.h>
#include <errno.h>

#include "base/array.h"

/* As many as libdw's dwarf_attr_integrate() follows; also what ends a circle. */
enum { MAX_ORIGINS = 16 };

static void read_number(Dwarf_Attribute *a, uint64_t *ret)
{
	Dwarf_Word word;

	if (!dwarf_formudata(a, &word))
		*ret = word;
}

static int take_attribute(Dwarf_Attribute *a, void *ctx)
{
	struct die *d = ctx;

	switch (dwarf_whatattr(a)) {
	case DW_AT_low_pc:
		d->low = *a;
		break;
	case DW_AT_high_pc:
		d->high = *a;
		break;
	case DW_AT_ranges:
		d->ranges = *a;
		break;
	case DW_AT_abstract_origin:
		d->origin = *a;
		break;
	case DW_AT_specification:
		if (!d->origin.code)
			d->origin = *a;
		break;
	case DW_AT_stmt_list:
		d->statements = *a;
		break;
	case DW_AT_linkage_name:
	case DW_AT_MIPS_linkage_name:
		d->linkage_name = dwarf_formstring(a);
		break;
	case DW_AT_name:
		d->name = dwarf_formstring(a);
		break;
	case DW_AT_comp_dir:
		d->comp_dir = dwarf_formstring(a);
		break;
	case DW_AT_dwo_name:
	case DW_AT_GNU_dwo_name:
		d->dwo_name = dwarf_formstring(a);
		break;
	case DW_AT_call_file:
		read_number(a, &d->call_file);
		break;
	case DW_AT_call_line:
		read_number(a, &d->call_line);
		break;
	}
	return DWARF_CB_OK;
}

bool die_read(Dwarf_Die *at, struct die *ret)
{
	*ret = (struct die){ 0 };
	/*
	 * Only a pass that got past the last attribute has seen that a string which stands in
	 * the DIE itself ends before the unit does.
	 */
	return dwarf_getattrs(at, take_attribute, ret, 0) == 1;
}

static const char *find_name(Dwarf_Die *at, const struct die *die)
{
	const char *name = die->name;
	struct die next = *die;
	Dwarf_Die origin = *at;

	for (int i = 0; i < MAX_ORIGINS; i++) {
		Dwarf_Attribute attribute = next.origin;

		if (next.linkage_name)
			return next.linkage_name;
		if (!name)
			name = next.name;
		if (!attribute.code || !dwarf_formref_die(&attribute, &origin) ||
		    !die_read(&origin, &next))
			break;
	}
	return name;
}

int die_names_add(struct die_names *n, Dwarf_Die *at, const struct die *die, uint32_t *ret_id)
{
	Dwarf_Attribute attribute = die->origin;
	Dwarf_Die origin;
	const void *key = at->addr;
	uint32_t id;
	int r;

	if (attribute.code && !die->linkage_name && !die->name &&
	    dwarf_formref_die(&attribute, &origin))
		key = origin.addr;
	/* Room first, so that no origin stands without its name. */
	if (array_reserve(n->names, n->cap, (size_t)n->nr + 1))
		return -ENOMEM;
	r = intern_add(&n->origins, &key, sizeof(key), &id);
	if (r < 0)
		return r;
	if (r) {
		n->names[id] = find_name(at, die);
		n->nr++;
	}
	*ret_id = id;
	return 0;
}

void die_names_done(struct die_names *n)
{
	intern_done(&n->origins);
	free(n->names);
	*n = (struct die_names){ 0 };
}

size_t die_names_memory(const struct die_names *n)
{
	return n->origins.memory + n->cap * sizeof(*n->names);
}
