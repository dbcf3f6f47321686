// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "site/collector.h"

#include "site/gc_python.h"
#include "site/gc_sites.h"

const struct gc_collector *const gc_collectors[GC_RUNTIMES] = {
	[GC_PYTHON] = &gc_python, [GC_HOTSPOT] = &gc_hotspot, [GC_V8] = &gc_v8,
	[GC_GO] = &gc_go,	  [GC_PHP] = &gc_php,	      [GC_RUBY] = &gc_ruby,
};

static int find(const struct image *im, struct probe_sites *ret, struct strbuf *why)
{
	int r = 0;

	for (size_t i = 1; i < GC_RUNTIMES && !r; i++)
		r = gc_collectors[i] ? gc_collectors[i]->find(im, ret, why) : 0;
	return r;
}

int collectors_find(void *ctx, const struct runtime_image *image, struct probe_sites *ret,
		    struct strbuf *why)
{
	(void)ctx;
	return probe_sites_find(image, find, ret, why);
}
