// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unwind/eh_frame.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "unwind/eh_pointer.h"

/* What is needed while records are read. */
struct reader {
	struct eh_frame *frame;
	const struct elf_image *image;
	const struct unwind_machine *machine;
	size_t max_bytes, cies_capacity, fdes_capacity;
	uint64_t bias;	  /* from a byte's place in memory to its address */
	uint64_t nr_seen; /* FDEs, whatever became of them */
	uint32_t text;	  /* the segment that was found last */
	uint32_t cie;	  /* as well */
	struct cfa_walk scratch;
};

/* 'z' or nothing; the letters behind it. false: what follows can't be understood. */
static bool read_augmentation(struct reader *r, struct eh_cie *cie, const uint8_t *letters,
			      struct cursor *data)
{
	uint64_t ignored;

	for (; *letters; letters++)
		switch (*letters) {
		case 'R':
			cie->encoding = (uint8_t)cursor_number(data, 1);
			cie->has_ranges = !data->bad;
			break;
		case 'P':
			/* Indirect or not: only its size counts. */
			if (!eh_pointer_number(data, (uint8_t)cursor_number(data, 1), &ignored))
				return false;
			break;
		case 'L':
			cursor_skip(data, 1);
			break;
		case 'S':
			cie->common.initial.is_signal = true;
			break;
		case 'B': /* return addresses are signed with the other key */
		case 'G': /* frames of tagged memory */
			if (r->machine == &unwind_machine_arm64)
				break;
			/* fall through */
		default:
			return false;
		}
	return !data->bad;
}

/* From the augmentation's end on. */
static bool read_numbers(struct reader *r, struct eh_cie *cie, struct cursor *c, uint64_t version)
{
	uint64_t ra;

	if (version == 4 && (cursor_number(c, 1) != 8 || cursor_number(c, 1) != 0))
		return false;
	cie->common.code_align = cursor_uleb(c);
	cie->common.data_align = (uint64_t)cursor_sleb(c);
	ra = version == 1 ? cursor_number(c, 1) : cursor_uleb(c);
	return !c->bad && ra == r->machine->ra;
}

/* Without 'R' pointers are absolute. */
static void read_cie(struct reader *r, struct eh_cie *cie, struct cursor c)
{
	uint64_t version = cursor_number(&c, 1);
	const uint8_t *letters = c.at, *nul = memchr(c.at, 0, cursor_left(&c));
	struct cursor data = { 0 };

	cie->common.machine = r->machine;
	cfa_state_init(&cie->common.initial, r->machine);
	if (!nul || (version != 1 && version != 3 && version != 4))
		return;
	c.at = nul + 1;
	if (!strcmp((const char *)letters, "eh")) {
		cursor_skip(&c, 8);
		letters = nul;
	}
	if (!read_numbers(r, cie, &c, version))
		return;
	cie->is_augmented = *letters == 'z';
	if (cie->is_augmented) {
		uint64_t size = cursor_uleb(&c);

		data.at = c.at;
		cursor_skip(&c, size);
		data.end = c.at;
		cie->has_ranges = !c.bad && !strchr((const char *)letters, 'R');
		if (c.bad || !read_augmentation(r, cie, letters + 1, &data))
			return;
	} else if (*letters) {
		return;
	}
	cie->has_ranges = true;
	cie->is_usable = !cfa_run_initial(&cie->common, &c, &r->scratch);
}

static int add_cie(struct reader *r, uint32_t offset, struct cursor content)
{
	struct eh_frame *f = r->frame;

	if (f->nr_cies == r->cies_capacity && eh_frame_memory(f) * 2 > r->max_bytes)
		return -EFBIG;
	if (array_reserve(f->cies, r->cies_capacity, f->nr_cies + 1))
		return -ENOMEM;
	f->cies[f->nr_cies] = (struct eh_cie){ .offset = offset };
	read_cie(r, &f->cies[f->nr_cies++], content);
	return 0;
}

