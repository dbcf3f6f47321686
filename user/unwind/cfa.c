// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unwind/cfa.h"

#include <elf.h>
#include <errno.h>

#include "unwind/eh_pointer.h"

enum {
	NOP = 0x00,
	SET_LOC,
	ADVANCE_LOC1,
	ADVANCE_LOC2,
	ADVANCE_LOC4,
	OFFSET_EXTENDED,
	RESTORE_EXTENDED,
	UNDEFINED,
	SAME_VALUE,
	REGISTER,
	REMEMBER_STATE,
	RESTORE_STATE,
	DEF_CFA,
	DEF_CFA_REGISTER,
	DEF_CFA_OFFSET,
	DEF_CFA_EXPRESSION,
	EXPRESSION,
	OFFSET_EXTENDED_SF,
	DEF_CFA_SF,
	DEF_CFA_OFFSET_SF,
	VAL_OFFSET,
	VAL_OFFSET_SF,
	VAL_EXPRESSION,
	MIPS_ADVANCE_LOC8 = 0x1d,
	/* The second number is GNU_window_save of SPARC elsewhere. */
	AARCH64_NEGATE_RA_STATE_WITH_PC = 0x2c,
	AARCH64_NEGATE_RA_STATE = 0x2d,
	GNU_ARGS_SIZE = 0x2e,
	GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
	/* With an operand in the low six bits. */
	HIGH_ADVANCE_LOC = 1,
	HIGH_OFFSET,
	HIGH_RESTORE,
};

void cfa_state_init(struct cfa_state *s, const struct unwind_machine *m)
{
	*s = (struct cfa_state){
		.kind = CFA_NONE,
		.ra.how = m->ra_how,
		.fp.how = CFI_SAME,
		.base.how = CFI_SAME,
	};
}

static uint8_t narrow(uint64_t reg)
{
	return reg < 255 ? (uint8_t)reg : 255;
}

static void set(struct cfa_walk *w, uint64_t reg, struct cfa_place place)
{
	const struct unwind_machine *m = w->common->machine;

	if (reg == m->ra)
		w->state.ra = place;
	else if (reg == m->fp)
		w->state.fp = place;
	else if (reg == m->base)
		w->state.base = place;
	else if (reg == m->sp)
		w->state.sp_is_odd = place.how != CFA_PLACE_VALUE || place.offset;
}

static void set_factored(struct cfa_walk *w, uint64_t reg, uint8_t how, uint64_t offset)
{
	set(w, reg,
	    (struct cfa_place){ .how = how, .offset = (int64_t)(offset * w->common->data_align) });
}

static void restore(struct cfa_walk *w, uint64_t reg)
{
	const struct cfa_state *initial = &w->common->initial;
	const struct unwind_machine *m = w->common->machine;

	if (reg == m->ra)
		w->state.ra = initial->ra;
	else if (reg == m->fp)
		w->state.fp = initial->fp;
	else if (reg == m->base)
		w->state.base = initial->base;
	else if (reg == m->sp)
		w->state.sp_is_odd = initial->sp_is_odd;
}

/* 1: a row ends here. */
static int move_to(struct cfa_walk *w, uint64_t location)
{
	if (w->program.bad)
		return -EINVAL;
	if (location == w->location)
		return 0;
	w->begin = w->location;
	w->location = location;
	if (location >= w->limit)
		w->is_done = true;
	return 1;
}

static int advance(struct cfa_walk *w, uint64_t delta)
{
	uint64_t to;

	if (__builtin_mul_overflow(delta, w->common->code_align, &delta) ||
	    __builtin_add_overflow(w->location, delta, &to))
		to = UINT64_MAX;
	return move_to(w, to);
}

static int set_location(struct cfa_walk *w)
{
	uint64_t to;

	if (!eh_pointer_read(&w->program, w->encoding, w->bias, w->data_address, &to) ||
	    to < w->location)
		return -EINVAL;
	return move_to(w, to);
}

static struct cursor read_block(struct cursor *c)
{
	uint64_t size = cursor_uleb(c);
	struct cursor block = { c->at, c->at, false };

