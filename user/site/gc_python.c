// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where CPython collects: its own probes, which distributions build in, else the function that
 * collects. Its return is probed, too: CPython does not move stacks.
 */
#include "site/gc_python.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "runtime/python.h"
#include "site/entry.h"
#include "site/gc_python_inside.h"
#include "site/gc_sites.h"
#include "site/usdt.h"

enum { OLDEST = 2, FIRST_MINOR = 6, LAST_MINOR = 15, TELLS_REASON = 13, MAX_STOPS = 4 };

/* As enum _PyGC_Reason of CPython from 3.13 on. */
static const char *const reasons[] = { "automatic", "shutdown", "manual", NULL };

static const struct probe_site blank = { .tag = (uint64_t)GC_PYTHON << GC_RUNTIME_SHIFT };

static void set_generation(struct abi_argument *a)
{
	a->shift = GC_GENERATION_SHIFT;
	a->bits = GC_GENERATION_BITS;
}

static struct abi_argument of_register(uint8_t word, uint8_t shift, uint8_t bits)
{
	return (struct abi_argument){ .how = ABI_ARGUMENT_REGISTER,
				      .reg = word,
				      .size = 4,
				      .is_signed = 1,
				      .shift = shift,
				      .bits = bits };
}

/* 1; 0: there are no such probes; -ENOMEM. */
static int add_own(const struct image *im, struct probe_sites *ret)
{
	static const struct usdt_name names[] = { { "python", "gc__start" },
						  { "python", "gc__done" } };
	_cleanup_free_ struct usdt_site *found = NULL;
	int nr = usdt_find_all(im, names, 2, &found), r;

	if (nr <= 0)
		return nr;
	for (int i = 0; i < nr; i++) {
		struct probe_site site = blank;

		site.role = found[i].which ? ABI_PROBE_END : ABI_PROBE_BEGIN;
		site.offset = found[i].offset;
		site.semaphore = found[i].semaphore;
		if (!found[i].which &&
		    usdt_argument(found[i].arguments, 0, im->machine, &site.arguments[0]))
			set_generation(&site.arguments[0]);
		r = probe_sites_add(ret, &site);
		if (r)
			return r;
	}
	snprintf(ret->how, sizeof(ret->how), "USDT");
	return 1;
}

/* Words of arguments in struct pt_regs. */
static uint8_t word_of(const struct image *im, unsigned argument)
{
	static const uint8_t x86[] = { GC_PYTHON_RDI, GC_PYTHON_RSI, GC_PYTHON_RDX };

	return im->machine == EM_X86_64 ? x86[argument] : (uint8_t)argument;
}

/* 0; -ENOENT: it has no code there; -ENOMEM. */
static int add_at(const struct image *im, uint64_t address, struct probe_site *site,
		  struct probe_sites *ret)
{
	return image_offset(im, address, &site->offset) ? -ENOENT : probe_sites_add(ret, site);
}

/* Where only a real collection passes: the generation is known there, even an automatic one's. */
static int add_start(const struct image *im, const struct gc_python_collector *c, uint32_t pair,
		     struct probe_sites *ret)
{
	struct probe_site site = blank;
	struct gc_python_start start;
	int r = gc_python_start(im, c->address, &start);

	if (r)
		return r;
	site.role = ABI_PROBE_TELL;
	site.pair = pair;
	site.arguments[0] = start.generation;
	set_generation(&site.arguments[0]);
	return add_at(im, start.branch, &site, ret);
}

/*
 * From where the collector says that it begins to where it says that it is done: two calls, which
 * the kernel emulates. That is no return probe, which is deadly to a program that leaves a
 * collection for another stack, as greenlets may in a finalizer, and begins another there. Those
 * with which an interpreter ends say nothing. 1; 0: it is not known where; -ENOMEM.
 */
static int add_between(const struct image *im, const struct gc_python_collector *c, uint32_t pair,
		       struct probe_sites *ret)
{
	struct probe_site site = blank;
	struct gc_python_start start;
	uint64_t stops[MAX_STOPS];
	int r = gc_python_start(im, c->address, &start), nr;

	if (r)
		return r == -ENOENT ? 0 : r;
	nr = gc_python_stops(im, c->address, stops, MAX_STOPS);
	if (nr <= 0)
		return nr;
	site.pair = pair;
	site.role = ABI_PROBE_END;
	for (int i = 0; i < nr && !r; i++)
		r = add_at(im, stops[i], &site, ret);
	site.role = ABI_PROBE_BEGIN;
	site.arguments[0] = start.passed;
	set_generation(&site.arguments[0]);
	site.arguments[1] = start.reason;
	site.arguments[1].shift = GC_REASON_SHIFT;
	site.arguments[1].bits = start.reason.how ? GC_REASON_BITS : 0;
	if (!r)
		r = add_at(im, start.call, &site, ret);
	return r ? r : 1;
}

/* Which generation is collected, where a collector is called. */
static void tell_generation(const struct image *im, const struct gc_python_collector *c,
			    struct probe_site *begin)
{
	if (c->generation == GC_PYTHON_FULL)
		begin->tag |= (uint64_t)(OLDEST + 1) << GC_GENERATION_SHIFT;
	else if (c->generation != GC_PYTHON_UNTOLD)
		begin->arguments[0] = of_register(word_of(im, c->generation == GC_PYTHON_SECOND),
						  GC_GENERATION_SHIFT, GC_GENERATION_BITS);
}

