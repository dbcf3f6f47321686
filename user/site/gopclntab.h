/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Go's table of functions (.gopclntab), which programs keep when they are stripped: where some
 * functions are. Layouts of Go 1.2, 1.16, 1.18 and 1.20, of 64 bits. Nobody vouches for it: it is
 * read in pieces, and no more of it than the file has. Source of the format: Go's runtime/symtab.go
 * (pcHeader), runtime/runtime2.go (_func) and debug/gosym.
 */
#pragma once
#include "runtime/image.h"

struct gopclntab_function {
	const char *name; /* "runtime.gcStart" */
	bool is_found;
	uint64_t entry;
};

enum { GOPCLNTAB_TEXTS = 3 };

struct gopclntab {
	struct image_section section; /* from its first byte on */
	/*
	 * What entries are to be added to, for addresses: that it may be, best first. The table
	 * says it, but may not be relocated yet, and does not at all from Go 1.26 on.
	 */
	uint64_t texts[GOPCLNTAB_TEXTS];
	size_t nr_texts;
	/* The rest is its own. */
	uint64_t nr_functions, functions, names, names_size, bases;
	uint32_t field; /* bytes of an entry's numbers: 4, 8 */
};

/* 1: *ret is a table; 0: there is none that can be read. */
int gopclntab_open(const struct image *im, struct gopclntab *ret);

/* Fills entries in. The number found, or -ENOMEM. */
int gopclntab_find(const struct image *im, const struct gopclntab *t,
		   struct gopclntab_function *wanted, size_t nr);
