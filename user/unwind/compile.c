// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unwind/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/blocks.h"
#include "unwind/eh_frame.h"
#include "unwind/elf_image.h"
#include "unwind/gaps.h"
#include "unwind/go_code.h"

struct compile {
	const struct elf_image *image;
	const struct unwind_machine *machine;
	struct eh_frame frame;
	struct unwind_table *table;
	struct block_writer *writer;
	struct unwind_segment go; /* the code that keeps frame pointers */
	struct go_code go_code;	  /* … and what is known of it besides */
	struct cfa_walk walk;
	struct gaps gaps;
	bool needs_base; /* some frame begins at the base register */
	uint32_t last;	 /* the rule in force where the next one begins */
};

static int set(struct compile *c, uint64_t address, uint32_t rule)
{
	c->last = rule;
	return block_writer_set(c->writer, address, rule, NULL);
}

/* What no FDE covers, within a segment or (NULL) outside all of them. */
typedef int (*gap_function)(struct compile *c, const struct unwind_segment *s, uint64_t begin,
			    uint64_t end);
/* What of an FDE lies above the ones before it, which begins at `from`. */
typedef int (*fde_function)(struct compile *c, const struct eh_fde *fde, uint64_t from);

static int write_trampolines(struct compile *c, const struct unwind_segment *s, uint64_t begin,
			     uint64_t end, uint32_t rule)
{
	uint64_t found;
	int r = 0;

	while (!r && begin < end) {
		/* Who is in a trampoline's system call returns behind its last instruction. */
		uint64_t from = begin + (c->last == CFI_SIGNAL);

		if (!s || !gaps_next_trampoline(&c->gaps, s, begin, end, &found))
			return from < end ? set(c, from, rule) : 0;
		/* Where a handler returns to; the walk looks that up less 1. */
		if (found > from + 1)
			r = set(c, from, rule);
		if (!r)
			r = set(c, found > begin ? found - 1 : found, CFI_SIGNAL);
		begin = found + c->machine->trampoline_size;
	}
	return r;
}

static int write_gap(struct compile *c, const struct unwind_segment *s, uint64_t begin,
		     uint64_t end)
{
	bool is_go = s && c->go.size && begin == c->go.address;
	uint32_t rule = is_go ? CFI_KEPT_FP : CFI_GAP;
	int r = 0;

	for (size_t i = 0; !r && is_go && i < c->go_code.nr; i++) {
		const struct go_row *row = &c->go_code.rows[i];

		if (row->begin < begin || row->size > end - row->begin)
			continue;
		r = write_trampolines(c, s, begin, row->begin, rule);
		c->last = row->rule;
		if (!r)
			r = block_writer_set(c->writer, row->begin, row->rule,
					     &c->go_code.full[row->full]);
		begin = row->begin + row->size;
	}
	return r ? r : write_trampolines(c, s, begin, end, rule);
}

static int write_row(struct compile *c, uint64_t address)
{
	struct cfa_state *s = &c->walk.state;
	struct cfi_rule full;

	/* All rules are to be others, then. */
	if (!c->needs_base && s->kind == CFA_REGISTER && s->reg == c->machine->base)
		return -EAGAIN;
	s->needs_base = c->needs_base;
	if (s->ra.how == CFI_UNDEFINED)
		return set(c, address, CFI_ROOT);
	c->last = c->machine->rule(s, &full);
	return block_writer_set(c->writer, address, c->last, &full);
}

static int write_fde(struct compile *c, const struct eh_fde *fde, uint64_t from)
{
	struct cfa_walk *w = &c->walk;
	int r, more;

	if (fde->program == UINT32_MAX)
		return set(c, from, CFI_BROKEN);
	eh_frame_walk(&c->frame, fde, w);
	while ((more = cfa_walk_next(w)) > 0) {
		if (w->location <= from)
			continue;
		r = write_row(c, w->begin > from ? w->begin : from);
		if (r)
			return r;
	}
	if (!more)
		return 0;
	c->frame.nr_bad++;
	return set(c, w->location > from ? w->location : from, CFI_BROKEN);
}

/* Go's own code is one of its linker's inputs, without FDEs: no other gap is as large. */
static int find_go(struct compile *c, const struct unwind_segment *s, uint64_t begin, uint64_t end)
{
	if (s && end - begin > c->go.size)
		c->go = (struct unwind_segment){ s->offset + (begin - s->address), begin,
						 end - begin };
	return 0;
}

