// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Ruby collects in steps: gc_start() marks, or begins to, and some of what remains is done whenever
 * a page of objects is wanted. By symbols all of it is seen: the functions that do so, and what
 * they call, where a compiler has copied one of them into others. Ruby code does not run in there
 * (hooks can't make objects, finalizers are put off), so no stack is switched, and nothing but a
 * lack of memory leaves one by longjmp: return probes are safe. USDT (--enable-dtrace) tells of
 * the marking in gc_start(), and of sweeping. Source: gc.c, from 3.4 on gc/default/default.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "site/gc_sites.h"
#include "site/usdt.h"
#include "site/x86_code.h"

enum { KIND_MARK = 1, KIND_SWEEP, KIND_COLLECTION, KIND_STEP, KIND_REST }; /* places of `kinds` */

static const char *const kinds[] = { "mark", "sweep", "collection", "step", "rest", NULL };

enum { MAX_CODE = 32, MAX_CALLERS = 64, MAX_VERSION = 16 };

/* Each calls only those below it. A function is a pair: its place here, from 1. */
static const struct {
	const char *name;
	uint32_t kind;
} functions[] = {
	{ "gc_start", KIND_COLLECTION },
	{ "gc_continue", KIND_STEP }, /* from 3.3 on; before it the next two are all there is */
	{ "gc_marks_continue", KIND_MARK },
	{ "gc_sweep_continue", KIND_SWEEP },
	{ "gc_rest", KIND_REST },
	{ "gc_marks_rest", KIND_MARK },
	{ "gc_marks_finish", KIND_MARK },
	{ "gc_sweep", KIND_SWEEP },
	{ "gc_sweep_step", KIND_SWEEP },
	{ "gc_mark_roots", 0 }, /* not by calls of gc_start() that find that they may not collect */
};
enum { START, CONTINUE, MARKS_CONTINUE, MARKS_REST = 5, ROOTS = 9 };

/* A function, a clone or a part of one. */
struct code {
	uint64_t address, size;
	unsigned which; /* of `functions` */
	bool is_part, is_cold;
	bool is_seen; /* what it does is: it or what calls it is probed */
};

struct search {
	const struct image *im;
	struct code found[MAX_CODE];
	size_t nr;
};

static int take_symbol(void *ctx, const Elf64_Sym *symbol, const char *name)
{
	struct search *s = ctx;
	size_t length = strcspn(name, ".");

	if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF ||
	    !image_is_code(s->im, symbol->st_value))
		return 0;
	for (unsigned i = 0; i < ARRAY_SIZE(functions); i++) {
		if (strncmp(name, functions[i].name, length) != 0 || functions[i].name[length])
			continue;
		/* So many aren't Ruby's. */
		if (s->nr == MAX_CODE)
			return -E2BIG;
		s->found[s->nr++] = (struct code){ .address = symbol->st_value,
						   .size = symbol->st_size,
						   .which = i,
						   .is_part = strstr(name + length, ".part"),
						   .is_cold = strstr(name + length, ".cold") };
	}
	return 0;
}

static bool is_inside(const struct code *c, uint64_t address)
{
	return address >= c->address && address - c->address < c->size;
}

/* Their number, of which MAX_CALLERS may be more; 0: not all are known; -ENOMEM. */
static int callers_of(const struct search *s, const struct code *c, uint64_t ret[MAX_CALLERS])
{
	bool is_all;
	int nr;

	if (s->im->machine != EM_X86_64)
		return 0;
	nr = x86_callers(s->im, c->address, ret, MAX_CALLERS, &is_all);
	return nr < 0 || is_all ? nr : 0;
}

/* Is it only called from what is seen? 1, 0 or -ENOMEM. */
static int is_called_by_seen(const struct search *s, const struct code *c)
{
	uint64_t callers[MAX_CALLERS];
	int nr = callers_of(s, c, callers);

	if (nr <= 0 || nr == MAX_CALLERS)
		return nr < 0 ? nr : 0;
	for (int i = 0; i < nr; i++) {
		size_t k = 0;

		while (k < s->nr && !(s->found[k].is_seen && is_inside(&s->found[k], callers[i])))
			k++;
		if (k == s->nr)
			return 0;
	}
	return 1;
}

/* Of what was split, does it only look whether the rest is to be called? 1, 0 or -ENOMEM. */
static int is_head(const struct search *s, const struct code *c)
{
	uint64_t callers[MAX_CALLERS];

	for (size_t k = 0; k < s->nr && !c->is_part; k++) {
		int nr = 0;

		if (s->found[k].which == c->which && s->found[k].is_part)
			nr = callers_of(s, &s->found[k], callers);
		if (nr < 0)
			return nr;
		for (int i = 0; i < nr; i++)
			if (is_inside(c, callers[i]))
				return 1;
	}
	return 0;
}

static bool has(const struct search *s, unsigned which)
{
	for (size_t i = 0; i < s->nr; i++)
		if (s->found[i].which == which && !s->found[i].is_cold)
			return true;
	return false;
}

