// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From 3.13 on CPython's collector chooses the generation itself, and returns early when there is
 * nothing to do. Then, unless the interpreter ends, it calls back: invoke_gc_callback(…, "start",
 * generation, …), and invoke_gc_callback(…, "stop", …) when it is done. The branch around the first
 * call is what each collection takes, and the second call what all but the interpreter's last one
 * do. Free-threaded builds have no such branch: there the caller passes the generation, and nearly
 * all calls collect.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "site/gc_python_inside.h"
#include "site/x86_listing.h"

enum {
	MAX_BLOCK = 24, /* instructions that prepare the call */
	RDX = 2,
	RBX = 3,
	RSP = 4,
	RBP = 5,
	RSI = 6,
	RDI = 7,
};

/* Does it load the address of this text into rsi or rdi? The register's number, or -1. */
static int loads_text(const struct image *im, const struct x86_listing *l, size_t i,
		      const char *text)
{
	char found[sizeof("start")];
	size_t length = strlen(text) + 1;
	const uint8_t *b = x86_listing_bytes(l, i);
	size_t size = x86_listing_size(l, i);
	uint64_t from = 0;
	int32_t number;
	int reg;

	if (size != 5 && size != 7)
		return -1;
	memcpy(&number, b + size - 4, sizeof(number));
	if (size == 5 && (b[0] == 0xb8 + RSI || b[0] == 0xb8 + RDI)) {
		from = (uint32_t)number;
		reg = b[0] - 0xb8;
	} else if (size == 7 && b[0] == 0x48 && b[1] == 0x8d &&
		   (b[2] == (RSI << 3 | 5) || b[2] == (RDI << 3 | 5))) {
		from = x86_listing_address(l, i + 1) + (uint64_t)(int64_t)number;
		reg = b[2] >> 3;
	}
	if (!from || length > sizeof(found) || image_read(im, from, found, length) ||
	    memcmp(found, text, length) != 0)
		return -1;
	return reg;
}

/* The call that follows in a straight line; nr: none. */
static size_t next_call(const struct x86_listing *l, size_t i)
{
	struct x86_jump jump;

	for (size_t end = i + MAX_BLOCK; ++i < end && i < l->nr;)
		if (x86_listing_jump(l, i, &jump))
			return jump.is_call ? i : l->nr;
	return l->nr;
}

/* What is executed if the call is, and not otherwise: from `first` to it. */
struct block {
	size_t branch, first, call;
};

/* cmp $1: the reason that there is no calling back for. */
static bool is_comparison(const struct x86_listing *l, size_t i)
{
	const uint8_t *b = x86_listing_bytes(l, i);
	size_t size = x86_listing_size(l, i);

	if ((b[0] & 0xf0) == 0x40) {
		b++;
		size--;
	}
	return size >= 3 && b[0] == 0x83 && (b[1] >> 3 & 7) == 7 && b[size - 1] == 1;
}

static bool is_filling(const struct x86_listing *l, size_t i)
{
	const uint8_t *b = x86_listing_bytes(l, i);
	size_t size = x86_listing_size(l, i);

	for (; size > 1 && (*b == 0x66 || *b == 0x2e); b++)
		size--;
	return b[0] == 0x90 || (size > 1 && b[0] == 0x0f && b[1] == 0x1f);
}

/* Does what follows an instruction not follow it at once, or not always? */
static bool leaves(const struct x86_listing *l, size_t i)
{
	struct x86_jump jump;

	return x86_listing_jump(l, i, &jump) ||
	       (x86_listing_bytes(l, i)[0] == 0xc3 && x86_listing_size(l, i) == 1);
}

/* What can't be come to from the instruction before: behind a jmp or ret. */
static bool is_apart(const struct x86_listing *l, size_t i)
{
	struct x86_jump jump;

	while (i && is_filling(l, i - 1))
		i--;
	if (!i || !leaves(l, i - 1))
		return false;
	return !x86_listing_jump(l, i - 1, &jump) || (!jump.is_call && !jump.is_conditional);
}

