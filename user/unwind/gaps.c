// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unwind/gaps.h"

#include <string.h>

void gaps_init(struct gaps *g, const struct elf_image *image, const struct unwind_machine *machine)
{
	g->image = image;
	g->machine = machine;
	g->left = GAPS_MAX_TEXT;
	g->offset = 0;
	g->size = 0;
}

/* Has the window hold `want` bytes at an offset of the file. */
static bool move_window(struct gaps *g, uint64_t offset, size_t want)
{
	size_t size = GAPS_WINDOW;

	if (offset >= g->offset && offset - g->offset <= g->size &&
	    g->size - (offset - g->offset) >= want)
		return true;
	if (size > g->image->size - offset)
		size = g->image->size - offset;
	g->size = 0;
	if (size < want || size > g->left || elf_image_read(g->image, offset, g->window, size))
		return false;
	g->left -= size;
	g->offset = offset;
	g->size = size;
	return true;
}

/* Most gaps are a few bytes of padding, for which memmem() takes longer to begin than to search. */
static const uint8_t *search(const uint8_t *in, size_t size, const uint8_t *what, size_t want)
{
	enum { SMALL = 64 };

	if (size > SMALL)
		return memmem(in, size, what, want);
	for (const uint8_t *last = in + size - want; in <= last; in++)
		if (*in == *what && !memcmp(in, what, want))
			return in;
	return NULL;
}

bool gaps_next_trampoline(struct gaps *g, const struct unwind_segment *segment, uint64_t begin,
			  uint64_t end, uint64_t *ret)
{
	size_t want = g->machine->trampoline_size;
	uint64_t to_offset = segment->offset - segment->address;

	/* Older linkers put names and constants into the same segment. */
	if (begin < g->image->code_begin)
		begin = g->image->code_begin;
	if (end > g->image->code_end)
		end = g->image->code_end;
	while (begin < end && end - begin >= want) {
		const uint8_t *from, *found;
		size_t size;

		if (!move_window(g, begin + to_offset, want))
			return false;
		from = g->window + (begin + to_offset - g->offset);
		size = (size_t)(g->window + g->size - from);
		if (size > end - begin)
			size = end - begin;
		found = search(from, size, g->machine->trampoline, want);
		if (found) {
			*ret = begin + (uint64_t)(found - from);
			return true;
		}
		begin += size - want + 1;
	}
	return false;
}
