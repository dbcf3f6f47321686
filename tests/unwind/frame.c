// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "frame.h"

#include <dwarf.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum { RBP = 6, RSP = 7, RIP = 16, X29 = 29, X30 = 30, SP = 31, MAX_DEPTH = 16 };

static uint64_t hash(uint64_t z)
{
	z += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t memory(uint64_t address)
{
	return hash(address ^ 0x5bd1e995);
}

void frame_init(struct frame *f, uint32_t machine, uint64_t pc, uint64_t seed)
{
	f->machine = machine;
	f->pc = pc;
	for (unsigned i = 0; i < 34; i++)
		f->registers[i] = hash(seed * 64 + i);
	f->registers[machine == EM_X86_64 ? RIP : 32] = pc;
}

/* By the number of its word in struct pt_regs. */
static uint64_t by_word(const struct frame *f, unsigned word)
{
	static const uint8_t x86[] = { 15, 14, 13, 12, 6, 3,  11, 10, 9,  8,
				       0,  2,  1,  4,  5, 99, 16, 99, 99, 7 };

	if (f->machine == EM_X86_64)
		return word < sizeof(x86) && x86[word] < 34 ? f->registers[x86[word]] : 0;
	return word < 34 ? f->registers[word] : 0;
}

static bool place_value(const struct frame *f, unsigned how, uint64_t cfa, uint64_t same,
			unsigned word, int offset, uint64_t *ret)
{
	switch (how) {
	case CFI_SAME:
		*ret = same;
		return true;
	case CFI_AT_CFA:
		*ret = memory(cfa + (uint64_t)(int64_t)offset);
		return true;
	case CFI_AT_REGISTER:
		*ret = memory(by_word(f, word) + (uint64_t)(int64_t)offset);
		return true;
	case CFI_IN_REGISTER:
		*ret = by_word(f, word) + (uint64_t)(int64_t)offset;
		return true;
	}
	return false;
}

static enum verdict by_full(const struct frame *f, const struct cfi_rule *r, struct caller *ret)
{
	bool x86 = f->machine == EM_X86_64;
	uint64_t cfa = by_word(f, r->cfa & ~CFI_CFA_DEREF) + (uint64_t)(int64_t)r->cfa_offset;

	if (r->cfa & CFI_CFA_DEREF)
		cfa = memory(cfa) + (uint64_t)(int64_t)r->cfa_add;
	ret->cfa = cfa;
	ret->is_root = !place_value(f, r->how & 0xf, cfa, f->registers[x86 ? RIP : X30],
				    r->ra_register, r->ra_offset, &ret->ra);
	ret->has_fp = place_value(f, r->how >> 4, cfa, f->registers[x86 ? RBP : X29],
				  r->fp_register, r->fp_offset, &ret->fp);
	return KNOWN;
}

static enum verdict by_special(const struct frame *f, uint32_t rule, const struct cfi_rule *full,
			       struct caller *ret)
{
	uint64_t sp = f->registers[f->machine == EM_X86_64 ? RSP : SP];
	uint64_t fp = f->registers[f->machine == EM_X86_64 ? RBP : X29];

	switch (rule) {
	case CFI_GAP:
	case CFI_KEPT_FP:
	case CFI_OTHER_STACK:
		return GAP;
	case CFI_PLT_11:
	case CFI_PLT_10:
		ret->cfa = sp + 8 + ((f->pc & 15) >= (rule == CFI_PLT_11 ? 11 : 10) ? 8 : 0);
		ret->ra = memory(ret->cfa - 8);
		ret->fp = fp;
		return KNOWN;
	case CFI_ROOT:
		ret->is_root = true;
		return KNOWN;
	case CFI_SIGNAL: /* struct ucontext, at the stack pointer; arm64: what the vdso says */
		if (f->machine != EM_X86_64) {
			*ret = (struct caller){ fp, memory(fp + 8), memory(fp), false, true };
			return KNOWN;
		}
		ret->cfa = memory(sp + 160);
		ret->ra = memory(sp + 168);
		ret->fp = memory(sp + 120);
		return KNOWN;
	}
	return rule >= CFI_FULL ? by_full(f, full, ret) : UNSAID;
}

enum verdict caller_by_rule(const struct frame *f, uint32_t rule, const struct cfi_rule *full,
			    struct caller *ret)
{
	bool x86 = f->machine == EM_X86_64;
	uint64_t scale = x86 ? 8 : 16, slot = rule & CFI_SLOT_MASK, base, offset;

	*ret = (struct caller){ .has_fp = true };
	if (rule & CFI_SPECIAL)
		return by_special(f, rule, full, ret);
	base = f->registers[rule & CFI_FP ? (x86 ? RBP : X29) : (x86 ? RSP : SP)];
	offset = (rule >> CFI_OFFSET_SHIFT & CFI_MAX_OFFSET) * scale;
	ret->cfa = base + offset;
	ret->fp = f->registers[x86 ? RBP : X29];
	if (x86) {
		ret->ra = memory(ret->cfa - 8);
		if (slot)
			ret->fp = memory(ret->cfa - 8 * slot);
		return slot == 1 ? UNSAID : KNOWN;
	}
	ret->ra = f->registers[X30];
	if (slot) {
		uint64_t at = ret->cfa - (slot == 1 ? offset : 8 * slot);

		ret->fp = memory(at);
		ret->ra = memory(at + 8);
	}
	return KNOWN;
}

/* One operation of an expression. false: unknown. */
static bool evaluate_op(const struct frame *f, const Dwarf_Op *op, uint64_t cfa, uint64_t *stack,
			size_t *nr)
{
	uint64_t *top = *nr ? &stack[*nr - 1] : stack, *below = *nr > 1 ? top - 1 : stack;

	if (*nr == MAX_DEPTH)
		return false;
	if (op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31)
		stack[(*nr)++] = op->atom - DW_OP_lit0;
	else if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31)
		stack[(*nr)++] = f->registers[op->atom - DW_OP_breg0] + op->number;
	else if (op->atom == DW_OP_bregx && op->number < 34)
		stack[(*nr)++] = f->registers[op->number] + op->number2;
	else if (op->atom == DW_OP_call_frame_cfa)
		stack[(*nr)++] = cfa;
	else if (op->atom == DW_OP_deref && *nr)
		*top = memory(*top);
	else if (op->atom == DW_OP_plus_uconst && *nr)
		*top += op->number;
	else if (*nr < 2)
		return false;
	else if (op->atom == DW_OP_plus)
		*below += *top, --*nr;
	else if (op->atom == DW_OP_and)
		*below &= *top, --*nr;
	else if (op->atom == DW_OP_shl)
		*below <<= *top & 63, --*nr;
	else if (op->atom == DW_OP_ge)
		*below = (int64_t)*below >= (int64_t)*top, --*nr;
	else
		return false;
	return true;
}

