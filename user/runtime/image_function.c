// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Functions by .eh_frame_hdr: LSB Core 5.0 §10.6. Only what linkers write for x86-64 is read: a
 * sorted table of pairs of 32 bits relative to the header, FDEs with a start relative to
 * itself.
 */
#include <string.h>

#include "runtime/image.h"

enum {
	FRAME_RELATIVE_4 = 0x1b, /* DW_EH_PE_pcrel | DW_EH_PE_sdata4 */
	TABLE_RELATIVE_4 = 0x3b, /* DW_EH_PE_datarel | DW_EH_PE_sdata4 */
	COUNT_4 = 0x03,		 /* DW_EH_PE_udata4 */
	MAX_RECORD = 512,
	MAX_LEB = 10,
};

struct bytes {
	const uint8_t *at, *end;
	bool bad;
};

static uint64_t take(struct bytes *b, size_t size)
{
	uint64_t value = 0;

	if ((size_t)(b->end - b->at) < size) {
		b->at = b->end;
		b->bad = true;
		return 0;
	}
	memcpy(&value, b->at, size);
	b->at += size;
	return value;
}

static uint64_t take_leb(struct bytes *b)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < MAX_LEB; i++) {
		uint64_t byte = take(b, 1);

		value |= (byte & 0x7f) << 7 * i;
		if (!(byte & 0x80))
			return value;
	}
	b->bad = true;
	return 0;
}

/* A CIE or FDE without its length; `id` is its first word. Longer ones are cut. */
static bool read_record(const struct image *im, uint64_t address, uint8_t bytes[MAX_RECORD],
			struct bytes *ret, uint32_t *id)
{
	uint32_t length;

	if (image_read(im, address, &length, sizeof(length)) || length < 4 || length == UINT32_MAX)
		return false;
	length = length < MAX_RECORD ? length : MAX_RECORD;
	if (image_read(im, address + 4, bytes, length))
		return false;
	*ret = (struct bytes){ bytes, bytes + length, false };
	*id = (uint32_t)take(ret, 4);
	return true;
}

/* Of a CIE: are its FDEs' addresses as above, and do they begin with what they add to it? */
static bool is_plain_cie(const struct image *im, uint64_t address)
{
	uint8_t record[MAX_RECORD];
	struct bytes b;
	uint64_t skipped;
	uint32_t id;
	bool is_relative = false;
	const uint8_t *letters;

	if (!read_record(im, address, record, &b, &id) || id || take(&b, 1) != 1)
		return false;
	letters = b.at;
	while (take(&b, 1))
		;
	take_leb(&b);
	take_leb(&b);
	take(&b, 1);
	take_leb(&b);
	if (b.bad || *letters++ != 'z')
		return false;
	for (; *letters && !b.bad; letters++)
		switch (*letters) {
		case 'R':
			is_relative = take(&b, 1) == FRAME_RELATIVE_4;
			break;
		case 'P':
			/* The personality's address: of 8 bytes, or, as compilers do it, of 4. */
			skipped = take(&b, 1) & 0x0f;
			take(&b, skipped == 0x00 || skipped == 0x04 || skipped == 0x0c ? 8 : 4);
			break;
		case 'L':
			take(&b, 1);
			break;
		default:
			return false;
		}
	return is_relative && !b.bad;
}

/* Does a program say, before it moves on, that the CFA is not where a call leaves it? */
static bool begins_inside(struct bytes b)
{
	while (b.at < b.end && !b.bad) {
		uint8_t op = (uint8_t)take(&b, 1);

		switch (op) {
		case 0x00: /* DW_CFA_nop */
			break;
		case 0x0e: /* DW_CFA_def_cfa_offset */
			return take_leb(&b) != 8 && !b.bad;
		case 0x0c: /* DW_CFA_def_cfa */
			return (take_leb(&b) != 7 || take_leb(&b) != 8) && !b.bad;
		case 0x0d: /* DW_CFA_def_cfa_register */
		case 0x0f: /* DW_CFA_def_cfa_expression */
			return true;
		default:
			if (op >> 6 != 2) /* not DW_CFA_offset, which stands with its CFA */
				return false;
			take_leb(&b);
		}
	}
	return false;
}

static bool read_fde(const struct image *im, uint64_t address, struct image_function *ret)
{
	uint8_t record[MAX_RECORD];
	struct bytes b;
	uint64_t start, size, extra;
	uint32_t id;

	if (!read_record(im, address, record, &b, &id) || !id ||
	    !is_plain_cie(im, address + 4 - id))
		return false;
	start = address + 8 + (uint64_t)(int32_t)take(&b, 4);
	size = take(&b, 4);
	extra = take_leb(&b);
	if (b.bad || !size || start + size < start || extra > (size_t)(b.end - b.at))
		return false;
	b.at += extra;
	*ret = (struct image_function){ start, start + size, begins_inside(b) };
	return true;
}

bool image_function(const struct image *im, uint64_t address, struct image_function *ret)
{
	struct {
		uint8_t version, frame, count, table;
		int32_t eh_frame;
		uint32_t nr;
	} h;
	struct {
		int32_t start, fde;
	} entry;
	uint32_t low = 0, high;
	uint64_t header = 0;

	for (size_t i = 0; i < im->nr_segments && !header; i++)
		if (im->segments[i].p_type == PT_GNU_EH_FRAME)
			header = im->segments[i].p_vaddr;
	if (!header || image_read(im, header, &h, sizeof(h)) || h.version != 1 ||
	    h.count != COUNT_4 || h.table != TABLE_RELATIVE_4 || !h.nr)
		return false;
	/* The last entry that does not begin behind it. */
	for (high = h.nr; high - low > 1;) {
		uint32_t middle = low + (high - low) / 2;

		if (image_read(im, header + sizeof(h) + (uint64_t)middle * sizeof(entry), &entry,
			       sizeof(entry)))
			return false;
		if (header + (uint64_t)(int64_t)entry.start <= address)
			low = middle;
		else
			high = middle;
	}
	if (image_read(im, header + sizeof(h) + (uint64_t)low * sizeof(entry), &entry,
		       sizeof(entry)))
		return false;
	return read_fde(im, header + (uint64_t)(int64_t)entry.fde, ret) && address >= ret->start &&
	       address < ret->end;
}
