/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A function's code as a list of instructions, in order of their addresses.
 */
#pragma once
#include "site/x86_code.h"

struct x86_listing {
	struct x86_code code;
	uint32_t *at; /* where instructions begin */
	size_t nr;
};

/*
 * The code that an address lies in, up to the end of its FDE. 0; -ENOENT: there is none, or what is
 * no instruction; -ENOMEM. x86_listing_done() in any case.
 */
int x86_listing_read(const struct image *im, uint64_t address, struct x86_listing *ret);
void x86_listing_done(struct x86_listing *l);

/* Of the ith one. */
const uint8_t *x86_listing_bytes(const struct x86_listing *l, size_t i);
uint64_t x86_listing_address(const struct x86_listing *l, size_t i);
size_t x86_listing_size(const struct x86_listing *l, size_t i);
/* As x86_jump(). */
bool x86_listing_jump(const struct x86_listing *l, size_t i, struct x86_jump *ret);

/* The instruction at an address; nr: none begins there. */
size_t x86_listing_find(const struct x86_listing *l, uint64_t address);
/* Does a jump of the listing lead to an address from `first` to `last`? */
bool x86_listing_leads_to(const struct x86_listing *l, uint64_t first, uint64_t last);
/* Does it jump where a register or a table says? */
bool x86_listing_is_switch(const struct x86_listing *l, size_t i);
/* Does it prepare a call, and nothing else: mov, lea, xor, of vectors too? */
bool x86_listing_prepares(const struct x86_listing *l, size_t i);
