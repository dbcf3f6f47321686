// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where only the line is known (a unit in assembler, a missing .dwo file) the one symbol has
 * no name. An address that no unit claims may still be in one that doesn't say what it covers:
 * those are flattened when the first such address comes.
 */
#include "symbolize/dwarf.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "symbolize/dwarf_other.h"
#include "symbolize/dwarf_unit.h"

enum {
	/* What libdw itself keeps, measured: for a file, a unit, and one that was flattened. */
	LIBDW_FILE = 48 << 10,
	LIBDW_UNIT = 4800,
	LIBDW_ABBREVIATIONS = 8 << 10,
	/* Honest files take a thirtieth of this for each byte of debug information. */
	BUDGET_BASE_NS = 1000000000,
	BUDGET_BYTE_NS = 200,
};

enum unit_state { UNIT_UNREAD, UNIT_READ, UNIT_LEFT_OUT };

struct slot {
	Dwarf_CU *cu;
	struct unit *unit; /* when it is UNIT_READ */
	enum unit_state state;
	bool rangeless; /* does not say what it covers */
};

struct dwarf {
	struct dwarf_image image;
	struct alternate alternate;
	Dwarf *dwarf;
	struct unit_context ctx;
	struct slot *slots;
	uint32_t nr_slots, cap_slots;
	struct ranges ranges;	 /* of all units, kept until the rangeless ones are known */
	struct segments covered; /* owners are slots */
	size_t nr_rangeless;
	size_t max_memory, tables; /* bytes of the units that were read */
	bool limited;
};

size_t dwarf_memory(const struct dwarf *d)
{
	return sizeof(*d) + LIBDW_FILE + d->image.memory + d->alternate.image.memory + d->tables +
	       d->cap_slots * sizeof(*d->slots) + (size_t)d->nr_slots * LIBDW_UNIT +
	       d->covered.nr * sizeof(*d->covered.all) + d->ranges.cap * sizeof(*d->ranges.all) +
	       die_names_memory(&d->ctx.names) + d->ctx.paths.memory;
}

bool dwarf_limited(const struct dwarf *d)
{
	return d->limited;
}

static bool over_limit(struct dwarf *d)
{
	bool over = d->max_memory && dwarf_memory(d) > d->max_memory;

	d->limited |= over;
	return over;
}

static int slot_add(struct dwarf *d, Dwarf_CU *cu, Dwarf_Die *at)
{
	struct slot slot = { .cu = cu };
	struct die die;
	int tag = dwarf_tag(at), r;

	/* Partial and type units hold what others refer to, no code. */
	if (tag != DW_TAG_compile_unit && tag != DW_TAG_skeleton_unit)
		return 0;
	if (!die_read(at, &die))
		return 0;
	if (array_reserve(d->slots, d->cap_slots, (size_t)d->nr_slots + 1))
		return -ENOMEM;
	r = ranges_add(&d->ranges, at, &die, &d->ctx.code, d->nr_slots, &d->ctx.budget);
	if (r < 0)
		return r;
	slot.rangeless = !r;
	d->nr_rangeless += slot.rangeless;
	d->slots[d->nr_slots++] = slot;
	return 0;
}

static int list_units(struct dwarf *d)
{
	Dwarf_CU *cu = NULL;
	int r = 0;

	budget_begin(&d->ctx.budget);
	while (!r) {
		Dwarf_Die at;

		/* A unit whose header is broken hides those behind it: nothing says where they are.
		 */
		if (dwarf_get_units(d->dwarf, cu, &cu, NULL, NULL, &at, NULL))
			break;
		if (d->nr_slots == SEGMENT_NONE || over_limit(d) || budget_spent(&d->ctx.budget))
			break;
		r = slot_add(d, cu, &at);
	}
	budget_end(&d->ctx.budget);
	return r ? r : segments_paint(&d->covered, d->ranges.all, d->ranges.nr);
}

int dwarf_open(struct dwarf **ret, int fd, size_t max_memory)
{
	struct dwarf *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->max_memory = max_memory;
	r = dwarf_image_open(&d->image, fd, max_memory);
	if (r == -E2BIG) {
		d->limited = true;
		*ret = d;
		return 0;
	}
	if (r) {
		free(d);
		return r;
	}
	d->ctx.image = &d->image;
	d->ctx.code = (struct code_bounds){ d->image.code_start, d->image.code_end };
	d->ctx.budget.left_ns = BUDGET_BASE_NS + d->image.debug_size * BUDGET_BYTE_NS;
	/* Addresses of an object that is to be linked still mean nothing. */
	if (!d->image.is_object)
		d->dwarf = dwarf_begin_elf(d->image.elf, DWARF_C_READ, NULL);
	if (d->dwarf) {
		/* What is left; never 0, which would be no bound. */
		alternate_open(&d->alternate, &d->image, d->dwarf, fd,
			       max_memory ? max_memory - d->image.memory + 1 : 0);
		r = list_units(d);
	} else {
		r = -ENODATA;
	}
	if (r) {
		dwarf_close(d);
		return r;
	}
	*ret = d;
	return 0;
}

