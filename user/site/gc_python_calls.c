// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "site/gc_python_inside.h"
#include "site/x86_code.h"

enum { NR_OPERANDS = 4 };

/* Which argument is in a register, by its number in instructions (rax 0 … r15 15); -1: none. */
static int argument_of(unsigned reg)
{
	static const uint8_t registers[NR_OPERANDS] = { 7, 6, 2, 1 };

	for (int i = 0; i < NR_OPERANDS; i++)
		if (registers[i] == reg)
			return i;
	return -1;
}

/* An instruction without prefixes that don't matter. */
struct plain {
	const uint8_t *bytes;
	size_t size;
	uint8_t rex;
};

static bool make_plain(const uint8_t *bytes, size_t size, struct plain *ret)
{
	*ret = (struct plain){ bytes, size, 0 };
	if ((bytes[0] & 0xf0) == 0x40)
		*ret = (struct plain){ bytes + 1, size - 1, bytes[0] };
	return ret->size >= 2;
}

static unsigned reg_field(const struct plain *p)
{
	return (p->bytes[1] >> 3 & 7) | (p->rex & 4) << 1;
}

static unsigned rm_field(const struct plain *p)
{
	return (p->bytes[1] & 7) | (p->rex & 1) << 3;
}

/* lea n(%rsp),%reg, or of rbp */
static bool is_of_stack(const struct plain *p)
{
	uint8_t base = p->bytes[1] & 7, mode = p->bytes[1] >> 6;

	if (p->rex & 3 || mode == 3 || (mode == 0 && base == 5))
		return false;
	return base == 5 || (base == 4 && p->size > 2 && p->bytes[2] == 0x24);
}

static struct gc_python_operand number(int64_t n)
{
	return (struct gc_python_operand){ GC_PYTHON_NUMBER, n };
}

/* What a mov, lea or xor writes to a register. false: it does not, or it is another instruction. */
static bool written(const struct plain *p, unsigned *ret_reg, struct gc_python_operand *ret)
{
	bool wide = p->rex & 8, direct = p->bytes[1] >> 6 == 3;
	int32_t immediate = 0;

	*ret = (struct gc_python_operand){ wide ? GC_PYTHON_WIDE : GC_PYTHON_WORD, 0 };
	*ret_reg = reg_field(p);
	switch (p->bytes[0]) {
	case 0xb8 ... 0xbf:
		if (wide || p->size != 5)
			return false;
		memcpy(&immediate, p->bytes + 1, sizeof(immediate));
		*ret_reg = (p->bytes[0] & 7) | (p->rex & 1) << 3;
		*ret = number(immediate);
		return true;
	case 0x8d:
		if (is_of_stack(p))
			ret->what = GC_PYTHON_STACK;
		return true;
	case 0x8b:
		return true;
	case 0x89:
		*ret_reg = rm_field(p);
		if (wide && direct && reg_field(p) == 4)
			ret->what = GC_PYTHON_STACK;
		return direct;
	case 0x31:
	case 0x33:
		if (direct && rm_field(p) == reg_field(p))
			*ret = number(0);
		return direct;
	default:
		return false;
	}
}

static void forget(struct gc_python_call *call)
{
	memset(call->operands, 0, sizeof(call->operands));
}

/* What is behind a jump may have been come to from elsewhere; behind a call nothing is left. */
static void follow(struct gc_python_call *call, const uint8_t *bytes, size_t size, bool is_jump)
{
	struct gc_python_operand operand;
	struct plain p;
	unsigned reg;
	int i;

	if (is_jump || bytes[0] == 0xc3) {
		forget(call);
		return;
	}
	if (!make_plain(bytes, size, &p))
		return;
	if (p.bytes[0] == 0xff && (p.bytes[1] & 0x38) >= 0x10 && (p.bytes[1] & 0x38) <= 0x28) {
		forget(call);
		return;
	}
	if (!written(&p, &reg, &operand))
		return;
	i = argument_of(reg);
	if (i >= 0)
		call->operands[i] = operand;
}

int gc_python_each_call(const struct image *im, uint64_t address,
			int (*take)(void *ctx, const struct gc_python_call *call), void *ctx)
{
	_cleanup_(x86_code_done) struct x86_code code = { 0 };
	struct gc_python_call call = { 0 };
	int r = x86_code_read(im, address, &code);
	size_t size;

	if (r)
		return r == -ENOENT ? 0 : r;
	for (size_t at = 0; at < code.end - code.start; at += size) {
		const uint8_t *bytes = code.bytes + at;
		struct x86_jump jump;
		bool is_jump;

		size = x86_length(bytes, code.end - code.start - at);
		if (!size)
			return 0;
		is_jump = x86_jump(bytes, size, code.start + at, &jump);
		if (is_jump && jump.is_call) {
			call.address = code.start + at;
			call.target = jump.target;
			r = take(ctx, &call);
			if (r)
				return r;
		}
		/* A conditional jump leads on to here with what was there. */
		follow(&call, bytes, size, is_jump && !jump.is_conditional);
	}
	return 0;
}
