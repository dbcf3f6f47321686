// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>

#include "unwind/cfa.h"

enum { X29 = 29, X30 = 30, SP = 31 };

/* Of struct pt_regs: x0 … x30, sp, pc, as DWARF numbers them. */
static const uint8_t words[] = { 0,  1,	 2,  3,	 4,  5,	 6,  7,	 8,  9,	 10, 11, 12, 13, 14, 15, 16,
				 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32 };

/* mov x8, #139; svc #0 */
static const uint8_t trampoline[] = { 0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4 };

static bool is_at_cfa(const struct cfa_place *p, int64_t offset)
{
	return p->how == CFI_AT_CFA && p->offset == offset;
}

/* -1: not to be said in a row. */
static int slot_of(const struct cfa_state *s)
{
	if (s->ra.how == CFI_SAME && s->fp.how == CFI_SAME)
		return 0;
	/* Else both are saved, and beside each other. */
	if (s->fp.how != CFI_AT_CFA || s->fp.offset > 0 || s->fp.offset < INT32_MIN ||
	    !is_at_cfa(&s->ra, s->fp.offset + 8))
		return -1;
	if (s->offset && s->fp.offset == -s->offset)
		return 1;
	if (s->fp.offset & 7 || s->fp.offset > -16 || s->fp.offset < -8 * CFI_SLOT_MASK)
		return -1;
	return (int)(-s->fp.offset / 8);
}

static uint32_t rule_arm64(const struct cfa_state *s, struct cfi_rule *ret_full)
{
	int slot;

	/* The vdso's: what it says of x29 is the frame record that the kernel put above. */
	if (s->is_signal)
		return s->kind == CFA_REGISTER && s->reg == X29 && !s->offset &&
				       is_at_cfa(&s->fp, 0) && is_at_cfa(&s->ra, 8)
			       ? CFI_SIGNAL
			       : CFI_BROKEN;
	if (s->kind == CFA_REGISTER && (s->reg == SP || s->reg == X29) && !(s->offset & 15) &&
	    s->offset >= 0 && s->offset <= 16 * CFI_MAX_OFFSET && !s->sp_is_odd) {
		slot = slot_of(s);
		if (slot >= 0)
			return (s->reg == X29 ? CFI_FP : 0) |
			       (uint32_t)(s->offset / 16) << CFI_OFFSET_SHIFT | (uint32_t)slot;
	}
	return rule_full(&unwind_machine_arm64, s, ret_full);
}

const struct unwind_machine unwind_machine_arm64 = {
	.machine = EM_AARCH64,
	.fp = X29,
	.sp = SP,
	.ra = X30,
	.base = 255,
	.ra_how = CFI_SAME,
	.page_size = 65536,
	.words = words,
	.nr_words = sizeof(words),
	.trampoline = trampoline,
	.trampoline_size = sizeof(trampoline),
	.rule = rule_arm64,
};
