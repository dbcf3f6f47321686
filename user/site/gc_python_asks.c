// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who asks CPython for a collection, and has to wait for it. The kernel emulates the call, and
 * mostly what the caller does next: it calls those back who want to know that it is done. So both
 * cost less than the collector's own first instruction and its return.
 */
#include <errno.h>

#include "site/gc_python_inside.h"
#include "site/x86_listing.h"

/*
 * The next jump or call, if what prepares it is come to from the collector alone; else what is
 * right behind the call. 0: that is come to from elsewhere, too.
 */
static uint64_t find_behind(const struct x86_listing *l, size_t call)
{
	uint64_t first = x86_listing_address(l, call + 1);
	struct x86_jump jump;
	size_t i = call + 1;

	while (i < l->nr && !x86_listing_jump(l, i, &jump) && x86_listing_prepares(l, i))
		i++;
	if (i < l->nr && x86_listing_jump(l, i, &jump) &&
	    !x86_listing_leads_to(l, first, x86_listing_address(l, i)))
		return x86_listing_address(l, i);
	return call + 1 < l->nr && !x86_listing_leads_to(l, first, first) ? first : 0;
}

/* 0: it is no call, or not known where it is over; -ENOMEM. */
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
	*ret = (struct gc_python_ask){ address, find_behind(&l, call) };
	return ret->behind != 0;
}

int gc_python_asks(const struct image *im, uint64_t collector,
		   struct gc_python_ask ret[GC_PYTHON_ASKS])
{
	uint64_t callers[GC_PYTHON_ASKS + 1];
	int nr = gc_python_callers(im, collector, callers, GC_PYTHON_ASKS + 1);

	if (nr < 0 || nr > GC_PYTHON_ASKS)
		return nr < 0 ? nr : 0;
	for (int i = 0; i < nr; i++) {
		int r = read_ask(im, callers[i], collector, &ret[i]);

		if (r <= 0)
			return r;
	}
	return nr;
}
