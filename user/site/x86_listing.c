// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "site/x86_listing.h"

#include <errno.h>
#include <stdlib.h>

void x86_listing_done(struct x86_listing *l)
{
	x86_code_done(&l->code);
	free(l->at);
}

int x86_listing_read(const struct image *im, uint64_t address, struct x86_listing *ret)
{
	int r = x86_code_read(im, address, &ret->code);
	size_t total, size;

	if (r)
		return r;
	total = ret->code.end - ret->code.start;
	ret->at = malloc((total + 1) * sizeof(*ret->at));
	if (!ret->at)
		return -ENOMEM;
	for (size_t at = 0; at < total; at += size) {
		size = x86_length(ret->code.bytes + at, total - at);
		if (!size)
			return -ENOENT;
		ret->at[ret->nr++] = (uint32_t)at;
	}
	ret->at[ret->nr] = (uint32_t)total;
	return 0;
}

const uint8_t *x86_listing_bytes(const struct x86_listing *l, size_t i)
{
	return l->code.bytes + l->at[i];
}

uint64_t x86_listing_address(const struct x86_listing *l, size_t i)
{
	return l->code.start + l->at[i];
}

size_t x86_listing_size(const struct x86_listing *l, size_t i)
{
	return l->at[i + 1] - l->at[i];
}

bool x86_listing_jump(const struct x86_listing *l, size_t i, struct x86_jump *ret)
{
	return x86_jump(x86_listing_bytes(l, i), x86_listing_size(l, i), x86_listing_address(l, i),
			ret);
}

size_t x86_listing_find(const struct x86_listing *l, uint64_t address)
{
	size_t low = 0, high = l->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (x86_listing_address(l, middle) < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->nr && x86_listing_address(l, low) == address ? low : l->nr;
}

bool x86_listing_leads_to(const struct x86_listing *l, uint64_t first, uint64_t last)
{
	struct x86_jump jump;

	for (size_t i = 0; i < l->nr; i++)
		if (x86_listing_jump(l, i, &jump) && !jump.is_call && jump.target >= first &&
		    jump.target <= last)
			return true;
	return false;
}

bool x86_listing_is_switch(const struct x86_listing *l, size_t i)
{
	const uint8_t *b = x86_listing_bytes(l, i);
	size_t size = x86_listing_size(l, i);

	for (; size > 2 && (*b == 0x3e || *b == 0xf2 || (*b & 0xf0) == 0x40); b++)
		size--;
	/* jmp *n(%rip) goes to another function. */
	return size > 1 && b[0] == 0xff && (b[1] >> 3 & 7) == 4 && (b[1] & 0xc7) != 5;
}

bool x86_listing_prepares(const struct x86_listing *l, size_t i)
{
	const uint8_t *b = x86_listing_bytes(l, i);
	size_t size = x86_listing_size(l, i);

	while (size > 1 && (*b == 0x66 || *b == 0xf2 || *b == 0xf3 || (*b & 0xf0) == 0x40)) {
		b++;
		size--;
	}
	switch (b[0]) {
	case 0x0f: /* none of which writes a register that can be asked for */
		return size > 1 && (b[1] & 0xf0) != 0x80;
	case 0x31:
	case 0x33:
	case 0x89:
	case 0x8b:
	case 0x8d:
	case 0x90:
	case 0xb8 ... 0xbf:
	case 0xc5:
	case 0xc7:
		return true;
	default:
		return false;
	}
}
