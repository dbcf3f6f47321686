// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where CPython's collector is. By symbols: "collect" to 3.9, "gc_collect_main" from 3.10 on, and
 * clones of them ("collect.constprop.0"). In stripped files: what exported PyGC_Collect() calls
 * with the oldest generation, 2, as second argument.
 *
 *	to 3.7		collect(generation, &n, &m, …)
 *	3.8		collect(state, generation, &n, &m, …)
 *	3.9 to 3.12	(thread, generation, &n, &m, …)
 *	from 3.13 on	(thread, generation, reason)
 */
#include <errno.h>
#include <string.h>

#include "site/gc_python_inside.h"
#include "site/x86_code.h"

enum { MAX_CALLERS = 64, OLDEST = 2, MANUAL = 2 };

struct search {
	const struct image *im;
	const char *base;
	bool is_old, is_ours; /* to 3.9; within symbols of the collector's file */
	int nr;
	struct {
		uint64_t address;
		bool is_clone, is_part;
	} found[GC_PYTHON_COLLECTORS];
};

/* "", ".lto_priv.0": a function as it was written, under another name. */
static bool is_as_written(const char *suffix)
{
	return !*suffix || !strncmp(suffix, ".lto_priv.", 10) || !strncmp(suffix, ".llvm.", 6);
}

static int take_symbol(void *ctx, const Elf64_Sym *symbol, const char *name)
{
	struct search *s = ctx;
	size_t length = strlen(s->base);
	const char *suffix = name + length;

	if (ELF64_ST_TYPE(symbol->st_info) == STT_FILE) {
		s->is_ours = !strcmp(name, "gcmodule.c") || !strcmp(name, "gc.c") ||
			     !strcmp(name, "gc_free_threading.c");
		return 0;
	}
	if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF ||
	    strncmp(name, s->base, length) != 0 || (*suffix && *suffix != '.') ||
	    strstr(suffix, ".cold") || s->nr == GC_PYTHON_COLLECTORS ||
	    !image_is_code(s->im, symbol->st_value))
		return 0;
	/* "collect" may be anybody's. */
	if (s->is_old && !s->is_ours)
		return 0;
	for (int i = 0; i < s->nr; i++)
		if (s->found[i].address == symbol->st_value)
			return 0;
	s->found[s->nr].address = symbol->st_value;
	s->found[s->nr].is_clone = !is_as_written(suffix);
	s->found[s->nr++].is_part = strstr(suffix, ".part");
	return 0;
}

struct classified {
	uint64_t target;
	int nr;
	enum gc_python_generation generation;
	bool differs;
};

/*
 * The generation stands before two addresses of the caller's variables. There may be nothing, in
 * a clone for one generation, of which only the oldest is ever written out; or the thread, of 64
 * bits.
 */
static int classify_call(void *ctx, const struct gc_python_call *call)
{
	const struct gc_python_operand *o = call->operands;
	struct classified *c = ctx;
	enum gc_python_generation generation;
	int i;

	if (call->target != c->target)
		return 0;
	for (i = 0; i < 3; i++)
		if (o[i].what == GC_PYTHON_STACK && o[i + 1].what == GC_PYTHON_STACK)
			break;
	if (i == 3)
		return 0;
	generation = GC_PYTHON_FULL;
	if (i && (o[i - 1].what == GC_PYTHON_UNKNOWN || o[i - 1].what == GC_PYTHON_STACK))
		return 0;
	if (i && o[i - 1].what != GC_PYTHON_WIDE)
		generation = i == 1 ? GC_PYTHON_FIRST : GC_PYTHON_SECOND;
	c->differs |= c->nr && generation != c->generation;
	c->generation = generation;
	c->nr++;
	return 0;
}

