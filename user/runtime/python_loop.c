// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where the code of the interpreter's loop is: its function, and the parts that a compiler put
 * elsewhere (in a section of code that is seldom run), which may have no symbol. The function jumps
 * to such a part, which has its frame at once, and jumps back. Jumps are searched at each byte:
 * that a wrong one hits a part of another function, and that part another wrong one that hits
 * the loop, is not to be expected.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "runtime/python_inside.h"

enum {
	MAX_CODE = 1 << 20,
	MAX_LOOKUPS = 8192,
	MAX_SEARCHED = 16 << 20, /* bytes of parts: a file can say that they overlap */
};

/* Where a jump of 32 bits (jmp, jcc) at a byte of a range leads. false: there is none. */
static bool read_jump(const uint8_t *bytes, const struct runtime_range *range, uint64_t at,
		      uint64_t *ret)
{
	uint64_t left = range->end - range->start - at;
	const uint8_t *b = bytes + at;
	size_t size = b[0] == 0xe9 ? 1 : 2;
	int32_t relative;

	if (left < size + 4 || (size == 2 && (b[0] != 0x0f || (b[1] & 0xf0) != 0x80)))
		return false;
	memcpy(&relative, b + size, sizeof(relative));
	*ret = range->start + at + size + 4 + (uint64_t)(int64_t)relative;
	return true;
}

static bool is_in(const struct runtime_range *r, uint64_t address)
{
	return address >= r->start && address < r->end;
}

/* Its bytes; NULL: not there, too many, or out of memory. */
static uint8_t *read_range(const struct image *im, const struct runtime_range *r)
{
	uint64_t size = r->end - r->start;
	uint8_t *bytes;

	if (!image_is_code(im, r->start) || !size || size > MAX_CODE)
		return NULL;
	bytes = malloc(size);
	if (bytes && image_read(im, r->start, bytes, size)) {
		free(bytes);
		return NULL;
	}
	return bytes;
}

static bool jumps_to(const struct image *im, const struct runtime_range *from,
		     const struct runtime_range *to)
{
	_cleanup_free_ uint8_t *bytes = read_range(im, from);
	uint64_t target;

	for (uint64_t i = 0; bytes && i < from->end - from->start; i++)
		if (read_jump(bytes, from, i, &target) && is_in(to, target))
			return true;
	return false;
}

static bool is_known(const struct runtime_range *ranges, uint32_t nr, uint64_t address)
{
	for (uint32_t i = 0; i < nr; i++)
		if (is_in(&ranges[i], address))
			return true;
	return false;
}

/* By its symbol, which files without .eh_frame_hdr need to have. */
static uint32_t add_named_part(const struct image *im, uint32_t nr, struct runtime_range *ranges)
{
	struct image_symbol s = { .name = "_PyEval_EvalFrameDefault.cold" };

	if (image_symbols(im, SHT_SYMTAB, &s, 1) != 1 || !s.is_code || !s.size ||
	    s.size > MAX_CODE || is_known(ranges, nr, s.address))
		return nr;
	ranges[nr] = (struct runtime_range){ s.address, s.address + s.size };
	return nr + 1;
}

uint32_t python_find_loop(const struct image *im, const struct image_symbol *loop,
			  struct runtime_range ranges[RUNTIME_MAX_RANGES])
{
	struct runtime_range *whole = &ranges[0];
	_cleanup_free_ uint8_t *bytes = NULL;
	struct image_function f;
	uint64_t left = MAX_SEARCHED;
	uint32_t nr = 1, lookups = 0;

	if (!loop->address || !loop->is_code || loop->address + loop->size < loop->address)
		return 0;
	*whole = (struct runtime_range){ loop->address, loop->address + loop->size };
	if (image_function(im, loop->address, &f) && f.start == loop->address)
		whole->end = f.end;
	if (whole->end == whole->start)
		return 0;
	bytes = read_range(im, whole);
	if (!bytes)
		return 0;
	for (uint64_t i = 0; i < whole->end - whole->start; i++) {
		struct runtime_range part;
		uint64_t target;

		if (nr == RUNTIME_MAX_RANGES || lookups == MAX_LOOKUPS)
			break;
		if (!read_jump(bytes, whole, i, &target) || is_known(ranges, nr, target) ||
		    !image_is_code(im, target))
			continue;
		lookups++;
		if (!image_function(im, target, &f) || !f.is_part || f.end - f.start > left)
			continue;
		left -= f.end - f.start;
		part = (struct runtime_range){ f.start, f.end };
		if (jumps_to(im, &part, whole))
			ranges[nr++] = part;
	}
	return nr == 1 ? add_named_part(im, nr, ranges) : nr;
}
