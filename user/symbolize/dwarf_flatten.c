// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/dwarf_flatten.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"

enum {
	MAX_DEPTH = 1024, /* of DIEs in DIEs; compilers make some dozens */
	CHECK_EVERY = 16, /* DIEs; one can be as large as .debug_abbrev */
	NR_ABBREVIATIONS = 512,
};

/* What the children of a DIE are to it. */
struct level {
	uint32_t node; /* they are inlined into this; NODE_NONE: no function here */
	bool skip;     /* stepped through to find their end only */
	bool discarded;
};

struct walk {
	struct flat *flat;
	struct ranges ranges;
	uint32_t cap_nodes;
	const struct code_bounds *code;
	struct die_names *names;
	const struct budget *budget;
	const uint8_t *end; /* of the unit */
	size_t depth;
	struct level levels[MAX_DEPTH];
	Dwarf_Abbrev *abbreviations[NR_ABBREVIATIONS]; /* by code */
};

static int range_add(struct ranges *r, uint64_t start, uint64_t end, const struct code_bounds *code,
		     uint32_t owner)
{
	if (start < code->start || end > code->end || start >= end)
		return 0;
	if (array_reserve(r->all, r->cap, r->nr + 1))
		return -ENOMEM;
	r->all[r->nr++] = (struct range){ start, end, owner };
	return 1;
}

int ranges_add(struct ranges *r, Dwarf_Die *at, const struct die *die,
	       const struct code_bounds *code, uint32_t owner, const struct budget *budget)
{
	Dwarf_Attribute low_at = die->low, high_at = die->high;
	Dwarf_Addr base, low, high;
	Dwarf_Word size;
	ptrdiff_t next = 0;
	size_t steps = 0;
	int nr = 0, added;

	if (die->low.code && die->high.code) {
		if (dwarf_formaddr(&low_at, &low))
			return 0;
		if (dwarf_formaddr(&high_at, &high)) {
			if (dwarf_formudata(&high_at, &size))
				return 0;
			high = low + size;
		}
		return range_add(r, low, high, code, owner);
	}
	if (!die->ranges.code)
		return 0;
	while ((next = dwarf_ranges(at, next, &base, &low, &high)) > 0) {
		added = range_add(r, low, high, code, owner);
		if (added < 0)
			return added;
		nr += added;
		/* Every DIE may name one long list. */
		if (++steps % CHECK_EVERY == 0 && budget_spent(budget))
			break;
	}
	return nr;
}

/* A function or an inlined call; *level as in visit(). 0 or -ENOMEM. */
static int visit_function(struct walk *w, Dwarf_Die *at, const struct die *die, bool inlined,
			  struct level *level)
{
	struct flat *f = w->flat;
	uint32_t id = f->nr_nodes;
	struct node node = { .parent = inlined ? level->node : NODE_NONE,
			     .call_file = (uint32_t)die->call_file,
			     .call_line = (uint32_t)die->call_line };
	int r;

	if (!inlined)
		*level = (struct level){ .node = NODE_NONE };
	if (level->discarded || id == NODE_NONE)
		return 0;
	r = ranges_add(&w->ranges, at, die, w->code, id, w->budget);
	if (r < 0)
		return r;
	if (!r) {
		/* The linker left this function out, and what is inlined into it. */
		if (!inlined && (die->low.code || die->ranges.code))
			level->discarded = true;
		return 0;
	}
	r = die_names_add(w->names, at, die, &node.name);
	if (r)
		return r;
	if (array_reserve(f->nodes, w->cap_nodes, (size_t)id + 1))
		return -ENOMEM;
	f->nodes[f->nr_nodes++] = node;
	level->node = id;
	return 0;
}

/* What stands in code as a block or a name does, and can hold functions. */
static bool is_scope(int tag)
{
	switch (tag) {
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
	case DW_TAG_enumeration_type:
		return true;
	}
	return false;
}

/*
 * The tag. libdw looks the abbreviation of each new DIE up under a lock, which takes a third of
 * the time of a walk; where it comes filled in, libdw takes it as it is.
 */
static int tag_of(struct walk *w, Dwarf_Die *at)
{
	const uint8_t *p = at->addr;
	unsigned code;
	int tag;

	if (p >= w->end)
		return DW_TAG_invalid;
	code = *p & 0x7f;
	if (*p & 0x80)
		code |= p + 1 < w->end && p[1] < 4 ? (unsigned)p[1] << 7 : NR_ABBREVIATIONS;
	if (code >= NR_ABBREVIATIONS)
		return dwarf_tag(at);
	if (w->abbreviations[code])
		at->abbrev = w->abbreviations[code];
	tag = dwarf_tag(at);
	if (tag != DW_TAG_invalid)
		w->abbreviations[code] = at->abbrev;
	return tag;
}