/*
 * 3.12 runs the collection that was asked for also where one is under way, as a finalizer does: no
 * return probe there either, but those who ask, from their call on. 1; 0: they are not known;
 * -ENOMEM.
 */
static int add_asks(const struct image *im, const struct gc_python_collector *c, uint32_t pair,
		    struct probe_sites *ret)
{
	struct probe_site begin = blank, end = blank;
	struct gc_python_ask asks[GC_PYTHON_ASKS];
	int nr = gc_python_asks(im, c->address, asks), r = 0;

	begin.role = ABI_PROBE_BEGIN;
	end.role = ABI_PROBE_END;
	begin.pair = end.pair = pair;
	tell_generation(im, c, &begin);
	for (int i = 0; i < nr && !r; i++) {
		r = add_at(im, asks[i].call, &begin, ret);
		if (!r)
			r = add_at(im, asks[i].behind, &end, ret);
	}
	return nr < 0 ? nr : r ? r : nr > 0;
}

/*
 * Where that is not known: a place at each of the collector's returns, which the kernel steps
 * through. 1; 0: they are not known; -ENOENT, -ENOMEM.
 */
static int add_returns(const struct image *im, const struct gc_python_collector *c, uint32_t pair,
		       struct probe_sites *ret)
{
	struct probe_site begin = blank, end = blank;
	int r;

	begin.role = ABI_PROBE_BEGIN;
	end.role = ABI_PROBE_END;
	begin.pair = end.pair = pair;
	tell_generation(im, c, &begin);
	if (entry_offset(im, c->address, &begin.offset))
		return -ENOENT;
	r = gc_add_returns(im, c->address, &end, ret);
	if (r <= 0)
		return r == -ENOMEM ? r : 0;
	r = probe_sites_add(ret, &begin);
	return r ? r : 1;
}

/* 0, -ENOENT: it has no code in the file; -ENOMEM. */
static int add_collector(const struct image *im, const struct gc_python_collector *c, uint32_t pair,
			 struct probe_sites *ret)
{
	struct probe_site begin = blank, end = blank;
	int r;

	r = c->is_told ? add_between(im, c, pair, ret) : 0;
	if (!r && c->is_reentered)
		r = add_asks(im, c, pair, ret);
	if (!r && c->is_reentered)
		r = add_returns(im, c, pair, ret);
	if (r)
		return r < 0 ? r : 0;
	begin.role = ABI_PROBE_BEGIN;
	end.role = ABI_PROBE_END;
	begin.pair = end.pair = pair;
	begin.flags = end.flags = ABI_PROBE_RETURN;
	end.is_return = true;
	if (entry_offset(im, c->address, &begin.offset))
		return -ENOENT;
	end.offset = begin.offset;
	if (c->has_reason)
		begin.arguments[1] = of_register(word_of(im, 2), GC_REASON_SHIFT, GC_REASON_BITS);
	tell_generation(im, c, &begin);
	if (c->is_told) {
		r = add_start(im, c, pair, ret);
		if (r && r != -ENOENT)
			return r;
		/* -1 is passed for what is chosen then. */
		if (!r)
			begin.arguments[0] = (struct abi_argument){ 0 };
		end.flags |= r ? 0 : ABI_PROBE_IF_TOLD;
	}
	r = probe_sites_add(ret, &begin);
	return r ? r : probe_sites_add(ret, &end);
}

static int add_all(const struct image *im, const struct python_release *release,
		   struct probe_sites *ret)
{
	struct gc_python_collector found[GC_PYTHON_COLLECTORS];
	const char *how;
	int nr = gc_python_collectors(im, release, found, &how), r;

	for (int i = 0; i < nr; i++) {
		r = add_collector(im, &found[i], (uint32_t)i + 1, ret);
		if (r && r != -ENOENT)
			return r;
	}
	if (nr > 0 && ret->nr)
		snprintf(ret->how, sizeof(ret->how), "%s", how);
	return nr < 0 ? nr : ret->nr != 0;
}

static int find(const struct image *im, struct probe_sites *ret, struct strbuf *why)
{
	struct python_release release;
	int r = python_identify(im, &release);

	if (r == -ENOTSUP)
		strbuf_adds(why, "Python: its version can't be found in the file");
	if (r <= 0)
		return r;
	snprintf(ret->found, sizeof(ret->found), "Python %u.%u", release.major, release.minor);
	if (release.major == 3 && release.minor >= FIRST_MINOR) {
		r = add_own(im, ret);
		if (r)
			return r;
		if (release.minor > LAST_MINOR) {
			strbuf_adds(why, "not known how it collects, and no USDT");
			return -ENOTSUP;
		}
		r = add_all(im, &release, ret);
		if (r)
			return r;
	}
	strbuf_adds(why, "no probe in this build: neither USDT nor symbols");
	return -ENOTSUP;
}

const struct gc_collector gc_python = { .name = "python", .reasons = reasons, .find = find };
