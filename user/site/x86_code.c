// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "site/x86_code.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	LONGEST = 15,
	WORK = 16, /* of a byte: more than of one that is only looked at */
	/* What follows an opcode. */
	NONE = 0,
	MODRM = 1,
	IMM8 = 2,
	IMM16 = 4,
	IMM32 = 8,     /* 16 bits with an operand prefix */
	REL32 = 16,    /* always 32 bits */
	IMM_WORD = 32, /* 64 bits with REX.W, else as IMM32 */
	ADDRESS = 64,  /* 64 bits, 32 with an address prefix */
	UNKNOWN = 128,
};

struct decoder {
	const uint8_t *bytes;
	size_t left, at;
	bool has_operand_prefix, has_address_prefix, has_wide;
};

static uint8_t next(struct decoder *d)
{
	return d->at < d->left ? d->bytes[d->at++] : (d->at++, 0);
}

static unsigned after_arithmetic(uint8_t op)
{
	switch (op & 7) {
	case 4:
		return IMM8;
	case 5:
		return IMM32;
	case 6:
	case 7:
		return UNKNOWN;
	default:
		return MODRM;
	}
}

/* Opcodes of one byte. */
static unsigned after_one(uint8_t op)
{
	if (op < 0x40)
		return after_arithmetic(op);
	if (op >= 0x50 && op <= 0x5f)
		return NONE;
	if (op >= 0x70 && op <= 0x7f)
		return IMM8;
	if (op >= 0xb0 && op <= 0xbf)
		return op < 0xb8 ? IMM8 : IMM_WORD;
	switch (op) {
	case 0x63:
	case 0x84 ... 0x8f:
	case 0xd0 ... 0xd3:
	case 0xd8 ... 0xdf:
	case 0xf6 ... 0xf7: /* their immediate is looked for later */
	case 0xfe ... 0xff:
		return MODRM;
	case 0x68:
	case 0xa9:
		return IMM32;
	case 0x69:
	case 0x81:
	case 0xc7:
		return MODRM | IMM32;
	case 0x6a:
	case 0xa8:
	case 0xcd:
	case 0xe0 ... 0xe7:
	case 0xeb:
		return IMM8;
	case 0x6b:
	case 0x80:
	case 0x83:
	case 0xc0 ... 0xc1:
	case 0xc6:
		return MODRM | IMM8;
	case 0xa0 ... 0xa3:
		return ADDRESS;
	case 0xc2:
	case 0xca:
		return IMM16;
	case 0xc8:
		return IMM16 | IMM8;
	case 0xe8 ... 0xe9:
		return REL32;
	case 0x60 ... 0x62:
	case 0x82:
	case 0x9a:
	case 0xc4 ... 0xc5:
	case 0xce:
	case 0xd4 ... 0xd6:
	case 0xea:
		return UNKNOWN;
	default:
		return NONE;
	}
}

/* Opcodes behind 0f. */
static unsigned after_two(uint8_t op)
{
	switch (op) {
	case 0x05 ... 0x09:
	case 0x0b:
	case 0x0e:
	case 0x30 ... 0x37:
	case 0x77:
	case 0xa0 ... 0xa2:
	case 0xa8 ... 0xaa:
	case 0xc8 ... 0xcf:
		return NONE;
	case 0x80 ... 0x8f:
		return REL32;
	case 0x0f:
	case 0x70 ... 0x73:
	case 0xa4:
	case 0xac:
	case 0xba:
	case 0xc2:
	case 0xc4 ... 0xc6:
		return MODRM | IMM8;
	case 0x04:
	case 0x0a:
	case 0x0c:
	case 0x24 ... 0x27:
	case 0x39:
	case 0x3b ... 0x3f:
		return UNKNOWN;
	default:
		return MODRM;
	}
}

/* Of VEX and EVEX: by their number of a map. */
static unsigned after_vector(uint8_t map, uint8_t op)
{
	unsigned after = map == 1 ? after_two(op) : map == 3 ? MODRM | IMM8 : MODRM;

	return map >= 1 && map <= 6 && map != 4 && !(after & REL32) ? after : UNKNOWN;
}