/* How many jumps lead into the block; *ret: the last one, *ret_to: where to. */
static int count_jumps(const struct x86_listing *l, const struct block *b, size_t *ret,
		       size_t *ret_to)
{
	struct x86_jump jump;
	int nr = 0;

	for (size_t i = 0; i < l->nr; i++) {
		if (!x86_listing_jump(l, i, &jump) ||
		    jump.target < x86_listing_address(l, b->first) ||
		    jump.target > x86_listing_address(l, b->call))
			continue;
		*ret = i;
		*ret_to = x86_listing_find(l, jump.target);
		nr++;
	}
	return nr;
}

/* Does the code behind the call go on behind the branch? */
static bool goes_on(const struct x86_listing *l, const struct block *b)
{
	struct x86_jump jump;

	return b->call + 1 < l->nr && x86_listing_jump(l, b->call + 1, &jump) && !jump.is_call &&
	       !jump.is_conditional && jump.target == x86_listing_address(l, b->branch + 1);
}

/*
 * The branch jumps over the call. Or it jumps to it, where nothing else leads: then what is behind
 * both is the same code, or, if that was doubled, the branch is the one by the reason.
 */
static bool find_branch(const struct x86_listing *l, struct block *b)
{
	uint64_t behind = x86_listing_address(l, b->call + 1);
	size_t lowest = b->call > MAX_BLOCK ? b->call - MAX_BLOCK : 0;
	struct x86_jump jump;
	size_t only = 0, to = 0;
	int nr;

	for (b->first = b->call; b->first > lowest && !leaves(l, b->first - 1);)
		b->first--;
	b->branch = b->first - 1;
	nr = count_jumps(l, b, &only, &to);
	if (!nr)
		return b->first && x86_listing_jump(l, b->branch, &jump) && jump.is_conditional &&
		       jump.target == behind;
	b->branch = only;
	b->first = to;
	return nr == 1 && b->first < b->call && x86_listing_jump(l, b->branch, &jump) &&
	       jump.is_conditional && is_apart(l, b->first) &&
	       (goes_on(l, b) || (b->branch && is_comparison(l, b->branch - 1)));
}

/* Word of struct pt_regs of a register by its number in instructions. */
static uint8_t word_of(unsigned reg)
{
	static const uint8_t words[16] = { 10, 11, 12, 5, 19, 4, 13, 14, 9, 8, 7, 6, 3, 2, 1, 0 };

	return words[reg & 15];
}

/* n(%rsp) or n(%rbp): what the bytes that say where an operand is, `size` of them, have as n. */
static bool read_displacement(const uint8_t *b, size_t size, int32_t *ret)
{
	uint8_t mode = b[0] >> 6, base = b[0] & 7;
	size_t at = 1;

	if ((base != RSP && base != RBP) || (mode == 0 && base == RBP) ||
	    (base == RSP && (size < 2 || b[at++] != 0x24)))
		return false;
	*ret = 0;
	if (mode == 1 && size == at + 1)
		*ret = (int8_t)b[at];
	else if (mode == 2 && size == at + 4)
		memcpy(ret, b + at, sizeof(*ret));
	else if (mode != 0)
		return false;
	return true;
}

/* mov n(%rsp),%reg, n(%rbp),%reg or of a register, of 32 bits or more: where it takes it from. */
static bool read_load(const uint8_t *b, size_t size, unsigned reg, struct abi_argument *ret)
{
	uint8_t rex = 0, mode, base;

	if ((b[0] & 0xf0) == 0x40) {
		rex = *b++;
		size--;
	}
	if (size < 2 || (b[0] != 0x8b && b[0] != 0x89))
		return false;
	mode = b[1] >> 6;
	base = b[1] & 7;
	*ret = (struct abi_argument){ .size = 4, .is_signed = 1 };
	if (mode == 3) {
		unsigned other = (b[1] >> 3 & 7) | (rex & 4) << 1, rm = base | (rex & 1) << 3;

		ret->how = ABI_ARGUMENT_REGISTER;
		ret->reg = word_of(b[0] == 0x8b ? rm : other);
		return (b[0] == 0x8b ? other : rm) == reg;
	}
	if (b[0] != 0x8b || rex & 7 || (b[1] >> 3 & 7) != reg ||
	    !read_displacement(b + 1, size - 1, &ret->offset))
		return false;
	ret->how = ABI_ARGUMENT_MEMORY;
	ret->reg = word_of(base);
	return true;
}

