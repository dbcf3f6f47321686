// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who asks CPython for a collection, and has to wait for it. The kernel emulates the call, and
 * mostly what the caller does next: it calls those back who want to know that it is done. So both
 * cost less than the collector's own first instruction and its return.
 */
#include <errno.h>

#include "site/gc_python_inside.h"
#include "site/x86_listing.h"

enum { MAX_PARTS = 8, MAX_PART = 64 << 10 };

/* An address range, and the parts of a function that were looked through for jumps to it. */
struct line {
	const struct image *im;
	uint64_t first, last;
	uint64_t parts[MAX_PARTS];
	size_t nr_parts;
};

/* Does a listing lead there, as far as it says? */
static bool may_lead_to(const struct x86_listing *l, const struct line *to)
{
	for (size_t i = 0; i < l->nr; i++)
		if (x86_listing_is_switch(l, i))
			return true;
	return x86_listing_leads_to(l, to->first, to->last);
}

/* What compilers put elsewhere of a function may come back anywhere. 1: it may; 0; -ENOMEM. */
static int part_leads_to(struct line *to, uint64_t address)
{
	_cleanup_(x86_listing_done) struct x86_listing l = { 0 };
	struct image_function f;
	int r;

	/* Some linkers describe no PLT; parts always are. */
	if (!image_function(to->im, address, &f))
		return 0;
	for (size_t i = 0; i < to->nr_parts; i++)
		if (to->parts[i] == f.start)
			return 0;
	if (to->nr_parts == MAX_PARTS)
		return 1;
	to->parts[to->nr_parts++] = f.start;
	r = f.end - f.start > MAX_PART ? -ENOENT : x86_listing_read(to->im, address, &l);
	if (r == -ENOENT)
		/* Another function does not. */
		return f.is_part || address != f.start;
	return r ? r : may_lead_to(&l, to);
}

/* Is what lies from `first` to `last` come to by a jump? 1: it may be; 0; -ENOMEM. */
static int is_come_to(const struct image *im, const struct x86_listing *l, uint64_t first,
		      uint64_t last)
{
	struct line to = { .im = im, .first = first, .last = last };
	struct x86_jump jump;
	int r = may_lead_to(l, &to);

	for (size_t i = 0; i < l->nr && !r; i++)
		if (x86_listing_jump(l, i, &jump) && !jump.is_call &&
		    (jump.target < l->code.start || jump.target >= l->code.end))
			r = part_leads_to(&to, jump.target);
	return r;
}

/* VEX and EVEX: kernels take some of those for jumps. */
static bool can_be_probed(const struct x86_listing *l, size_t i)
{
	uint8_t first = x86_listing_bytes(l, i)[0];

	return first != 0x62 && first != 0xc4 && first != 0xc5;
}

/*
 * The next jump or call, if what prepares it is come to from the collector alone; else what is
 * right behind the call. 1; 0: that is come to from elsewhere, too; -ENOMEM.
 */
static int find_behind(const struct image *im, const struct x86_listing *l, size_t call,
		       uint64_t *ret)
{
	struct x86_jump jump;
	size_t i = call + 1;
	int r = 1;

	if (i == l->nr)
		return 0;
	*ret = x86_listing_address(l, i);
	while (i < l->nr && !x86_listing_jump(l, i, &jump) && x86_listing_prepares(l, i))
		i++;
	if (i < l->nr && x86_listing_jump(l, i, &jump))
		r = is_come_to(im, l, *ret, x86_listing_address(l, i));
	if (!r)
		*ret = x86_listing_address(l, i);
	else if (r > 0 && can_be_probed(l, call + 1))
		r = is_come_to(im, l, *ret, *ret);
	return r < 0 ? r : !r;
}

/* 1; 0: it is no call, or not known where it is over; -ENOMEM. */
static int read_ask(const struct image *im, uint64_t address, uint64_t collector,
		    struct gc_python_ask *ret)
{
	_cleanup_(x86_listing_done) struct x86_listing l = { 0 };
	int r = x86_listing_read(im, address, &l);
	struct x86_jump jump;
	size_t call;

	if (r)
		return r == -ENOENT ? 0 : r;
	call = x86_listing_find(&l, address);
	if (call == l.nr || !x86_listing_jump(&l, call, &jump) || !jump.is_call ||
	    jump.target != collector)
		return 0;
	ret->call = address;
	return find_behind(im, &l, call, &ret->behind);
}

/* Who asks again at once would begin where the first one ends, in an order that nobody knows. */
static bool is_apart(const struct gc_python_ask *asks, int nr)
{
	for (int i = 0; i < nr; i++)
		for (int k = 0; k < nr; k++)
			if (asks[i].behind == asks[k].call)
				return false;
	return true;
}

int gc_python_asks(const struct image *im, uint64_t collector,
		   struct gc_python_ask ret[GC_PYTHON_ASKS])
{
	uint64_t callers[GC_PYTHON_ASKS + 1];
	bool all;
	int nr = x86_callers(im, collector, callers, GC_PYTHON_ASKS + 1, &all);

	if (nr < 0 || nr > GC_PYTHON_ASKS || !all)
		return nr < 0 ? nr : 0;
	for (int i = 0; i < nr; i++) {
		int r = read_ask(im, callers[i], collector, &ret[i]);

		if (r <= 0)
			return r;
	}
	return is_apart(ret, nr) ? nr : 0;
}
