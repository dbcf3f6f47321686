// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Ruby: its USDT probes around marking and sweeping, each of which may take place in steps. They
 * are there where it was configured with --enable-dtrace; where there is a symbol table, gc_start()
 * does: all of a collection that isn't put off. Source: probes.d, gc.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "site/gc_sites.h"
#include "site/usdt.h"

enum { KIND_MARK = 1, KIND_SWEEP, KIND_COLLECTION }; /* places of `kinds`, and pairs */

static const char *const kinds[] = { "mark", "sweep", "collection", NULL };

static const struct usdt_name probes[] = { { "ruby", "gc__mark__begin" },
					   { "ruby", "gc__mark__end" },
					   { "ruby", "gc__sweep__begin" },
					   { "ruby", "gc__sweep__end" } };

/* 1: all are there; 0: not all; -ENOMEM. */
static int add_probes(const struct image *im, struct probe_sites *ret)
{
	_cleanup_free_ struct usdt_site *sites = NULL;
	int nr = usdt_find(im, probes, ARRAY_SIZE(probes), &sites), r = 0;
	unsigned seen = 0;

	for (int i = 0; i < nr; i++)
		seen |= 1u << sites[i].which;
	if (nr < 0 || seen != (1u << ARRAY_SIZE(probes)) - 1)
		return nr < 0 ? nr : 0;
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

static int add_function(const struct image *im, struct probe_sites *ret)
{
	const struct probe_site site = { .pair = KIND_COLLECTION,
					 .tag = GC_RUBY | (uint64_t)KIND_COLLECTION
								  << GC_KIND_SHIFT };
	struct image_symbol s = { .name = "gc_start" };
	int r = image_symbols(im, SHT_SYMTAB, &s, 1);

	if (r <= 0 || !s.is_code)
		return r < 0 ? r : 0;
	r = gc_add_function(im, s.address, &site, ret);
	if (r)
		return r == -EFAULT ? 0 : r;
	return 1;
}

static int find(const struct image *im, struct probe_sites *ret, struct strbuf *why)
{
	struct image_symbol s[] = { { .name = "ruby_version" }, { .name = "rb_gc_start" } };
	const char *how = "USDT";
	char version[16];
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
	r = add_probes(im, ret);
	if (!r) {
		how = "gc_start of .symtab";
		r = add_function(im, ret);
	}
	if (!r) {
		strbuf_adds(why, "no probe in this build");
		return -ENOTSUP;
	}
	if (r < 0)
		return r;
	snprintf(ret->how, sizeof(ret->how), "%s", how);
	return 1;
}

const struct gc_collector gc_ruby = {
	.name = "ruby",
	.kinds = kinds,
	.find = find,
};
