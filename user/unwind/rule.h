/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From what an FDE says to a rule of bpf/cfi.h. Each machine has its own 16-bit rules, its
 * kernel's signal frame and its numbering of registers; all of that is in rule_x86.c and
 * rule_arm64.c. What a 16-bit rule can't say becomes a full one, and what that can't say,
 * CFI_BROKEN.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "cfi.h"

struct cfa_state;

struct unwind_machine {
	uint32_t machine;   /* e_machine */
	uint8_t fp, sp, ra; /* DWARF's numbers */
	uint8_t base;	    /* … of what enum cfi_base is about; 255: nothing */
	uint8_t ra_how;	    /* where the return address is if nothing says it */
	uint32_t page_size; /* segments' borders are rounded to it when they are mapped */
	/* Words of pt_regs by DWARF's number; all others can't be said. */
	const uint8_t *words;
	size_t nr_words;
	/* What a program puts where signal handlers return to, if not the vdso's or with CFI. */
	const uint8_t *trampoline;
	size_t trampoline_size;
	/* The 16 bits of a state whose return address is not undefined; CFI_FULL (number 0) with
	 * *ret_full for a full rule. */
	uint32_t (*rule)(const struct cfa_state *s, struct cfi_rule *ret_full);
};

extern const struct unwind_machine unwind_machine_x86, unwind_machine_arm64;

/* NULL: none that we walk. */
const struct unwind_machine *unwind_machine_of(uint32_t e_machine);

/* CFI_FULL with *ret, or CFI_BROKEN. */
uint32_t rule_full(const struct unwind_machine *m, const struct cfa_state *s, struct cfi_rule *ret);
