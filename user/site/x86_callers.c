// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "site/x86_code.h"

enum {
	AT_ONCE = 256 << 10,
	MAX_SEARCHED = 256 << 20, /* bytes of code */
	CALL_SIZE = 5,
};

struct callers {
	uint64_t target, *ret;
	int nr, max;
};

static void search_calls(struct callers *c, const uint8_t *bytes, size_t size, uint64_t address)
{
	for (size_t i = 0; size >= CALL_SIZE && i <= size - CALL_SIZE && c->nr < c->max; i++) {
		struct x86_jump jump;

		if ((bytes[i] & 0xfe) == 0xe8 &&
		    x86_jump(bytes + i, CALL_SIZE, address + i, &jump) && jump.target == c->target)
			c->ret[c->nr++] = address + i;
	}
}

int x86_callers(const struct image *im, uint64_t target, uint64_t *ret, int max, bool *ret_all)
{
	_cleanup_free_ uint8_t *bytes = malloc(AT_ONCE + CALL_SIZE - 1);
	struct callers c = { target, ret, 0, max };
	uint64_t budget = MAX_SEARCHED;

	if (!bytes)
		return -ENOMEM;
	*ret_all = true;
	for (size_t i = 0; i < im->nr_segments; i++) {
		const Elf64_Phdr *h = &im->segments[i];
		uint64_t left = h->p_type == PT_LOAD && h->p_flags & PF_X ? h->p_filesz : 0, at = 0;

		while (left && budget && c.nr < max) {
			uint64_t size = left < AT_ONCE + CALL_SIZE - 1 ? left
								       : AT_ONCE + CALL_SIZE - 1;
			uint64_t step = left < AT_ONCE ? left : AT_ONCE;

			if (!image_spend(im, size) || image_read(im, h->p_vaddr + at, bytes, size))
				break;
			search_calls(&c, bytes, size, h->p_vaddr + at);
			at += step;
			left -= step;
			budget -= step < budget ? step : budget;
		}
		*ret_all &= !left;
	}
	return c.nr;
}
