/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A frame's caller by two ways, in numbers: registers have made-up values, and memory is a hash
 * of its address, so that two rules that give the same numbers are the same rule.
 */
#pragma once
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "unwind/table.h"

/* Registers by DWARF's number; `pc` is an address as the file has it. */
struct frame {
	uint32_t machine;
	uint64_t pc, registers[34];
};

struct caller {
	uint64_t cfa, ra, fp;
	bool is_root; /* RA is undefined; then nothing else counts */
	bool has_fp;
};

enum verdict {
	KNOWN,
	GAP,	/* nothing is said of this address */
	UNSAID, /* something is, but not in a form that is understood */
};

void frame_init(struct frame *f, uint32_t machine, uint64_t pc, uint64_t seed);
enum verdict caller_by_rule(const struct frame *f, uint32_t rule, const struct cfi_rule *full,
			    struct caller *ret);
enum verdict caller_by_libdw(const struct frame *f, Dwarf_CFI *cfi, struct caller *ret);
