// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * PHP 7 and 8: zend_gc_collect_cycles(), which is exported; programs may put another one in its
 * place (gc_collect_cycles), none does. A call that finds nothing to look at counts as a short one.
 * Destructors run while it does, and may switch to another stack: those of extensions'
 * coroutines, from 8.4 on those of fibers. Where another call is made there, the kernel,
 * which tells by stack pointers which calls have been left, would have the first one return
 * to nowhere. So it is probed at its return instructions. Source: Zend/zend_gc.c, UPGRADING of 8.4.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site/gc_sites.h"

enum { FIRST_ON_FIBERS = 804 };

static const char *const kinds[] = { "collection", NULL };

static int add(const struct image *im, uint64_t address, unsigned long version,
	       struct probe_sites *ret)
{
	struct probe_site site = { .role = ABI_PROBE_END, .tag = GC_PHP | 1ull << GC_KIND_SHIFT };
	int r = gc_add_returns(im, address, &site, ret);

	if (r < 0)
		return r;
	site.role = ABI_PROBE_BEGIN;
	if (r)
		return gc_add_place(im, address, &site, ret);
	/* PHP itself does not switch there. */
	if (version && version < FIRST_ON_FIBERS)
		return gc_add_function(im, address, &site, ret);
	return -EFAULT;
}

/* 803 of "8.3.1"; 0: it can't be told. */
static unsigned long version_of(const struct image *im)
{
	static const char before[] = "X-Powered-By: PHP/";
	uint64_t at = gc_search(im, image_section(im, ".rodata"), before, sizeof(before) - 1);
	char text[16], *end;
	unsigned long major;

	if (!at)
		return 0;
	gc_read_text(im, at + sizeof(before) - 1, text, sizeof(text));
	if (!isdigit((unsigned char)text[0]) || text[1] != '.' || !isdigit((unsigned char)text[2]))
		return 0;
	major = (unsigned long)(text[0] - '0');
	return major * 100 + strtoul(text + 2, &end, 10) % 100;
}

static int find(const struct image *im, struct probe_sites *ret, struct strbuf *why)
{
	static const char function[] = "zend_gc_collect_cycles";
	struct image_symbol s[] = { { .name = function }, { .name = "gc_possible_root" } };
	unsigned long version;
	int r = image_symbols(im, SHT_DYNSYM, s, 2);

	if (r < 2 || !s[0].is_code)
		return r < 0 ? r : 0;
	version = version_of(im);
	if (version)
		snprintf(ret->found, sizeof(ret->found), "PHP %lu.%lu", version / 100,
			 version % 100);
	else
		snprintf(ret->found, sizeof(ret->found), "PHP");
	r = add(im, s[0].address, version, ret);
	if (r == -EFAULT) {
		strbuf_adds(why, "where it returns can't be told in this build");
		return -ENOTSUP;
	}
	if (r)
		return r;
	snprintf(ret->how, sizeof(ret->how), "%s of .dynsym", function);
	return 1;
}

const struct gc_collector gc_php = {
	.name = "php",
	.kinds = kinds,
	.find = find,
};
