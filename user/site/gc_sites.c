// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "site/gc_sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "site/entry.h"

enum { SEARCHED_AT_ONCE = 1 << 18, MAX_SEARCHED_FOR = 256 };

struct abi_argument gc_argument(const struct image *im, unsigned n, unsigned size, unsigned shift,
				unsigned bits)
{
	/* rdi, rsi, rdx, rcx: words of struct pt_regs. */
	static const uint8_t x86[] = { 14, 13, 12, 11 };
	struct abi_argument a = { .how = ABI_ARGUMENT_REGISTER,
				  .size = (uint8_t)size,
				  .shift = (uint8_t)shift,
				  .bits = (uint8_t)bits };

	if (im->machine == EM_X86_64 && n < sizeof(x86))
		a.reg = x86[n];
	else if (im->machine == EM_AARCH64 && n < 8)
		a.reg = (uint8_t)n;
	else
		a = (struct abi_argument){ .how = ABI_ARGUMENT_NONE };
	return a;
}

int gc_add_place(const struct image *im, uint64_t address, const struct probe_site *site,
		 struct probe_sites *ret)
{
	struct probe_site s = *site;
	int r = entry_offset(im, address, &s.offset);

	return r ? r : probe_sites_add(ret, &s);
}

int gc_add_function(const struct image *im, uint64_t address, const struct probe_site *begin,
		    struct probe_sites *ret)
{
	struct probe_site s = *begin;
	int r;

	s.role = ABI_PROBE_BEGIN;
	s.flags |= ABI_PROBE_RETURN;
	r = gc_add_place(im, address, &s, ret);
	if (r)
		return r;
	memset(s.arguments, 0, sizeof(s.arguments));
	s.role = ABI_PROBE_END;
	s.is_return = true;
	return gc_add_place(im, address, &s, ret);
}

void gc_read_text(const struct image *im, uint64_t address, char *ret, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && !image_read(im, address + n, &ret[n], 1) && ret[n] >= ' ' &&
	       ret[n] <= '~')
		n++;
	ret[n] = '\0';
}

uint64_t gc_search(const struct image *im, struct image_section section, const void *bytes,
		   size_t size)
{
	_cleanup_free_ char *some = malloc(SEARCHED_AT_ONCE + MAX_SEARCHED_FOR);
	uint64_t limit = section.size < GC_MAX_SEARCHED ? section.size : GC_MAX_SEARCHED;

	if (!some || !size || size > MAX_SEARCHED_FOR)
		return 0;
	/* Pieces overlap by what may be cut in two. */
	for (uint64_t at = 0; at < limit; at += SEARCHED_AT_ONCE) {
		uint64_t left = limit - at, length = SEARCHED_AT_ONCE + size - 1;
		const char *found;

		length = left < length ? left : length;
		if (image_read(im, section.address + at, some, length))
			return 0;
		found = memmem(some, length, bytes, size);
		if (found)
			return section.address + at + (uint64_t)(found - some);
	}
	return 0;
}