static int cut_gap(struct compile *c, uint64_t begin, uint64_t end, gap_function gap)
{
	int r = 0;

	for (uint32_t i = elf_image_text_at(c->image, begin); !r && i < c->image->nr_text; i++) {
		const struct unwind_segment *s = &c->image->text[i];
		uint64_t from = begin > s->address ? begin : s->address;
		uint64_t to = end < s->address + s->size ? end : s->address + s->size;

		if (from >= to)
			break;
		if (from > begin)
			r = gap(c, NULL, begin, from);
		if (!r)
			r = gap(c, s, from, to);
		begin = to;
	}
	return !r && begin < end ? gap(c, NULL, begin, end) : r;
}

/* In order of address. Of FDEs that overlap the one that begins first has the common part. */
static int go_through(struct compile *c, gap_function gap, fde_function fde)
{
	const struct elf_image *image = c->image;
	const struct unwind_segment *last = &image->text[image->nr_text - 1];
	uint64_t at = image->text[0].address, end = last->address + last->size;
	int r = 0;

	for (size_t i = 0; !r && i < c->frame.nr_fdes; i++) {
		const struct eh_fde *f = &c->frame.fdes[i];

		if (f->end <= at)
			continue;
		if (f->start > at)
			r = cut_gap(c, at, f->start, gap);
		if (!r && fde)
			r = fde(c, f, f->start > at ? f->start : at);
		at = f->end;
	}
	return !r && at < end ? cut_gap(c, at, end, gap) : r;
}

static int write_pages_once(struct compile *c, size_t max_bytes)
{
	const struct unwind_segment *last = &c->image->text[c->image->nr_text - 1];
	size_t used = eh_frame_memory(&c->frame);
	int r;

	gaps_init(&c->gaps, c->image, c->machine);
	r = block_writer_new(&c->writer, c->table, max_bytes > used ? max_bytes - used : 0);
	if (!r)
		r = go_through(c, write_gap, write_fde);
	if (!r)
		r = set(c, last->address + last->size, CFI_GAP);
	if (!r)
		r = block_writer_finish(c->writer);
	block_writer_free(c->writer);
	return r;
}

static int write_pages(struct compile *c, size_t max_bytes)
{
	uint32_t nr_bad = c->frame.nr_bad;
	struct unwind_table *t = c->table;
	int r = write_pages_once(c, max_bytes);

	if (r != -EAGAIN)
		return r;
	free(t->pages);
	free(t->blocks);
	free(t->words);
	*t = (struct unwind_table){ .kind = t->kind };
	c->frame.nr_bad = nr_bad;
	c->needs_base = true;
	return write_pages_once(c, max_bytes);
}

/* Takes over the image's segments. */
static int fill_table(struct unwind_table *t, struct elf_image *image,
		      const struct unwind_machine *machine, size_t max_bytes)
{
	_cleanup_free_ struct compile *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->image = image;
	c->machine = machine;
	c->table = t;
	r = eh_frame_read(&c->frame, image, machine, max_bytes);
	if (!r && image->is_go && image->nr_text)
		r = go_through(c, find_go, NULL);
	if (!r && c->go.size)
		r = go_code_read(image, &c->go, &c->go_code);
	t->kind = image->is_go && !c->frame.nr_fdes && !c->go_code.nr ? UNWIND_FRAME_POINTER
								      : UNWIND_NOTHING;
	if (!r && t->kind == UNWIND_NOTHING && image->nr_text) {
		r = write_pages(c, max_bytes);
		t->kind = t->nr_pages ? UNWIND_TABLE : UNWIND_NOTHING;
	}
	t->nr_fdes = (uint32_t)c->frame.nr_fdes;
	t->nr_bad += c->frame.nr_bad;
	t->machine = machine->machine;
	t->segments = image->text;
	t->nr_segments = image->nr_text;
	image->text = NULL;
	go_code_done(&c->go_code);
	eh_frame_done(&c->frame);
	return r;
}

static int compile(struct elf_image *image, size_t max_bytes, struct unwind_table **ret)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	const struct unwind_machine *machine = unwind_machine_of(image->machine);
	int r;

	if (!machine)
		return -ENOEXEC;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	r = fill_table(t, image, machine, max_bytes ? max_bytes : SIZE_MAX);
	if (r)
		return r;
	*ret = t;
	t = NULL;
	return 0;
}

int unwind_compile(int fd, size_t max_bytes, struct unwind_table **ret)
{
	struct elf_image image;
	int r = elf_image_open(&image, fd);

	if (!r)
		r = compile(&image, max_bytes, ret);
	elf_image_done(&image);
	return r;
}

int unwind_compile_memory(const void *elf, size_t size, size_t max_bytes, struct unwind_table **ret)
{
	struct elf_image image;
	int r = elf_image_open_memory(&image, elf, size);

	if (!r)
		r = compile(&image, max_bytes, ret);
	elf_image_done(&image);
	return r;
}
