/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was probably meant: the known word nearest to one that nobody knows. */
#pragma once
#include <stddef.h>

struct nearest {
	const char *asked;
	size_t size;	  /* of `asked` */
	const char *best; /* NULL: nothing is near */
	unsigned distance;
};

void nearest_init(struct nearest *n, const char *asked, size_t size);
/*
 * Keeps `word` when it is nearer than all before it: at most two letters added,
 * dropped, changed or swapped, or `asked` is how it begins.
 */
void nearest_try(struct nearest *n, const char *word);
