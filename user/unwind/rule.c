// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unwind/rule.h"

#include <limits.h>

#include "unwind/cfa.h"

enum { NO_WORD = 0xff };

const struct unwind_machine *unwind_machine_of(uint32_t e_machine)
{
	static const struct unwind_machine *const machines[] = { &unwind_machine_x86,
								 &unwind_machine_arm64 };

	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++)
		if (machines[i]->machine == e_machine)
			return machines[i];
	return NULL;
}

static uint8_t word_of(const struct unwind_machine *m, uint8_t reg)
{
	return reg < m->nr_words ? m->words[reg] : NO_WORD;
}

static bool narrow(int64_t value, int *ret)
{
	if (value < INT_MIN || value > INT_MAX)
		return false;
	*ret = (int)value;
	return true;
}

static bool say_place(const struct unwind_machine *m, const struct cfa_state *s,
		      const struct cfa_place *p, unsigned *ret_how, unsigned char *ret_register,
		      int *ret_offset)
{
	int64_t offset = p->offset;

	*ret_how = p->how;
	switch (p->how) {
	case CFI_SAME:
	case CFI_UNDEFINED:
		return true;
	case CFI_AT_CFA:
		return narrow(offset, ret_offset);
	case CFI_AT_REGISTER:
	case CFI_IN_REGISTER:
		*ret_register = word_of(m, p->reg);
		return *ret_register != NO_WORD && narrow(offset, ret_offset);
	case CFA_PLACE_VALUE:
		/* CFA + offset, where the CFA is a register's value and a number. */
		if (s->kind != CFA_REGISTER || __builtin_add_overflow(offset, s->offset, &offset))
			return false;
		*ret_how = CFI_IN_REGISTER;
		*ret_register = word_of(m, s->reg);
		return narrow(offset, ret_offset);
	}
	return false;
}

static int say_base(const struct cfa_state *s)
{
	int64_t offset = s->base.offset;

	if (s->base.how == CFI_SAME)
		return CFI_BASE_SAME;
	if (s->base.how != CFI_AT_CFA || offset & 7 || offset >= -8 * CFI_BASE_SAME ||
	    offset < INT_MIN)
		return CFI_BASE_UNKNOWN;
	return (int)(-offset / 8);
}

uint32_t rule_full(const struct unwind_machine *m, const struct cfa_state *s, struct cfi_rule *ret)
{
	struct cfi_rule rule = { 0 };
	unsigned ra_how, fp_how;

	if (s->sp_is_odd || (s->kind != CFA_REGISTER && s->kind != CFA_DEREF))
		return CFI_BROKEN;
	/* The same return address again would be the same frame again. */
	if (s->ra.how == CFI_SAME && m->ra_how != CFI_SAME)
		return CFI_BROKEN;
	rule.cfa = word_of(m, s->reg);
	if (rule.cfa == NO_WORD || !narrow(s->offset, &rule.cfa_offset) ||
	    !say_place(m, s, &s->ra, &ra_how, &rule.ra_register, &rule.ra_offset) ||
	    !say_place(m, s, &s->fp, &fp_how, &rule.fp_register, &rule.fp_offset))
		return CFI_BROKEN;
	if (s->kind == CFA_DEREF) {
		if (!narrow(s->add, &rule.cfa_add))
			return CFI_BROKEN;
		rule.cfa |= CFI_CFA_DEREF;
	} else if (s->needs_base) {
		rule.cfa_add = say_base(s);
	}
	rule.how = (unsigned char)(ra_how | fp_how << 4);
	*ret = rule;
	return CFI_FULL;
}
