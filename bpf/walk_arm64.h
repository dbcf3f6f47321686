/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is arm64's own in the walk, as walk_x86.h is x86-64's. A call leaves
 * the return address in x30, which may be signed: pointer authentication puts
 * a code in the bits that no user address has. Frame records (x29, x30) lie
 * at the bottom of a frame, so that they do not tell where it ends.
 */
#pragma once

enum {
	WALK_PT_REGS = 34, /* x0 to x30, sp, pc, pstate */
	WALK_FP = 29,
	WALK_LINK = 30,
	WALK_SP = 31,
	WALK_PC = 32,
	WALK_BASE = 0, /* there is none */
	/*
	 * arch/arm64/kernel/signal.c, struct rt_sigframe: siginfo (128) and uc_flags to uc_sigmask
	 * (168, to the next 16), fault_address (8), then as struct pt_regs up to pc.
	 */
	WALK_SIGNAL_WORDS = 33,
	WALK_SIGNAL_OFFSET = 128 + 176 + 8,
};

/* PSR_MODE32_BIT of pstate. */
static inline int walk_is_64bit(const __u64 *registers)
{
	return !(registers[33] & 0x10);
}

/*
 * A return address without its signature. Where bit 55 is set, it is no user address: that
 * stays, and no mapping will have it.
 */
static inline __u64 walk_address(const struct walk *w, __u64 pc)
{
	return pc >> 55 & 1 ? pc : pc & walk_code_mask(w);
}

/* An odd one (see walk_fp_rule()) is only somewhere in the frame. */
static inline int walk_knows_sp(const struct walk *w)
{
	return !(w->sp & 1);
}

/* rule: not CFI_SPECIAL. */
static inline int walk_short_rule(struct walk *w, __u32 rule, struct walk_caller *ret)
{
	__u32 slot = rule & CFI_SLOT_MASK;
	__u64 offset = (rule >> CFI_OFFSET_SHIFT & CFI_MAX_OFFSET) * 16;
	__u64 record = slot == 1 ? offset : slot * 8; /* below the CFA */

	if (rule & CFI_SPECIAL)
		return walk_stop(w, ABI_STOP_RULE);
	if (rule & CFI_FP)
		ret->cfa = w->fp + offset;
	else if (walk_knows_sp(w))
		ret->cfa = w->sp + offset;
	else if (slot) /* x29 leads to the record */
		ret->cfa = w->fp + record;
	else
		return walk_stop(w, ABI_STOP_REGISTER);
	if (slot) {
		ret->fp_at = ret->cfa - record;
		ret->ra_at = ret->fp_at + 8;
		return 0;
	}
	if (!w->whole)
		return walk_stop(w, ABI_STOP_REGISTER);
	ret->ra = w->registers[WALK_LINK];
	return 0;
}

/* At a function's first instruction. */
static inline void walk_entry_rule(const struct walk *w, struct walk_caller *ret)
{
	ret->ra = w->registers[WALK_LINK];
	ret->cfa = w->sp;
}

/*
 * One step by frame pointers. The caller's sp is above the record, and unknown: odd, which no
 * known one is.
 */
static inline void walk_fp_rule(const struct walk *w, struct walk_caller *ret)
{
	ret->fp_at = w->fp;
	ret->ra_at = w->fp + 8;
	ret->cfa = w->fp + 1;
}

/* From the words of a signal's frame. */
static inline void walk_signal_registers(struct walk *w, const __u64 *c)
{
	__builtin_memcpy(w->registers, c, WALK_SIGNAL_WORDS * 8);
}
