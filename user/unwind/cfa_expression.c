// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unwind/cfa.h"

enum {
	OP_DEREF = 0x06,
	OP_PLUS_UCONST = 0x23,
	OP_BREG0 = 0x70,
	OP_BREG31 = 0x8f,
	OP_BREGX = 0x92,
};

/* breg N offset. */
static bool read_register(struct cursor *e, uint8_t *ret_reg, int64_t *ret_offset)
{
	uint8_t op = (uint8_t)cursor_number(e, 1);
	uint64_t reg;

	if (op >= OP_BREG0 && op <= OP_BREG31)
		reg = op - OP_BREG0;
	else if (op == OP_BREGX)
		reg = cursor_uleb(e);
	else
		return false;
	*ret_reg = reg < 255 ? (uint8_t)reg : 255;
	*ret_offset = cursor_sleb(e);
	return !e->bad;
}

static bool read_op(struct cursor *e, uint8_t op)
{
	if (e->at == e->end || *e->at != op)
		return false;
	e->at++;
	return true;
}

/* As linkers write for a PLT: rsp + 8 + ((rip & 15) >= 11) * 8; 10 with -z ibtplt. */
static bool is_plt(const struct cursor *e, uint8_t *ret_kind)
{
	static const uint8_t plt[] = { 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22 };
	enum { LITERAL = 6, LITERAL_10 = 0x3a, LITERAL_11 = 0x3b };

	if (cursor_left(e) != sizeof(plt) || memcmp(e->at, plt, LITERAL) != 0 ||
	    memcmp(e->at + LITERAL + 1, plt + LITERAL + 1, sizeof(plt) - LITERAL - 1) != 0)
		return false;
	if (e->at[LITERAL] != LITERAL_10 && e->at[LITERAL] != LITERAL_11)
		return false;
	*ret_kind = e->at[LITERAL] == LITERAL_11 ? CFA_PLT_11 : CFA_PLT_10;
	return true;
}

void cfa_expression(struct cfa_state *s, struct cursor e)
{
	s->kind = CFA_OTHER;
	s->add = 0;
	if (is_plt(&e, &s->kind))
		return;
	if (!read_register(&e, &s->reg, &s->offset)) {
		s->kind = CFA_OTHER;
		return;
	}
	s->kind = CFA_REGISTER;
	if (read_op(&e, OP_DEREF)) {
		s->kind = CFA_DEREF;
		if (read_op(&e, OP_PLUS_UCONST))
			s->add = (int64_t)cursor_uleb(&e);
	}
	if (e.bad || e.at != e.end)
		s->kind = CFA_OTHER;
}

struct cfa_place cfa_place_expression(struct cursor e, bool is_value)
{
	struct cfa_place other = { .how = CFA_PLACE_OTHER }, p = { 0 };

	if (!read_register(&e, &p.reg, &p.offset))
		return other;
	p.how = is_value ? CFI_IN_REGISTER : CFI_AT_REGISTER;
	if (is_value && read_op(&e, OP_DEREF))
		p.how = CFI_AT_REGISTER;
	return e.at == e.end ? p : other;
}
