/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where runtimes collect their garbage. One descriptor each; collectors.c is
 * the table. A new one is a file with a descriptor, and a number in bpf/gc.h. A
 * place that isn't sure is not probed: -ENOTSUP says why.
 */
#pragma once
#include "gc.h"
#include "site/probe_site.h"

struct gc_collector {
	const char *name;	  /* label "runtime": "python" */
	const char *const *kinds; /* what a tag's kind and reason mean, by place; NULL ends them */
	const char *const *reasons; /* … NULL: it has none */
	/*
	 * As probe_finder.find, of this runtime. Sites: tag has its number (GC_RUNTIME_SHIFT) and
	 * what is always so; arguments fill in what a collection says. A file that isn't of this
	 * runtime must be told from its symbols or sections at the price of a few reads.
	 */
	image_finder_fn find;
};

/* By enum gc_runtime; [0] is NULL. */
extern const struct gc_collector *const gc_collectors[GC_RUNTIMES];

/* A probe_finder for all of them; its ctx is unused. */
int collectors_find(void *ctx, const struct runtime_image *image, struct probe_sites *ret,
		    struct strbuf *why);