/*
 * Reads one DIE; *level is its parent's and becomes its children's. 1: its children are to be
 * visited, 0: to be stepped over, -EBADMSG: it is broken, -ENOMEM.
 */
static int visit(struct walk *w, Dwarf_Die *at, struct level *level)
{
	struct die die;
	int tag = tag_of(w, at), r;

	if (tag == DW_TAG_invalid)
		return -EBADMSG;
	if (!level->skip && (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine)) {
		if (!die_read(at, &die))
			return -EBADMSG;
		r = visit_function(w, at, &die, tag == DW_TAG_inlined_subroutine, level);
		return r ? r : 1;
	}
	if (!level->skip && is_scope(tag))
		return 1;
	level->skip = true;
	/* libdw would step through the children as well, but outside of our budget. */
	return dwarf_haschildren(at) > 0 && !dwarf_hasattr(at, DW_AT_sibling);
}

/*
 * The DIE after `at` and after its children, on its level or, where that one ends, on the levels
 * above. false: that was the last. libdw leaves the result at the zero byte that ends a level;
 * asking it for the parent's sibling instead would step through all of the children again, on
 * every level.
 */
static bool advance(struct walk *w, Dwarf_Die *at)
{
	Dwarf_Die next = *at;
	const uint8_t *p;
	int r = dwarf_siblingof(at, &next);

	/* Always onwards, so that the walk ends. */
	if (r < 0 || (uint8_t *)next.addr <= (uint8_t *)at->addr)
		return false;
	if (!r) {
		*at = next;
		return (uint8_t *)next.addr < w->end;
	}
	for (p = next.addr; p < w->end && !*p; p++)
		if (!w->depth--)
			return false;
	if (p >= w->end)
		return false;
	*at = (Dwarf_Die){ .addr = (void *)p, .cu = at->cu };
	return true;
}

static int walk(struct walk *w, Dwarf_Die *unit_die)
{
	Dwarf_Die at, child;

	if (dwarf_child(unit_die, &at))
		return 0;
	w->levels[0] = (struct level){ .node = NODE_NONE };
	for (size_t steps = 1;; steps++) {
		struct level level = w->levels[w->depth];
		int r = visit(w, &at, &level);

		if (r < 0)
			return r == -EBADMSG ? 0 : r;
		if (steps % CHECK_EVERY == 0 && budget_spent(w->budget))
			return -ETIME;
		if (r && !dwarf_child(&at, &child)) {
			if (w->depth + 1 == MAX_DEPTH)
				return 0;
			w->levels[++w->depth] = level;
			at = child;
		} else if (!advance(w, &at)) {
			return 0;
		}
	}
}

/* Where the unit's bytes end in memory; NULL: its header can't be read. */
static const uint8_t *unit_end(Dwarf_Die *unit_die)
{
	Dwarf_Off at = dwarf_dieoffset(unit_die), next;
	size_t header;
	Dwarf_Half version;

	if (dwarf_next_unit(dwarf_cu_getdwarf(unit_die->cu), at - dwarf_cuoffset(unit_die), &next,
			    &header, &version, NULL, NULL, NULL, NULL, NULL))
		return NULL;
	return (const uint8_t *)unit_die->addr + (next - at);
}

int flatten_unit(struct flat *f, Dwarf_Die *unit_die, const struct code_bounds *code,
		 struct die_names *names, const struct budget *budget)
{
	_cleanup_free_ struct walk *w = calloc(1, sizeof(*w));
	struct node *fit;
	int r = 0, painted;

	*f = (struct flat){ 0 };
	if (!w)
		return -ENOMEM;
	w->flat = f;
	w->code = code;
	w->names = names;
	w->budget = budget;
	w->end = unit_end(unit_die);
	if (w->end)
		r = walk(w, unit_die);
	painted = r == -ENOMEM ? r : segments_paint(&f->segments, w->ranges.all, w->ranges.nr);
	free(w->ranges.all);
	if (painted) {
		flat_done(f);
		return painted;
	}
	fit = f->nr_nodes ? reallocarray(f->nodes, f->nr_nodes, sizeof(*f->nodes)) : NULL;
	if (fit)
		f->nodes = fit;
	return r;
}

void flat_done(struct flat *f)
{
	segments_done(&f->segments);
	free(f->nodes);
	*f = (struct flat){ 0 };
}

size_t flat_memory(const struct flat *f)
{
	return f->segments.nr * sizeof(*f->segments.all) + f->nr_nodes * sizeof(*f->nodes);
}
