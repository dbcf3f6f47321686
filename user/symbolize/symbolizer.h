/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Addresses to names: a raw stack of a capture becomes a stack of a profile.
 * Each object is opened once and only when one of its addresses is asked for;
 * each distinct {object, offset} is resolved once; each name is demangled
 * once. Nothing here can fail because of what is in a file: a bad object
 * costs only its own names.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "model/capture.h"
#include "model/profile.h"

struct symbolizer;

struct symbolizer_settings {
	bool no_inline;	    /* one frame an address */
	bool no_lines;	    /* no DWARF at all: names from symbol tables */
	bool internals;	    /* an interpreter's own frames stay, too: see plumbing.h */
	size_t max_memory;  /* of all tables together; 0: no bound. DWARF goes first */
	bool at_tracepoint; /* kernel stacks begin in our own probe: those frames are left out */
	bool *ret_limited;  /* set when max_memory cost something; may be NULL */
};

/* `capture` stays the caller's and outlives the symbolizer; it may grow meanwhile. */
int symbolizer_new(struct symbolizer **ret, const struct capture *capture,
		   const struct symbolizer_settings *settings);
void symbolizer_free(struct symbolizer *s);
DEFINE_CLEANUP(struct symbolizer, symbolizer_free)

/* Resolves one raw stack of the capture into `into`. 0 or -ENOMEM. */
int symbolizer_stack(struct symbolizer *s, uint32_t raw_stack, struct profile *into,
		     uint32_t *ret_stack);
/* Bytes held by tables. */
size_t symbolizer_memory(const struct symbolizer *s);