/* To 3.12. 0, -ENOMEM. */
static int classify(const struct image *im, uint64_t target, enum gc_python_generation *ret)
{
	struct classified c = { .target = target };
	uint64_t callers[MAX_CALLERS], last = 0;
	bool all;
	int nr = x86_callers(im, target, callers, MAX_CALLERS, &all);

	for (int i = 0; i < nr; i++) {
		struct image_function f;
		int r;

		/* One look shows all calls of a function. */
		if (!image_function(im, callers[i], &f) || f.start == last)
			continue;
		last = f.start;
		r = gc_python_each_call(im, callers[i], classify_call, &c);
		if (r)
			return r;
	}
	if (nr < 0)
		return nr;
	if (c.differs)
		*ret = GC_PYTHON_UNTOLD;
	else if (c.nr)
		*ret = c.generation;
	return 0;
}

/* As the source has it. */
static struct gc_python_collector as_written(uint64_t address, unsigned minor)
{
	return (struct gc_python_collector){
		.address = address,
		.generation = minor <= 7 ? GC_PYTHON_FIRST : GC_PYTHON_SECOND,
		.has_reason = minor >= 13,
		.is_reentered = minor == 12,
		.is_told = minor >= 13,
	};
}

static int by_symbols(const struct image *im, unsigned minor, struct gc_python_collector *ret)
{
	struct search s = { .im = im,
			    .base = minor <= 9 ? "collect" : "gc_collect_main",
			    .is_old = minor <= 9 };
	int r = image_each_symbol(im, SHT_SYMTAB, take_symbol, &s), nr = 0;
	bool has_whole = false;

	if (r)
		return r;
	for (int i = 0; i < s.nr; i++)
		has_whole |= !s.found[i].is_part;
	for (int i = 0; i < s.nr; i++) {
		/* A part is called by the whole, which is probed. */
		if (has_whole && s.found[i].is_part)
			continue;
		ret[nr] = as_written(s.found[i].address, minor);
		if (s.found[i].is_clone)
			ret[nr] = (struct gc_python_collector){ .address = s.found[i].address,
								.is_reentered = minor == 12,
								.is_told = minor >= 13 };
		r = minor <= 12 ? classify(im, s.found[i].address, &ret[nr].generation) : 0;
		if (r)
			return r;
		nr++;
	}
	return nr;
}

struct exported {
	const struct image *im;
	bool has_reason;
	uint64_t target;
};

static int take_collector(void *ctx, const struct gc_python_call *call)
{
	const struct gc_python_operand *o = call->operands;
	struct exported *e = ctx;
	struct image_function f;

	if (o[1].what != GC_PYTHON_NUMBER || o[1].number != OLDEST ||
	    (e->has_reason && (o[2].what != GC_PYTHON_NUMBER || o[2].number != MANUAL)) ||
	    !image_function(e->im, call->target, &f) || f.start != call->target)
		return 0;
	e->target = call->target;
	return 1;
}

/* PyGC_Collect() itself is not enough: automatic collections don't pass it. */
static int by_export(const struct image *im, unsigned minor, struct gc_python_collector *ret)
{
	struct image_symbol s = { .name = "PyGC_Collect" };
	struct exported e = { .im = im, .has_reason = minor >= 13 };
	uint64_t callers[2];
	bool all;
	int r = minor < 9 ? 0 : image_symbols(im, SHT_DYNSYM, &s, 1);

	if (!r && minor >= 9)
		r = image_symbols(im, SHT_SYMTAB, &s, 1);
	if (r <= 0 || !s.is_code)
		return r < 0 ? r : 0;
	r = gc_python_each_call(im, s.address, take_collector, &e);
	if (r <= 0)
		return r;
	r = x86_callers(im, e.target, callers, 2, &all);
	if (r < 2)
		return r < 0 ? r : 0;
	*ret = as_written(e.target, minor);
	return 1;
}

int gc_python_collectors(const struct image *im, const struct python_release *release,
			 struct gc_python_collector ret[GC_PYTHON_COLLECTORS], const char **ret_how)
{
	unsigned minor = release->minor;
	int nr = by_symbols(im, minor, ret);

	*ret_how = minor <= 9 ? "collect of .symtab" : "gc_collect_main of .symtab";
	if (nr)
		return nr;
	*ret_how = "PyGC_Collect";
	return by_export(im, minor, ret);
}
