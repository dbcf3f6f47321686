/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Functions of the running kernel, its modules and BPF programs, from
 * /proc/kallsyms. That has no sizes: a function ends where the next symbol of
 * any kind begins, and never past its module or further than any function is
 * long, so that an address in a gap has no name. Only functions are kept.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "symbolize/spans.h"

struct kallsyms {
	struct spans spans;
	struct strbuf text; /* 2 bytes module id, then the name, a NUL behind */
	char **modules;	    /* by id, "[nf_tables]"; 0: the kernel itself, NULL */
	size_t nr_modules, cap_modules;
	uint64_t start, end; /* _stext and _etext; 0: not found */
};

#define KALLSYMS_INIT \
	{             \
		0     \
	}

/* Line by line as /proc/kallsyms has them; modules: /proc/modules, may be NULL. */
struct kallsyms_files {
	const char *symbols, *modules;
};

/*
 * 0 (also when kernel.kptr_restrict hides all addresses: then nothing is known), or a negative
 * errno.
 */
int kallsyms_read(struct kallsyms *ret, const struct kallsyms_files *files);
void kallsyms_done(struct kallsyms *k);
/* The function at an address and its module (NULL: the kernel itself); NULL: none is known. */
const char *kallsyms_find(const struct kallsyms *k, uint64_t address, const char **ret_module);
size_t kallsyms_memory(const struct kallsyms *k);
