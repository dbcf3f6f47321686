// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>

#include "unwind/cfa.h"

enum { RBX = 3, RBP = 6, RSP = 7, RIP = 16 };

/* Of struct pt_regs: rax rdx rcx rbx rsi rdi rbp rsp r8 … r15 rip. */
static const uint8_t words[] = { 10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16 };

/* mov $15, %rax; syscall: musl's, without CFI. */
static const uint8_t trampoline[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };

static bool is_at(const struct cfa_place *p, uint8_t reg, int64_t offset)
{
	return p->how == CFI_AT_REGISTER && p->reg == reg && p->offset == offset;
}

/* Where the kernel's struct ucontext keeps the three, if it begins at the stack pointer. */
static bool is_kernel_frame(const struct cfa_state *s)
{
	return s->kind == CFA_DEREF && s->reg == RSP && s->offset == 160 && !s->add &&
	       is_at(&s->ra, RSP, 168) && is_at(&s->fp, RSP, 120);
}

static bool is_return_above(const struct cfa_state *s)
{
	return s->ra.how == CFI_AT_CFA && s->ra.offset == -8 && !s->sp_is_odd;
}

/* -1: not to be said in a row. */
static int slot_of(const struct cfa_place *fp)
{
	if (fp->how == CFI_SAME)
		return 0;
	if (fp->how != CFI_AT_CFA || fp->offset & 7 || fp->offset > -16 ||
	    fp->offset < -8 * CFI_SLOT_MASK)
		return -1;
	return (int)(-fp->offset / 8);
}

static uint32_t rule_x86(const struct cfa_state *s, struct cfi_rule *ret_full)
{
	int slot = slot_of(&s->fp);

	if (s->is_signal)
		return is_kernel_frame(s) ? CFI_SIGNAL : CFI_BROKEN;
	if (s->needs_base && s->kind == CFA_REGISTER)
		return rule_full(&unwind_machine_x86, s, ret_full);
	if (s->kind == CFA_REGISTER && (s->reg == RSP || s->reg == RBP) && !(s->offset & 7) &&
	    s->offset >= 0 && s->offset <= 8 * CFI_MAX_OFFSET && is_return_above(s) && slot >= 0)
		return (s->reg == RBP ? CFI_FP : 0) |
		       (uint32_t)(s->offset / 8) << CFI_OFFSET_SHIFT | (uint32_t)slot;
	if (s->kind == CFA_PLT_11 || s->kind == CFA_PLT_10) {
		if (!is_return_above(s) || s->fp.how != CFI_SAME)
			return CFI_BROKEN;
		return s->kind == CFA_PLT_11 ? CFI_PLT_11 : CFI_PLT_10;
	}
	return rule_full(&unwind_machine_x86, s, ret_full);
}

const struct unwind_machine unwind_machine_x86 = {
	.machine = EM_X86_64,
	.fp = RBP,
	.sp = RSP,
	.ra = RIP,
	.base = RBX,
	.ra_how = CFA_PLACE_OTHER,
	.page_size = 4096,
	.words = words,
	.nr_words = sizeof(words),
	.trampoline = trampoline,
	.trampoline_size = sizeof(trampoline),
	.rule = rule_x86,
};