void dwarf_close(struct dwarf *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; i < d->nr_slots; i++)
		unit_free(d->slots[i].unit);
	free(d->slots);
	free(d->ranges.all);
	segments_done(&d->covered);
	die_names_done(&d->ctx.names);
	intern_done(&d->ctx.paths);
	if (d->dwarf)
		dwarf_end(d->dwarf);
	alternate_close(&d->alternate);
	dwarf_image_close(&d->image);
	free(d);
}

/* The unit with its tables; NULL when it can't be had. */
static struct unit *slot_read(struct dwarf *d, struct slot *slot)
{
	size_t memory;

	if (slot->state != UNIT_UNREAD)
		return slot->unit;
	slot->state = UNIT_LEFT_OUT;
	if (over_limit(d) || unit_read(&slot->unit, slot->cu, &d->ctx))
		return NULL;
	memory = unit_memory(slot->unit) + LIBDW_ABBREVIATIONS;
	d->tables += memory;
	if (over_limit(d)) {
		d->tables -= memory;
		unit_free(slot->unit);
		slot->unit = NULL;
		return NULL;
	}
	slot->state = UNIT_READ;
	return slot->unit;
}

/* Flattens the units that don't say what they cover, and adds what they do. */
static void learn_rangeless(struct dwarf *d)
{
	struct segments covered;

	for (uint32_t i = 0; d->nr_rangeless && i < d->nr_slots; i++) {
		struct slot *slot = &d->slots[i];
		struct unit *unit = slot->rangeless ? slot_read(d, slot) : NULL;

		for (size_t n = 0; unit && n + 1 < unit->flat.segments.nr; n++) {
			const struct segment *s = &unit->flat.segments.all[n];

			if (s->owner == NODE_NONE)
				continue;
			if (array_reserve(d->ranges.all, d->ranges.cap, d->ranges.nr + 1))
				break;
			d->ranges.all[d->ranges.nr++] = (struct range){ s[0].start, s[1].start, i };
		}
	}
	d->nr_rangeless = 0;
	if (!segments_paint(&covered, d->ranges.all, d->ranges.nr)) {
		segments_done(&d->covered);
		d->covered = covered;
	}
	free(d->ranges.all);
	d->ranges = (struct ranges){ 0 };
}

static size_t fill(struct dwarf *d, struct unit *u, uint64_t address, struct symbol *ret,
		   size_t max)
{
	const struct line_row *row = line_table_find(&u->lines, address);
	uint32_t id = segments_find(&u->flat.segments, address);
	struct symbol symbol = { .kind = FRAME_NATIVE };
	size_t nr = 0;

	if (row) {
		symbol.file = unit_path(u, &d->ctx, row->file, false);
		symbol.line = row->line;
	}
	if (id == NODE_NONE && row)
		ret[nr++] = symbol;
	/* A node's parent was made before it, so this ends. */
	while (id != NODE_NONE) {
		const struct node *node = &u->flat.nodes[id];

		id = node->parent;
		symbol.name = d->ctx.names.names[node->name];
		symbol.kind = id == NODE_NONE ? FRAME_NATIVE : FRAME_INLINED;
		/* The function that was compiled always has a place, whatever is left out. */
		ret[nr] = symbol;
		if (nr + 1 < max)
			nr++;
		else if (id == NODE_NONE)
			nr = max;
		symbol.file = unit_path(u, &d->ctx, node->call_file, true);
		symbol.line = node->call_line;
	}
	return nr;
}

size_t dwarf_resolve(struct dwarf *d, uint64_t address, struct symbol *ret_symbols, size_t max)
{
	uint32_t id = segments_find(&d->covered, address);
	struct unit *unit;

	if (id == SEGMENT_NONE && d->nr_rangeless && address >= d->ctx.code.start &&
	    address < d->ctx.code.end) {
		learn_rangeless(d);
		id = segments_find(&d->covered, address);
	}
	if (id == SEGMENT_NONE || !max)
		return 0;
	unit = slot_read(d, &d->slots[id]);
	return unit ? fill(d, unit, address, ret_symbols, max) : 0;
}
