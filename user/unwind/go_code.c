// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unwind/go_code.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "cfi.h"

enum {
	WINDOW = 256 << 10,
	ALIGNMENT = 16, /* of functions, at least */
	MAX_CHECK = 32, /* bytes of what a function begins with */
};

int go_code_add(struct go_code *g, const struct go_row *row)
{
	int r;

	if (g->nr == GO_MAX_ROWS)
		return 0;
	r = array_reserve(g->rows, g->capacity, g->nr + 1);
	if (!r)
		g->rows[g->nr++] = *row;
	return r;
}

void go_code_done(struct go_code *g)
{
	free(g->rows);
	*g = (struct go_code){ 0 };
}

/*
 * Functions begin with a look whether their frame has room: cmp (r14 + 16 or 24), rsp; or r12, with
 * lea -n(rsp), r12 before; and a jump if it has not. Nobody else does that. To the first
 * instruction behind it the return address is at rsp. 0: it is none; or bytes up to that.
 */
static uint32_t match_check(const uint8_t *at)
{
	uint32_t n = 0;

	if (at[0] == 0x4c && at[1] == 0x8d && (at[2] == 0x64 || at[2] == 0xa4) && at[3] == 0x24)
		n = at[2] == 0x64 ? 5 : 8;
	if (at[n] != (n ? 0x4d : 0x49) || at[n + 1] != 0x3b || at[n + 2] != 0x66 ||
	    (at[n + 3] != 0x10 && at[n + 3] != 0x18))
		return 0;
	n += 4;
	if (at[n] == 0x76)
		return n + 2;
	return at[n] == 0x0f && at[n + 1] == 0x86 ? n + 6 : 0;
}

static int search_entries(const struct go_window *w, struct go_code *ret)
{
	int r = 0;

	for (size_t at = -w->address % ALIGNMENT; !r && at + MAX_CHECK <= w->size;
	     at += ALIGNMENT) {
		uint32_t size = match_check(w->bytes + at);
		struct go_row row = { w->address + at, size + 1, 1 << CFI_OFFSET_SHIFT, 0 };

		if (size)
			r = go_code_add(ret, &row);
	}
	return r;
}

static int by_begin(const void *a, const void *b)
{
	const struct go_row *x = a, *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

int go_code_read(const struct elf_image *image, const struct unwind_segment *code,
		 struct go_code *ret)
{
	uint64_t size = code->size < GO_MAX_TEXT ? code->size : GO_MAX_TEXT;
	uint64_t near = GO_STACKS_MAX_TEXT;
	_cleanup_free_ uint8_t *bytes = NULL;
	int r = 0;

	*ret = (struct go_code){ 0 };
	if (image->machine != EM_X86_64)
		return 0;
	bytes = malloc(WINDOW);
	if (!bytes)
		return -ENOMEM;
	for (uint64_t at = 0; !r && at < size; at += WINDOW - 2 * GO_STACKS_REACH) {
		struct go_window w = { bytes, size - at < WINDOW ? size - at : WINDOW,
				       code->address + at };

		if (elf_image_read(image, code->offset + at, bytes, w.size))
			break;
		size_t before = ret->nr;

		if (at < near)
			r = go_stacks_search(&w, ret);
		if (ret->nr > before && near > at + GO_STACKS_NEAR)
			near = at + GO_STACKS_NEAR;
		if (!r)
			r = search_entries(&w, ret);
	}
	if (ret->nr)
		qsort(ret->rows, ret->nr, sizeof(*ret->rows), by_begin);
	return r;
}
