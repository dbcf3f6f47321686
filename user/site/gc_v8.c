// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * V8 (Node.js and what else has it): Heap::PerformGarbageCollection(collector, reason, …), called
 * for each collection that stops the program, in the thread that asked for it. Steps of incremental
 * marking are none. Source of the numbers: src/common/globals.h (enum class
 * GarbageCollectionReason, "entries should not be renumbered") and src/heap/heap.h (enum
 * GarbageCollector) from V8 6.0 on.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "site/gc_sites.h"

enum { MAX_FUNCTIONS = 4 };

static const char PERFORM[] = "_ZN2v88internal4Heap24PerformGarbageCollection";
static const char FIRST_IS_COLLECTOR[] = "ENS0_16GarbageCollectorE";
static const char SECOND_IS_REASON[] = "NS0_23GarbageCollectionReasonE";

/* Of the embedder's interface: what defines one of these has V8 in it. */
static const char *const OF_V8[] = { "_ZN2v87Isolate8AllocateEv", "_ZN2v82V810GetVersionEv" };

static const char *const kinds[] = { "scavenge", "mark-compact", "minor mark-sweep", NULL };

static const char *const reasons[] = {
	"unknown",
	"allocation failure",
	"allocation limit",
	"context disposal",
	"counters extension",
	"debugger",
	"deserializer",
	"external memory pressure",
	"finalize marking via stack guard",
	"finalize marking via task",
	"full hash-table",
	"heap profiler",
	"task",
	"last resort",
	"low memory notification",
	"make heap iterable",
	"memory pressure",
	"memory reducer",
	"runtime",
	"sampling profiler",
	"snapshot creator",
	"testing",
	"external finalize",
	"global allocation limit",
	"measure memory",
	"background allocation failure",
	"finalize concurrent minor mark-sweep",
	"C++ heap allocation failure",
	NULL,
};

struct v8_functions {
	bool is_v8;
	uint64_t major, minor;		/* where the version's numbers are; 0: not known */
	uint64_t whole;			/* the function with all its arguments */
	bool has_collector, has_reason; /* what they are, by its name */
	uint64_t clones[MAX_FUNCTIONS]; /* … of which a compiler changed the arguments */
	size_t nr_clones;
};

/* What compilers append to names: is it a copy of the whole function? */
static bool is_clone(const char *suffix)
{
	while (*suffix == '.') {
		size_t length = strcspn(++suffix, ".");

		if (strncmp(suffix, "constprop", 9) != 0 && strncmp(suffix, "isra", 4) != 0 &&
		    strncmp(suffix, "lto_priv", 8) != 0 && strspn(suffix, "0123456789") != length)
			return false;
		suffix += length;
	}
	return !*suffix;
}

static void take_function(struct v8_functions *f, uint64_t address, const char *name)
{
	const char *arguments = name + sizeof(PERFORM) - 1;
	const char *suffix = arguments + strcspn(arguments, ".");

	/* ".llvm.": made visible to other units, and nothing else. */
	if (!*suffix || !strncmp(suffix, ".llvm.", 6)) {
		f->whole = address;
		f->has_collector = !strncmp(arguments, FIRST_IS_COLLECTOR,
					    sizeof(FIRST_IS_COLLECTOR) - 1);
		f->has_reason = f->has_collector &&
				!strncmp(arguments + sizeof(FIRST_IS_COLLECTOR) - 1,
					 SECOND_IS_REASON, sizeof(SECOND_IS_REASON) - 1);
		return;
	}
	for (size_t i = 0; i < f->nr_clones; i++)
		if (f->clones[i] == address)
			return;
	if (is_clone(suffix) && f->nr_clones < MAX_FUNCTIONS)
		f->clones[f->nr_clones++] = address;
}

static int take(void *ctx, const Elf64_Sym *s, const char *name)
{
	struct v8_functions *f = ctx;

	/* What isn't defined here is another file's. */
	if (strncmp(name, "_ZN2v8", 6) != 0 || s->st_shndx == SHN_UNDEF || !s->st_value)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(OF_V8); i++)
		f->is_v8 |= !strcmp(name, OF_V8[i]);
	if (!strcmp(name, "_ZN2v88internal7Version6major_E"))
		f->major = s->st_value;
	else if (!strcmp(name, "_ZN2v88internal7Version6minor_E"))
		f->minor = s->st_value;
	else if (ELF64_ST_TYPE(s->st_info) == STT_FUNC &&
		 !strncmp(name, PERFORM, sizeof(PERFORM) - 1))
		take_function(f, s->st_value, name);
	return 0;
}

static void say_version(const struct image *im, const struct v8_functions *f,
			struct probe_sites *ret)
{
	uint32_t major = 0, minor = 0;

	if (f->major && f->minor && !image_read(im, f->major, &major, sizeof(major)) &&
	    !image_read(im, f->minor, &minor, sizeof(minor)) && major < 1000 && minor < 1000)
		snprintf(ret->found, sizeof(ret->found), "V8 %" PRIu32 ".%" PRIu32, major, minor);
	else
		snprintf(ret->found, sizeof(ret->found), "V8");
}

static int add(const struct image *im, const struct v8_functions *f, struct probe_sites *ret)
{
	struct probe_site site = { .tag = GC_V8 };
	int r = 0;

	if (f->whole) {
		if (f->has_collector)
			site.arguments[0] = gc_argument(im, 1, 4, GC_KIND_SHIFT, GC_KIND_BITS);
		if (f->has_reason)
			site.arguments[1] = gc_argument(im, 2, 4, GC_REASON_SHIFT, GC_REASON_BITS);
		return gc_add_function(im, f->whole, &site, ret);
	}
	for (size_t i = 0; i < f->nr_clones && !r; i++)
		r = gc_add_function(im, f->clones[i], &site, ret);
	return r;
}

static int find(const struct image *im, struct probe_sites *ret, struct strbuf *why)
{
	struct v8_functions f = { 0 };
	const char *table = ".dynsym";
	int r = image_each_symbol(im, SHT_DYNSYM, take, &f);

	if (r || !(f.is_v8 || f.whole))
		return r;
	if (!f.whole) {
		table = ".symtab";
		r = image_each_symbol(im, SHT_SYMTAB, take, &f);
	}
	if (r)
		return r;
	say_version(im, &f, ret);
	r = f.whole || f.nr_clones ? add(im, &f, ret) : -EFAULT;
	if (r == -EFAULT) {
		strbuf_adds(why, "no symbol Heap::PerformGarbageCollection in this build");
		return -ENOTSUP;
	}
	if (r)
		return r;
	snprintf(ret->how, sizeof(ret->how), "PerformGarbageCollection of %s", table);
	return 1;
}

const struct gc_collector gc_v8 = {
	.name = "v8",
	.kinds = kinds,
	.reasons = reasons,
	.find = find,
};
