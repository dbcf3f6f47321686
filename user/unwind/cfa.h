/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Runs call-frame instructions (DWARF 5 §6.4.2), a row a call. Of the registers only those are
 * followed that a walk needs: CFA, return address, frame pointer, base register, and whether the
 * caller's stack pointer is the CFA. Work is bounded by the program's bytes.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "unwind/cursor.h"
#include "unwind/rule.h"

enum cfa_kind {
	CFA_NONE, /* not yet said */
	CFA_REGISTER,
	CFA_DEREF,  /* *((register) + offset) + add */
	CFA_PLT_11, /* as CFI_PLT_11 says */
	CFA_PLT_10,
	CFA_OTHER, /* an expression that we don't know */
};

/* Beside enum cfi_how. */
enum {
	CFA_PLACE_VALUE = CFI_UNDEFINED + 1, /* CFA + offset is the value itself */
	CFA_PLACE_OTHER,
};

/* How the caller's value of a register is found; registers by DWARF's number, 255: beyond. */
struct cfa_place {
	uint8_t how, reg;
	int64_t offset;
};

struct cfa_state {
	uint8_t kind, reg;
	bool sp_is_odd; /* the caller's stack pointer is not the CFA */
	bool is_signal; /* of a CIE with 'S' */
	int64_t offset, add;
	bool needs_base; /* rules are to say where the base register is */
	struct cfa_place ra, fp, base;
};

/* What a CIE says of its FDEs' programs. */
struct cfa_common {
	const struct unwind_machine *machine;
	uint64_t code_align, data_align;
	struct cfa_state initial;
};

enum { CFA_MAX_REMEMBERED = 64 };

struct cfa_walk {
	const struct cfa_common *common;
	struct cursor program;
	uint64_t location, limit; /* where the program stands; the FDE's end */
	bool is_done;
	/* Of DW_CFA_set_loc: its pointers' encoding, and how far addresses are from bytes. */
	uint8_t encoding;
	uint64_t bias, data_address;

	uint64_t begin; /* the row's first address */
	struct cfa_state state;

	uint32_t nr_remembered;
	struct cfa_state remembered[CFA_MAX_REMEMBERED];
};

/* The state before a CIE's instructions. */
void cfa_state_init(struct cfa_state *s, const struct unwind_machine *m);
/* Runs a CIE's instructions. 0 or -EINVAL. */
int cfa_run_initial(struct cfa_common *common, const struct cursor *program,
		    struct cfa_walk *scratch);
/* All but `remembered` is set; the caller sets what DW_CFA_set_loc needs. */
void cfa_walk_init(struct cfa_walk *w, const struct cfa_common *common, const uint8_t *program,
		   size_t size, uint64_t start, uint64_t end);
/*
 * 1: a row, which is in force from w->begin until the next one begins. 0: no more. -EINVAL: the
 * program can't be run on; nothing is known from w->location up to the limit.
 */
int cfa_walk_next(struct cfa_walk *w);

/* DWARF expressions, those few that compilers and linkers write here. */
void cfa_expression(struct cfa_state *s, struct cursor e);
struct cfa_place cfa_place_expression(struct cursor e, bool is_value);
