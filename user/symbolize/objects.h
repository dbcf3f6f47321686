/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The objects of a capture, each opened when one of its addresses is first
 * asked for, two of the same build-id and layout as one. Keeps the memory of
 * all tables together under its bound: DWARF goes first, then symbol tables.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "symbolize/resolver.h"

/* What is open behind one or more objects of the capture. */
struct opened {
	const struct resolver *resolver;
	void *state; /* NULL: has no names */
	struct resolved_object about;
	size_t memory;
	unsigned dropped; /* 1 << enum resolver_detail */
};

struct objects {
	const struct capture *capture;
	struct symbolizer_settings settings;
	struct opened *opened;
	size_t nr, cap;
	uint32_t *by_object; /* index in opened + 1; 0: not yet tried */
	size_t nr_by_object, cap_by_object;
	size_t memory; /* sum of opened[].memory */
};

void objects_done(struct objects *o);
/* Opens the object if it must. 0 or -ENOMEM; an object that can't be opened has no state. */
int objects_open(struct objects *o, uint32_t object, struct opened **ret);
/* As a resolver does it; 0 without a state. Strings live until the next call of any of these. */
size_t objects_resolve(struct objects *o, struct opened *opened, uint64_t offset,
		       uint64_t *ret_address, struct symbol *ret_symbols, size_t max);
/* Drops details, those of the largest object first, until memory is under its bound. */
void objects_limit(struct objects *o);
