/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The symbols of functions in all tables that belong to an ELF file, one by one. */
#pragma once
#include "symbolize/elffile.h"
#include "symbolize/functions.h"

struct function_symbol {
	const char *name; /* without version; good during the call */
	size_t name_size;
	uint64_t address, offset, size;
	uint32_t rank; /* how good a name it is among those of its address: the most is best */
	bool is_indirect;
};

/* A negative return ends it and is passed on. */
typedef int (*function_symbol_fn)(void *ctx, const struct function_symbol *s);

/* Of q: fd and path. Fills what *ret says of the file itself. 0 or as functions_find(). */
int functions_each(const struct functions_query *q, struct functions *ret, function_symbol_fn fn,
		   void *ctx);