/* 0, -EFAULT or -ENOMEM. */
static int add_code(const struct search *s, const struct code *c, struct probe_sites *ret)
{
	struct probe_site site = { .pair = c->which + 1,
				   .tag = GC_RUBY | (uint64_t)functions[c->which].kind
							    << GC_KIND_SHIFT };

	if (c->which == ROOTS) {
		site = (struct probe_site){ .role = ABI_PROBE_TELL, .pair = START + 1 };
		return gc_add_place(s->im, c->address, &site, ret);
	}
	if (c->which == START && has(s, ROOTS))
		site.flags = ABI_PROBE_IF_TOLD;
	return gc_add_function(s->im, c->address, &site, ret);
}

/* Of one of `functions`. 0, -EFAULT or -ENOMEM. */
static int add_function(struct search *s, unsigned which, struct probe_sites *ret)
{
	for (size_t i = 0; i < s->nr; i++) {
		struct code *c = &s->found[i];
		int r = 0;

		if (c->which != which)
			continue;
		for (size_t k = 0; k < i; k++)
			c->is_cold |= s->found[k].address == c->address;
		if (!c->is_cold && which != ROOTS)
			r = which < MARKS_REST ? is_head(s, c) : is_called_by_seen(s, c);
		if (!c->is_cold && !r)
			r = add_code(s, c, ret);
		if (r < 0)
			return r;
		c->is_seen = true;
	}
	return 0;
}

/* 1; 0: there are none; -ENOMEM. */
static int add_functions(struct search *s, struct probe_sites *ret)
{
	size_t before = ret->nr;
	int r = 0;

	if (!has(s, START))
		return 0;
	for (unsigned i = 0; i < ARRAY_SIZE(functions) && !r; i++)
		r = add_function(s, i, ret);
	if (r == -EFAULT) {
		ret->nr = before;
		return 0;
	}
	return r ? r : 1;
}

static const struct usdt_name probes[] = { { "ruby", "gc__mark__begin" },
					   { "ruby", "gc__mark__end" },
					   { "ruby", "gc__sweep__begin" },
					   { "ruby", "gc__sweep__end" } };

/* 1: all are there; 0: not all; -ENOMEM. */
static int add_probes(const struct image *im, struct probe_sites *ret)
{
	_cleanup_free_ struct usdt_site *sites = NULL;
	int nr = usdt_find_all(im, probes, ARRAY_SIZE(probes), &sites), r = 0;

	if (nr <= 0)
		return nr;
	for (int i = 0; i < nr && !r; i++) {
		uint32_t kind = sites[i].which < 2 ? KIND_MARK : KIND_SWEEP;

		r = probe_sites_add(
			ret, &(struct probe_site){
				     .role = sites[i].which & 1 ? ABI_PROBE_END : ABI_PROBE_BEGIN,
				     .offset = sites[i].offset,
				     .semaphore = sites[i].semaphore,
				     .pair = kind,
				     .tag = GC_RUBY | (uint64_t)kind << GC_KIND_SHIFT });
	}
	return r ? r : 1;
}

/* 1; 0: nothing can be probed; negative errno. */
static int add(const struct image *im, struct probe_sites *ret)
{
	struct search s = { .im = im };
	const char *how = "gc_start of .symtab";
	bool has_steps;
	int r = image_each_symbol(im, SHT_SYMTAB, take_symbol, &s);

	if (r == -E2BIG)
		s.nr = 0;
	else if (r)
		return r;
	has_steps = has(&s, CONTINUE) || has(&s, MARKS_CONTINUE);
	r = has_steps ? add_functions(&s, ret) : 0;
	if (!r) {
		how = "USDT";
		r = add_probes(im, ret);
	}
	if (!r) {
		how = "gc_start of .symtab, but not all steps";
		r = add_functions(&s, ret);
	}
	if (r > 0)
		snprintf(ret->how, sizeof(ret->how), "%s", how);
	return r;
}

static int find(const struct image *im, struct probe_sites *ret, struct strbuf *why)
{
	struct image_symbol s[] = { { .name = "ruby_version" }, { .name = "rb_gc_start" } };
	char version[MAX_VERSION];
	size_t length;
	int r = image_symbols(im, SHT_DYNSYM, s, ARRAY_SIZE(s));

	if (r < (int)ARRAY_SIZE(s))
		return r < 0 ? r : 0;
	/* "3.1.2": the first two numbers. */
	gc_read_text(im, s[0].address, version, sizeof(version));
	length = strspn(version, "0123456789");
	length += strspn(version + length, ".");
	length += strspn(version + length, "0123456789");
	snprintf(ret->found, sizeof(ret->found), "Ruby%s%.*s", length ? " " : "", (int)length,
		 version);
	r = add(im, ret);
	if (!r) {
		strbuf_adds(why, "no probe in this build");
		return -ENOTSUP;
	}
	return r;
}

const struct gc_collector gc_ruby = {
	.name = "ruby",
	.kinds = kinds,
	.find = find,
};