static bool evaluate(const struct frame *f, const Dwarf_Op *ops, size_t nr_ops, uint64_t cfa,
		     bool is_place, uint64_t *ret)
{
	uint64_t stack[MAX_DEPTH];
	size_t nr = 0;

	if (nr_ops == 1 && ops[0].atom == DW_OP_regx && ops[0].number < 34) {
		*ret = f->registers[ops[0].number];
		return true;
	}
	if (nr_ops == 1 && ops[0].atom >= DW_OP_reg0 && ops[0].atom <= DW_OP_reg31) {
		*ret = f->registers[ops[0].atom - DW_OP_reg0];
		return true;
	}
	if (nr_ops && ops[nr_ops - 1].atom == DW_OP_stack_value) {
		is_place = false;
		nr_ops--;
	}
	for (size_t i = 0; i < nr_ops; i++)
		if (!evaluate_op(f, &ops[i], cfa, stack, &nr))
			return false;
	if (!nr)
		return false;
	*ret = is_place ? memory(stack[nr - 1]) : stack[nr - 1];
	return true;
}

/* false: it is undefined; *unsaid: not understood. */
static bool by_register(const struct frame *f, Dwarf_Frame *frame, int reg, uint64_t cfa,
			uint64_t *ret, bool *unsaid)
{
	Dwarf_Op space[3], *ops = NULL;
	size_t nr = 0;

	if (dwarf_frame_register(frame, reg, space, &ops, &nr)) {
		*unsaid = true;
		return false;
	}
	if (!nr) {
		*ret = f->registers[reg];
		return !ops;
	}
	if (!evaluate(f, ops, nr, cfa, true, ret))
		*unsaid = true;
	return true;
}

enum verdict caller_by_libdw(const struct frame *f, Dwarf_CFI *cfi, struct caller *ret)
{
	bool x86 = f->machine == EM_X86_64, unsaid = false;
	Dwarf_Frame *frame = NULL;
	Dwarf_Op *ops = NULL;
	size_t nr = 0;

	*ret = (struct caller){ 0 };
	if (dwarf_cfi_addrframe(cfi, f->pc, &frame))
		return GAP;
	if (dwarf_frame_cfa(frame, &ops, &nr) || !nr || !evaluate(f, ops, nr, 0, false, &ret->cfa))
		unsaid = true;
	ret->is_root = !by_register(f, frame, x86 ? RIP : X30, ret->cfa, &ret->ra, &unsaid);
	ret->has_fp = by_register(f, frame, x86 ? RBP : X29, ret->cfa, &ret->fp, &unsaid);
	free(frame);
	return unsaid ? UNSAID : KNOWN;
}
