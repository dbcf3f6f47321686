// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "process/elf_segments.h"
#include "process/inside.h"

/* Ranges of anonymous memory that are looked across. */
enum { MAX_ACROSS = 4 };

/* The executable segments of an object. */
static const struct text *text_of(struct tracker *t, uint32_t object)
{
	struct text *text = &t->texts[object % TEXTS];
	_cleanup_free_ struct elf_segment *all = NULL;
	uint32_t nr;

	if (text->object == object && text->is_read)
		return text;
	*text = (struct text){ .object = object, .is_read = true };
	nr = elf_segments_read(t->capture->objects[object].fd, &all);
	for (uint32_t i = 0; i < nr && text->nr < TEXT_SEGMENTS; i++) {
		const struct elf_segment *s = &all[i];

		if (s->type == PT_LOAD && s->flags & PF_X && s->size <= INT64_MAX &&
		    s->offset <= INT64_MAX && s->address <= INT64_MAX)
			text->segments[text->nr++] = (struct text_segment){ s->offset, s->address,
									    s->size };
	}
	return text;
}

/* What a loader maps of it: whole pages. */
static struct text_segment by_pages(const struct text_segment *s)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), before = s->offset % page;
	struct text_segment r = *s;

	before = before < s->address ? before : s->address;
	r.offset -= before;
	r.address -= before;
	r.size = (r.size + before + page - 1) / page * page;
	return r;
}

/*
 * The first part of `r`, from `at` on, that lies where the loader put code of the file that
 * `beside` maps. Makes *ret start there, or leaves it.
 */
static void find_part(struct tracker *t, struct space *s, const struct range *r, uint64_t at,
		      const struct range *beside, struct range *ret)
{
	const struct text *text;
	uint32_t object;
	uint64_t bias = 0;
	bool known = false;

	if (tracker_object(t, s, beside, &object) < 0 || t->capture->objects[object].fd < 0 ||
	    t->capture->objects[object].kind != OBJECT_ELF)
		return;
	text = text_of(t, object);
	for (uint32_t i = 0; i < text->nr && !known; i++) {
		struct text_segment p = by_pages(&text->segments[i]);

		known = beside->offset - p.offset < p.size;
		bias = beside->start - (p.address + (beside->offset - p.offset));
	}
	for (uint32_t i = 0; i < text->nr && known; i++) {
		struct text_segment p = by_pages(&text->segments[i]);
		uint64_t start = bias + p.address, end = start + p.size;

		start = start > at ? start : at;
		end = end < r->end ? end : r->end;
		if (start >= end || start >= ret->start)
			continue;
		*ret = (struct range){ start, end, p.offset + (start - bias - p.address),
				       beside->file, 0 };
	}
}

static bool is_elf(const struct tracker *t, const struct range *r)
{
	return t->files[r->file].kind == FILE_IS_ELF;
}

/* The nearest range that is not anonymous; NULL. */
static const struct range *nearest(const struct ranges *all, uint32_t i, int step)
{
	for (int n = 0; n < MAX_ACROSS; n++) {
		i += (uint32_t)step;
		if (i >= all->nr)
			return NULL;
		if (all->r[i].file != FILE_JIT)
			return &all->r[i];
	}
	return NULL;
}

bool tracker_continued(struct tracker *t, struct space *s, const struct range *r, uint64_t at,
		       struct range *ret)
{
	uint32_t i = (uint32_t)(r - s->ranges->r);
	const struct range *below, *above;
	bool same;

	if (r->file != FILE_JIT)
		return false;
	below = nearest(s->ranges, i, -1);
	above = nearest(s->ranges, i, 1);
	below = below && is_elf(t, below) ? below : NULL;
	above = above && is_elf(t, above) ? above : NULL;
	same = below && above && below->file == above->file;
	*ret = (struct range){ .start = r->end };
	if (below && (same || below->end == r->start))
		find_part(t, s, r, at, below, ret);
	if (above && !same && above->start == r->end)
		find_part(t, s, r, at, above, ret);
	return ret->start < r->end;
}
