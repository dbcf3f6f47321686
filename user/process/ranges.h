/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The executable ranges of an address space: sorted, never overlapping,
 * neighbours of one file joined where file and memory run on. Address spaces
 * share an array (fork) until one of them changes it. NULL is an empty array.
 * All arrays of a tracker together stay within one budget.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RANGES_MAX = 65536 };

struct range {
	uint64_t start, end;
	uint64_t offset; /* at start: of the file, or what the file's kind says */
	uint32_t file;	 /* id of the tracker's table of files */
	uint32_t pad;
};

struct ranges {
	uint32_t refs, nr, cap;
	uint32_t mark; /* the tracker's, while it renumbers files */
	struct range r[];
};

struct ranges_budget {
	size_t used, max; /* bytes */
};

struct ranges *ranges_share(struct ranges *r);
void ranges_drop(struct ranges *r, struct ranges_budget *b);
/*
 * Puts a range in; what lay there before is cut away. The number of entries that had to be
 * moved for it, -ENOSPC (RANGES_MAX or the budget is reached) or -ENOMEM.
 */
int ranges_insert(struct ranges **r, const struct range *new, struct ranges_budget *b);
/*
 * Puts many in, sorted and not overlapping. `replace`: they cut away what lay there; else they
 * only fill what was empty. 1: something changed, 0: all was known, or as above.
 */
int ranges_overlay(struct ranges **r, const struct range *new, uint32_t nr, bool replace,
		   struct ranges_budget *b);
enum ranges_effect {
	RANGES_KNOWN,	 /* it is there already */
	RANGES_ADDED,	 /* nothing else lies there */
	RANGES_REPLACED, /* something else does */
};

/* What putting a range in would do. */
enum ranges_effect ranges_effect(const struct ranges *r, const struct range *new);
/* The range with `address`, or NULL. `hint` is where to look first; it is kept up. */
const struct range *ranges_find(const struct ranges *r, uint64_t address, uint32_t *hint);
/* Appends to a sorted array that is being made, joining; `nr` of at least one more entry's room. */
void range_append(struct range *to, uint32_t *nr, const struct range *new);