	cursor_skip(c, size);
	block.end = c->at;
	block.bad = c->bad;
	return block;
}

static void define_cfa(struct cfa_state *s, uint64_t reg, uint64_t offset)
{
	s->kind = CFA_REGISTER;
	s->reg = narrow(reg);
	s->offset = (int64_t)offset;
	s->add = 0;
}

/* Half a definition needs the other half to be there. */
static void change_cfa(struct cfa_state *s, uint64_t reg, uint64_t offset)
{
	if (s->kind == CFA_REGISTER)
		define_cfa(s, reg, offset);
	else
		s->kind = CFA_OTHER;
}

static int run_cfa(struct cfa_walk *w, uint8_t op)
{
	struct cfa_state *s = &w->state;
	struct cursor *c = &w->program;
	uint64_t reg;

	switch (op) {
	case DEF_CFA:
		reg = cursor_uleb(c);
		define_cfa(s, reg, cursor_uleb(c));
		return 0;
	case DEF_CFA_SF:
		reg = cursor_uleb(c);
		define_cfa(s, reg, (uint64_t)cursor_sleb(c) * w->common->data_align);
		return 0;
	case DEF_CFA_REGISTER:
		change_cfa(s, cursor_uleb(c), (uint64_t)s->offset);
		return 0;
	case DEF_CFA_OFFSET:
		change_cfa(s, s->reg, cursor_uleb(c));
		return 0;
	case DEF_CFA_OFFSET_SF:
		change_cfa(s, s->reg, (uint64_t)cursor_sleb(c) * w->common->data_align);
		return 0;
	case DEF_CFA_EXPRESSION:
		cfa_expression(s, read_block(c));
		return 0;
	}
	return -EINVAL;
}

static int run_register(struct cfa_walk *w, uint8_t op)
{
	struct cursor *c = &w->program;
	uint64_t reg = cursor_uleb(c);

	switch (op) {
	case OFFSET_EXTENDED:
		set_factored(w, reg, CFI_AT_CFA, cursor_uleb(c));
		return 0;
	case OFFSET_EXTENDED_SF:
		set_factored(w, reg, CFI_AT_CFA, (uint64_t)cursor_sleb(c));
		return 0;
	case GNU_NEGATIVE_OFFSET_EXTENDED:
		set_factored(w, reg, CFI_AT_CFA, -cursor_uleb(c));
		return 0;
	case VAL_OFFSET:
		set_factored(w, reg, CFA_PLACE_VALUE, cursor_uleb(c));
		return 0;
	case VAL_OFFSET_SF:
		set_factored(w, reg, CFA_PLACE_VALUE, (uint64_t)cursor_sleb(c));
		return 0;
	case RESTORE_EXTENDED:
		restore(w, reg);
		return 0;
	case UNDEFINED:
		set(w, reg, (struct cfa_place){ .how = CFI_UNDEFINED });
		return 0;
	case SAME_VALUE:
		set(w, reg, (struct cfa_place){ .how = CFI_SAME });
		return 0;
	case REGISTER:
		set(w, reg,
		    (struct cfa_place){ .how = CFI_IN_REGISTER, .reg = narrow(cursor_uleb(c)) });
		return 0;
	case EXPRESSION:
	case VAL_EXPRESSION:
		set(w, reg, cfa_place_expression(read_block(c), op == VAL_EXPRESSION));
		return 0;
	}
	return -EINVAL;
}

static int run_state(struct cfa_walk *w, uint8_t op)
{
	if (op == REMEMBER_STATE) {
		if (w->nr_remembered == CFA_MAX_REMEMBERED)
			return -EINVAL;
		w->remembered[w->nr_remembered++] = w->state;
		return 0;
	}
	if (!w->nr_remembered)
		return -EINVAL;
	w->state = w->remembered[--w->nr_remembered];
	return 0;
}

