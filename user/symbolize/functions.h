/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Functions of an ELF file that patterns name, and where in the file they begin: from .symtab
 * (or that of its debug file), .dynsym and .gnu_debugdata. One address is one function, under the
 * name that others link to. Not taken: parts that the compiler split off (.cold), linkage stubs,
 * and indirect functions (IFUNC), whose symbol is the code that chooses one of several when a
 * program starts. Tables are read in bounded pieces, names for a bounded time.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "symbolize/function_pattern.h"

struct function {
	uint64_t address, offset; /* of the file: its own address, and place */
	uint64_t size;		  /* bytes; 0: the file does not say */
	char *name;		  /* as the file has it, but for its version: demangle.h */
};

struct functions {
	struct function *all; /* by address */
	size_t nr;
	size_t nr_matched;  /* functions that a pattern names; `all` has them if not too many */
	size_t nr_indirect; /* symbols of indirect functions that one names */
	size_t nr_known;    /* symbols of functions at all */
	bool exported_only; /* there is no table but .dynsym */
	bool is_go;
	bool has_exceptions; /* C++, Rust: one may pass its functions on its way up */
};

#define FUNCTIONS_INIT \
	{              \
		0      \
	}

struct functions_query {
	int fd;		  /* of the file; stays the caller's */
	const char *path; /* of the file, where its debug file may be found by it */
	const struct function_pattern *patterns;
	size_t nr_patterns;
	size_t max;	      /* functions */
	uint64_t max_time_ns; /* CPU time that it may take; 0: 3 seconds */
};

/*
 * 0; -E2BIG: more than max, nr_matched says how many; -ENOEXEC: no program or library;
 * -ENOTSUP: one of 32 bits; -ETIME: its names are too much to read; -ENOMEM, -EIO.
 */
int functions_find(struct functions *ret, const struct functions_query *q);
void functions_done(struct functions *f);
/*
 * Adds up to three names that are near to the first pattern, "malloc, mallopt", as people would
 * write them. Their number, or as functions_find().
 */
int functions_near(const struct functions_query *q, struct strbuf *out);