/* Most FDEs have the CIE of the one before. */
static const struct eh_cie *find_cie(struct reader *r, uint64_t offset)
{
	const struct eh_frame *f = r->frame;
	size_t low = 0, high = f->nr_cies;

	if (r->cie < f->nr_cies && f->cies[r->cie].offset == offset)
		return &f->cies[r->cie];
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (f->cies[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == f->nr_cies || f->cies[low].offset != offset)
		return NULL;
	r->cie = (uint32_t)low;
	return &f->cies[low];
}

/* Cuts a range to the segment that it begins in. false: it does not begin in code. */
static bool clip(struct reader *r, uint64_t start, uint64_t *size)
{
	const struct elf_image *image = r->image;
	const struct unwind_segment *s;
	uint64_t left;

	if (r->text >= image->nr_text ||
	    start - image->text[r->text].address >= image->text[r->text].size)
		r->text = elf_image_text_at(image, start);
	if (r->text >= image->nr_text)
		return false;
	s = &image->text[r->text];
	if (start - s->address >= s->size)
		return false;
	left = s->size - (start - s->address);
	if (*size > left)
		*size = left;
	return *size != 0;
}

static int add_fde(struct reader *r, uint64_t cie_offset, struct cursor c)
{
	struct eh_frame *f = r->frame;
	const struct eh_cie *cie = find_cie(r, cie_offset);
	uint64_t start, size;
	struct eh_fde *fde;

	r->nr_seen++;
	if (!cie || !cie->has_ranges ||
	    !eh_pointer_read(&c, cie->encoding, r->bias, f->data_address, &start) ||
	    !eh_pointer_number(&c, cie->encoding & EH_POINTER_FORMAT, &size)) {
		f->nr_bad++;
		return 0;
	}
	if (!clip(r, start, &size))
		return 0;
	if (f->nr_fdes == r->fdes_capacity && eh_frame_memory(f) * 2 > r->max_bytes)
		return -EFBIG;
	if (array_reserve(f->fdes, r->fdes_capacity, f->nr_fdes + 1))
		return -ENOMEM;
	if (cie->is_augmented)
		cursor_skip(&c, cursor_uleb(&c));
	fde = &f->fdes[f->nr_fdes++];
	*fde = (struct eh_fde){ .start = start,
				.end = start + size,
				.program = (uint32_t)(c.at - f->bytes),
				.size = (uint32_t)cursor_left(&c),
				.cie = r->cie };
	/* Its range is known, its rules are not. */
	if (c.bad || !cie->is_usable) {
		fde->program = UINT32_MAX;
		f->nr_bad++;
	}
	return 0;
}

/* 1: there are more records; 0: there are none, or what follows is not one. */
static int read_record(struct reader *r, struct cursor *c)
{
	struct eh_frame *f = r->frame;
	const uint8_t *begin = c->at;
	uint64_t length = cursor_number(c, 4), id;
	struct cursor content;
	int error;

	if (c->bad)
		return 0;
	if (!length) /* an end, but linkers join what has one */
		return r->image->is_exact || r->nr_seen < r->image->nr_fdes;
	if (length == UINT32_MAX)
		length = cursor_number(c, 8);
	if (c->bad || length < 4 || length > cursor_left(c)) {
		f->nr_bad++;
		return 0;
	}
	content = (struct cursor){ c->at, c->at + length, false };
	c->at += length;
	id = cursor_number(&content, 4);
	if (!id)
		error = add_cie(r, (uint32_t)(begin - f->bytes), content);
	else
		error = add_fde(r, (uint64_t)(content.at - 4 - f->bytes) - id, content);
	return error ? error : 1;
}

/* One pass of a radix sort by eleven bits; keeps the order of what has the same. */
enum { DIGIT = 11 };

static void sort_digit(const struct eh_fde *from, struct eh_fde *to, size_t nr, uint64_t first,
		       unsigned shift)
{
	size_t places[1 << DIGIT] = { 0 }, at = 0;

	for (size_t i = 0; i < nr; i++)
		places[(from[i].start - first) >> shift & ((1 << DIGIT) - 1)]++;
	for (size_t i = 0; i < 1 << DIGIT; i++) {
		size_t count = places[i];

		places[i] = at;
		at += count;
	}
	for (size_t i = 0; i < nr; i++)
		to[places[(from[i].start - first) >> shift & ((1 << DIGIT) - 1)]++] = from[i];
}

/* Mostly they are in order. */
static int sort(struct eh_frame *f)
{
	uint64_t first = UINT64_MAX, last = 0;
	bool is_sorted = true;
	struct eh_fde *other;

	for (size_t i = 0; i < f->nr_fdes; i++) {
		uint64_t start = f->fdes[i].start;

		is_sorted &= start >= last;
		first = start < first ? start : first;
		last = start > last ? start : last;
	}
	if (is_sorted)
		return 0;
	other = calloc(f->nr_fdes, sizeof(*other));
	if (!other)
		return -ENOMEM;
	for (unsigned shift = 0; shift < 64 && (last - first) >> shift; shift += DIGIT) {
		struct eh_fde *sorted = other;

		sort_digit(f->fdes, sorted, f->nr_fdes, first, shift);
		other = f->fdes;
		f->fdes = sorted;
	}
	free(other);
	return 0;
}

int eh_frame_read(struct eh_frame *f, const struct elf_image *image,
		  const struct unwind_machine *machine, size_t max_bytes)
{
	_cleanup_free_ struct reader *r = NULL;
	struct cursor c;
	int error = 1;

	*f = (struct eh_frame){ .size = image->eh_frame.size,
				.address = image->eh_frame.address,
				.data_address = image->data_address };
	if (!f->size)
		return 0;
	if (f->size > max_bytes || f->size >= UINT32_MAX)
		return -EFBIG;
	f->bytes = malloc(f->size);
	r = calloc(1, sizeof(*r));
	if (!f->bytes || !r)
		return -ENOMEM;
	error = elf_image_read(image, image->eh_frame.offset, f->bytes, f->size);
	if (error)
		return error;
	r->frame = f;
	r->image = image;
	r->machine = machine;
	r->max_bytes = max_bytes;
	r->bias = f->address - (uint64_t)(uintptr_t)f->bytes;
	c = (struct cursor){ f->bytes, f->bytes + f->size, false };
	do
		error = read_record(r, &c);
	while (error > 0);
	if (error)
		return error;
	return sort(f);
}

void eh_frame_walk(const struct eh_frame *f, const struct eh_fde *fde, struct cfa_walk *w)
{
	const struct eh_cie *cie = &f->cies[fde->cie];

	cfa_walk_init(w, &cie->common, f->bytes + fde->program, fde->size, fde->start, fde->end);
	w->encoding = cie->encoding;
	w->bias = f->address - (uint64_t)(uintptr_t)f->bytes;
	w->data_address = f->data_address;
}

size_t eh_frame_memory(const struct eh_frame *f)
{
	return f->size + f->nr_fdes * sizeof(*f->fdes) + f->nr_cies * sizeof(*f->cies);
}

void eh_frame_done(struct eh_frame *f)
{
	free(f->bytes);
	free(f->cies);
	free(f->fdes);
	*f = (struct eh_frame){ 0 };
}