static int run_rare(struct cfa_walk *w, uint8_t op)
{
	switch (op) {
	case NOP:
		return 0;
	case SET_LOC:
		return set_location(w);
	case ADVANCE_LOC1:
		return advance(w, cursor_number(&w->program, 1));
	case ADVANCE_LOC2:
		return advance(w, cursor_number(&w->program, 2));
	case ADVANCE_LOC4:
		return advance(w, cursor_number(&w->program, 4));
	case MIPS_ADVANCE_LOC8:
		return advance(w, cursor_number(&w->program, 8));
	case REMEMBER_STATE:
	case RESTORE_STATE:
		return run_state(w, op);
	case GNU_ARGS_SIZE:
		cursor_uleb(&w->program);
		return 0;
	case AARCH64_NEGATE_RA_STATE_WITH_PC:
	case AARCH64_NEGATE_RA_STATE:
		/* Whether the address is signed does not matter: the mask is always taken off. */
		return w->common->machine->machine == EM_AARCH64 ? 0 : -EINVAL;
	}
	if ((op >= DEF_CFA && op <= DEF_CFA_EXPRESSION) || op == DEF_CFA_SF ||
	    op == DEF_CFA_OFFSET_SF)
		return run_cfa(w, op);
	return run_register(w, op);
}

/* Any instruction. Not inlined: it would take registers from those that are usual. */
static __attribute__((noinline)) int run(struct cfa_walk *w, uint8_t op)
{
	uint8_t operand = op & 0x3f;

	switch (op >> 6) {
	case HIGH_ADVANCE_LOC:
		return advance(w, operand);
	case HIGH_OFFSET:
		set_factored(w, operand, CFI_AT_CFA, cursor_uleb(&w->program));
		return 0;
	case HIGH_RESTORE:
		restore(w, operand);
		return 0;
	}
	return run_rare(w, op);
}

/*
 * As many as there are of the instructions that most programs consist of, the place in the program
 * in a register meanwhile. 1: a row ends here; 0: what follows may be any other.
 */
static int run_usual(struct cfa_walk *w)
{
	const uint8_t *at = w->program.at, *end = w->program.end;

	for (; at != end; at++) {
		uint8_t op = *at;

		if (op >> 6 == HIGH_ADVANCE_LOC) {
			w->program.at = at + 1;
			return advance(w, op & 0x3f);
		}
		if (op == NOP)
			continue;
		/* Of numbers those of one byte. */
		if (end - at < 2 || at[1] > 0x7f)
			break;
		if (op == DEF_CFA_OFFSET)
			change_cfa(&w->state, w->state.reg, at[1]);
		else if (op >> 6 == HIGH_OFFSET)
			set_factored(w, op & 0x3f, CFI_AT_CFA, at[1]);
		else
			break;
		at++;
	}
	w->program.at = at;
	return 0;
}

int cfa_walk_next(struct cfa_walk *w)
{
	int r = 0;

	if (w->is_done)
		return 0;
	while (!r && !w->program.bad) {
		r = run_usual(w);
		if (r || w->program.at == w->program.end)
			break;
		r = run(w, *w->program.at++);
	}
	return r && !w->program.bad ? r : move_to(w, w->limit);
}

void cfa_walk_init(struct cfa_walk *w, const struct cfa_common *common, const uint8_t *program,
		   size_t size, uint64_t start, uint64_t end)
{
	w->common = common;
	w->program = (struct cursor){ program, program + size, false };
	w->location = w->begin = start;
	w->limit = end;
	w->is_done = start >= end;
	w->state = common->initial;
	w->nr_remembered = 0;
}

int cfa_run_initial(struct cfa_common *common, const struct cursor *program,
		    struct cfa_walk *scratch)
{
	int r;

	/* Any advance is a row, which a CIE has none of. */
	cfa_walk_init(scratch, common, program->at, cursor_left(program), 0, UINT64_MAX);
	scratch->encoding = EH_POINTER_OMIT;
	r = cfa_walk_next(scratch);
	if (r != 1 || scratch->location != UINT64_MAX)
		return -EINVAL;
	common->initial = scratch->state;
	return 0;
}