static unsigned read_opcode(struct decoder *d)
{
	uint8_t op = next(d), map;

	if (op == 0xc5) {
		next(d);
		return after_vector(1, next(d));
	}
	if (op == 0xc4 || op == 0x62) {
		map = next(d) & (op == 0xc4 ? 0x1f : 7);
		next(d);
		if (op == 0x62)
			next(d);
		return after_vector(map, next(d));
	}
	if (op == 0x0f) {
		op = next(d);
		if (op != 0x38 && op != 0x3a)
			return after_two(op);
		next(d);
		return op == 0x38 ? MODRM : MODRM | IMM8;
	}
	if ((op == 0xf6 || op == 0xf7) && d->at < d->left && !(d->bytes[d->at] & 0x30))
		return MODRM | (op == 0xf6 ? IMM8 : IMM32);
	return after_one(op);
}

static void skip_prefixes(struct decoder *d)
{
	for (; d->at < d->left; d->at++)
		switch (d->bytes[d->at]) {
		case 0x66:
			d->has_operand_prefix = true;
			break;
		case 0x67:
			d->has_address_prefix = true;
			break;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x64:
		case 0x65:
		case 0xf0:
		case 0xf2:
		case 0xf3:
			break;
		default:
			if ((d->bytes[d->at] & 0xf0) == 0x40)
				d->has_wide = d->bytes[d->at++] & 8;
			return;
		}
}

static size_t size_of_operand(struct decoder *d)
{
	uint8_t modrm = next(d), mode = modrm >> 6, base = modrm & 7;

	if (mode == 3)
		return 0;
	if (base == 4)
		base = next(d) & 7;
	else if (mode == 0 && base == 5)
		return 4;
	return mode == 1 ? 1 : mode == 2 || base == 5 ? 4 : 0;
}

size_t x86_length(const uint8_t *bytes, size_t left)
{
	struct decoder d = { .bytes = bytes, .left = left < LONGEST ? left : LONGEST };
	size_t word;
	unsigned after;

	skip_prefixes(&d);
	after = read_opcode(&d);
	word = d.has_operand_prefix && !d.has_wide ? 2 : 4;
	if (after & UNKNOWN)
		return 0;
	if (after & MODRM)
		d.at += size_of_operand(&d);
	d.at += after & IMM8 ? 1 : 0;
	d.at += after & IMM16 ? 2 : 0;
	d.at += after & IMM32 ? word : 0;
	d.at += after & REL32 ? 4 : 0;
	d.at += after & IMM_WORD ? (d.has_wide ? 8 : word) : 0;
	d.at += after & ADDRESS ? (d.has_address_prefix ? 4 : 8) : 0;
	return d.at <= d.left ? d.at : 0;
}

bool x86_jump(const uint8_t *bytes, size_t length, uint64_t address, struct x86_jump *ret)
{
	int8_t near;
	int32_t far;

	*ret = (struct x86_jump){ .target = address + length };
	if (length == 2 && ((bytes[0] & 0xf0) == 0x70 || bytes[0] == 0xeb)) {
		memcpy(&near, bytes + 1, 1);
		ret->target += (uint64_t)(int64_t)near;
		ret->is_conditional = bytes[0] != 0xeb;
		return true;
	}
	if (length < 5)
		return false;
	memcpy(&far, bytes + length - 4, 4);
	ret->target += (uint64_t)(int64_t)far;
	ret->is_call = length == 5 && bytes[0] == 0xe8;
	ret->is_conditional = length == 6 && bytes[0] == 0x0f && (bytes[1] & 0xf0) == 0x80;
	return ret->is_call || ret->is_conditional || (length == 5 && bytes[0] == 0xe9);
}

int x86_code_read(const struct image *im, uint64_t address, struct x86_code *ret)
{
	struct image_function f;
	uint8_t *bytes;

	if (im->machine != EM_X86_64 || !image_is_code(im, address) ||
	    !image_function(im, address, &f) || f.end - f.start > X86_MAX_CODE ||
	    !image_spend(im, (f.end - f.start) * WORK))
		return -ENOENT;
	bytes = malloc(f.end - f.start);
	if (!bytes)
		return -ENOMEM;
	if (image_read(im, f.start, bytes, f.end - f.start)) {
		free(bytes);
		return -ENOENT;
	}
	*ret = (struct x86_code){ f.start, f.end, bytes };
	return 0;
}

void x86_code_done(struct x86_code *c)
{
	free(c->bytes);
	*c = (struct x86_code){ 0 };
}
