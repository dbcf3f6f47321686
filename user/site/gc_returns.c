// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where functions are left, by their code: for what must not have a return probe. */
#include <errno.h>
#include <string.h>

#include "site/gc_sites.h"
#include "site/x86_code.h"

enum { MAX_PARTS = 8, MAX_RETURNS = 8 };

/* A function's parts, of which the first is where it begins. */
struct parts {
	const struct image *im;
	uint64_t addresses[MAX_PARTS];
	uint64_t ends[MAX_PARTS]; /* 0: not read yet */
	size_t nr;
	uint64_t returns[MAX_RETURNS];
	size_t nr_returns;
};

static bool is_return(const uint8_t *b, size_t length)
{
	bool has_prefix = length > 1 && (b[0] == 0xf2 || b[0] == 0xf3);

	return b[has_prefix] == 0xc3 || b[has_prefix] == 0xc2;
}

static bool add_return(struct parts *p, uint64_t address)
{
	if (p->nr_returns == MAX_RETURNS)
		return false;
	p->returns[p->nr_returns++] = address;
	return true;
}

/*
 * A jump to another part of the function makes that one to be read; one to another function leaves
 * this one there. false: it can't be told what it does.
 */
static bool take_jump(struct parts *p, uint64_t address, const struct x86_jump *jump)
{
	struct image_function f;

	for (size_t i = 0; i < p->nr; i++)
		if (jump->target >= p->addresses[i] && jump->target < p->ends[i])
			return true;
	if (!image_function(p->im, jump->target, &f))
		return false;
	if (!f.is_part)
		return jump->target == f.start && !jump->is_conditional && add_return(p, address);
	if (p->nr == MAX_PARTS)
		return false;
	p->addresses[p->nr] = f.start;
	p->ends[p->nr++] = f.end;
	return true;
}

static bool read_part(struct parts *p, const struct x86_code *code)
{
	size_t size = code->end - code->start, length;

	for (size_t at = 0; at < size; at += length) {
		uint64_t address = code->start + at;
		struct x86_jump jump;

		length = x86_length(code->bytes + at, size - at);
		if (!length || length > size - at)
			return false;
		if (is_return(code->bytes + at, length) && !add_return(p, address))
			return false;
		if (x86_jump(code->bytes + at, length, address, &jump) && !jump.is_call &&
		    !take_jump(p, address, &jump))
			return false;
	}
	return true;
}

int gc_add_returns(const struct image *im, uint64_t address, const struct probe_site *site,
		   struct probe_sites *ret)
{
	struct parts p = { .im = im, .addresses = { address }, .nr = 1 };
	int r = 0;

	for (size_t i = 0; i < p.nr; i++) {
		struct x86_code code;
		bool is_read;

		r = x86_code_read(im, p.addresses[i], &code);
		if (r)
			return r == -ENOENT ? 0 : r;
		p.ends[i] = code.end;
		/* It may begin with something else. */
		is_read = code.start == p.addresses[i] && read_part(&p, &code);
		x86_code_done(&code);
		if (!is_read)
			return 0;
	}
	for (size_t i = 0; i < p.nr_returns && !r; i++)
		r = gc_add_place(im, p.returns[i], site, ret);
	return r ? r : (int)p.nr_returns;
}
