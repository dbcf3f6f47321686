/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is x86-64's own in the walk: where registers stand, what a short rule
 * means, where a signal keeps the interrupted registers. Included by walk.h.
 */
#pragma once

enum {
	WALK_PT_REGS = 21, /* words of the kernel's struct pt_regs */
	WALK_FP = 4,
	WALK_PC = 16,
	WALK_SP = 19,
	WALK_BASE = 5, /* rbx; 0: there is none */
	WALK_LINK = 0, /* the register with the return address: a call puts it on the stack */
	/* arch/x86/include/uapi/asm/sigcontext.h: from uc_mcontext.r8 to .rip */
	WALK_SIGNAL_WORDS = 17,
	WALK_SIGNAL_OFFSET = 40, /* of these from sp: uc_flags, uc_link, uc_stack */
};

/* In a 64-bit program's user mode: __USER_CS. */
static inline int walk_is_64bit(const __u64 *registers)
{
	return registers[17] == 0x33;
}

static inline __u64 walk_address(const struct walk *w, __u64 pc)
{
	(void)w;
	return pc;
}

static inline int walk_knows_sp(const struct walk *w)
{
	(void)w;
	return 1;
}

/* rule: not CFI_SPECIAL, or one of the PLT. */
static inline int walk_short_rule(struct walk *w, __u32 rule, struct walk_caller *ret)
{
	__u32 slot = rule & CFI_SLOT_MASK;

	if (rule == CFI_PLT_11 || rule == CFI_PLT_10) {
		ret->cfa = w->sp + ((w->pc & 15) >= (rule == CFI_PLT_11 ? 11 : 10) ? 16 : 8);
		slot = 0;
	} else {
		ret->cfa = (rule & CFI_FP ? w->fp : w->sp) +
			   (rule >> CFI_OFFSET_SHIFT & CFI_MAX_OFFSET) * 8;
	}
	ret->fp_at = slot ? ret->cfa - slot * 8 : 0;
	ret->ra_at = ret->cfa - 8;
	return 0;
}

/* At a function's first instruction. */
static inline void walk_entry_rule(const struct walk *w, struct walk_caller *ret)
{
	ret->ra_at = w->sp;
	ret->cfa = w->sp + 8;
}

/* One step by frame pointers. */
static inline void walk_fp_rule(const struct walk *w, struct walk_caller *ret)
{
	ret->fp_at = w->fp;
	ret->ra_at = w->fp + 8;
	ret->cfa = w->fp + 16;
}

/* From the words of a signal's frame. */
static inline void walk_signal_registers(struct walk *w, const __u64 *c)
{
	__u64 *r = w->registers;

	r[9] = c[0]; /* r8 */
	r[8] = c[1];
	r[7] = c[2];
	r[6] = c[3];
	r[3] = c[4]; /* r12 */
	r[2] = c[5];
	r[1] = c[6];
	r[0] = c[7];
	r[14] = c[8]; /* rdi */
	r[13] = c[9];
	r[4] = c[10]; /* rbp */
	r[5] = c[11];
	r[12] = c[12]; /* rdx */
	r[10] = c[13];
	r[11] = c[14];
	r[19] = c[15]; /* rsp */
	r[16] = c[16]; /* rip */
}