/* Where the generation, which goes into `reg`, is at the branch. */
static bool find_generation(const struct x86_listing *l, const struct block *b, unsigned reg,
			    struct abi_argument *ret)
{
	bool found = false;

	for (size_t i = b->first; i < b->call; i++) {
		struct abi_argument load;

		if (!x86_listing_prepares(l, i))
			return false;
		if (!read_load(x86_listing_bytes(l, i), x86_listing_size(l, i), reg, &load))
			continue;
		if (found)
			return false;
		*ret = load;
		found = true;
	}
	return found;
}

/* rbx, rbp, r12 to r15: what prepares a call puts nothing there. */
static bool is_kept(unsigned reg)
{
	return reg == RBX || reg == RBP || reg >= 12;
}

/* What the branch compares with 1, the reason, as the call finds it. how NONE: it isn't found. */
static struct abi_argument find_reason(const struct x86_listing *l, size_t branch)
{
	struct abi_argument ret = { .size = 4, .is_signed = 1 };
	const uint8_t *b;
	uint8_t rex = 0, base;
	size_t size;

	if (!branch || !is_comparison(l, branch - 1))
		return (struct abi_argument){ 0 };
	b = x86_listing_bytes(l, branch - 1);
	size = x86_listing_size(l, branch - 1);
	if ((b[0] & 0xf0) == 0x40) {
		rex = *b++;
		size--;
	}
	base = b[1] & 7;
	if (b[1] >> 6 == 3 && size == 3 && is_kept(base | (rex & 1) << 3)) {
		ret.how = ABI_ARGUMENT_REGISTER;
		ret.reg = word_of(base | (rex & 1) << 3);
	} else if (!rex && read_displacement(b + 1, size - 2, &ret.offset)) {
		ret.how = ABI_ARGUMENT_MEMORY;
		ret.reg = word_of(base);
	}
	return ret.how ? ret : (struct abi_argument){ 0 };
}

int gc_python_stops(const struct image *im, uint64_t collector, uint64_t *ret, int max)
{
	_cleanup_(x86_listing_done) struct x86_listing l = { 0 };
	int r = x86_listing_read(im, collector, &l), nr = 0;

	for (size_t i = 0; !r && i < l.nr; i++) {
		size_t call;

		if (loads_text(im, &l, i, "stop") < 0)
			continue;
		call = next_call(&l, i);
		if (call == l.nr || nr == max)
			return 0;
		ret[nr++] = x86_listing_address(&l, call);
	}
	return r == -ENOENT ? 0 : r < 0 ? r : nr;
}

int gc_python_start(const struct image *im, uint64_t collector, struct gc_python_start *ret)
{
	_cleanup_(x86_listing_done) struct x86_listing l = { 0 };
	struct abi_argument generation, passed = { .how = ABI_ARGUMENT_REGISTER, .size = 4 };
	struct block b = { 0 };
	int r = x86_listing_read(im, collector, &l), nr = 0;

	if (r)
		return r;
	for (size_t i = 0; i < l.nr; i++) {
		int reg = loads_text(im, &l, i, "start");

		if (reg < 0)
			continue;
		b.call = next_call(&l, i);
		reg = reg == RSI ? RDX : RSI;
		if (b.call == l.nr || !find_branch(&l, &b) || b.first > i || nr++ ||
		    !find_generation(&l, &b, (unsigned)reg, &generation))
			return -ENOENT;
		passed.reg = word_of((unsigned)reg);
	}
	if (!nr)
		return -ENOENT;
	passed.is_signed = 1;
	*ret = (struct gc_python_start){ x86_listing_address(&l, b.branch), generation,
					 x86_listing_address(&l, b.call), passed,
					 find_reason(&l, b.branch) };
	return 0;
}
