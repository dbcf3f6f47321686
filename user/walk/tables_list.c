// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "walk/tables_inside.h"

enum {
	/* More are not even looked at: a process may map 65,530 times, a file in many pieces. */
	MAX_LIST = 8 * ABI_MAX_MAPPINGS,
	MAX_PIECES = 4 * MAX_LIST,
};

/* Walks compare addresses as numbers below this. */
#define ADDRESS_END (1ull << 63)

struct list_maker {
	struct tables *t;
	uint64_t tables;
	bool lacks;
};

/* 0, -ENOSPC or -ENOMEM. */
static int append(struct tables *t, const struct abi_mapping *m)
{
	struct abi_mapping *last = t->nr_list ? &t->list[t->nr_list - 1] : NULL;

	if (++t->nr_pieces > MAX_PIECES)
		return -ENOSPC;
	if (m->start >= m->end || m->end > ADDRESS_END)
		return 0;
	if (last && last->end == m->start && last->kind == m->kind &&
	    m->kind != ABI_MAPPING_TABLE) {
		last->end = m->end;
		return 0;
	}
	if (t->nr_list == MAX_LIST)
		return -ENOSPC;
	if (array_reserve(t->list, t->cap_list, t->nr_list + 1u) < 0)
		return -ENOMEM;
	t->list[t->nr_list] = *m;
	if (m->kind == ABI_MAPPING_NO_TABLE)
		t->list[t->nr_list].low = t->list_lacks;
	t->list_lacks = false;
	t->nr_list++;
	return 0;
}

static int append_plain(struct tables *t, uint64_t start, uint64_t end, enum abi_mapping_kind kind)
{
	return append(t,
		      &(struct abi_mapping){ .start = start, .end = end, .kind = (uint16_t)kind });
}

/* Bytes of a file, and where they are in its address space. */
struct piece {
	uint64_t end; /* in the file */
	uint64_t address;
	bool has_address;
};

/*
 * What is mapped from `offset` on. A mapping has whole pages of the file: what shares a page with
 * a segment's begin or end is taken as part of it, unless it is another one's.
 */
static struct piece piece_at(const struct table *table, uint64_t offset, uint64_t page_size)
{
	struct piece p = { .end = UINT64_MAX };
	const struct unwind_segment *in = NULL;
	uint64_t next = UINT64_MAX, page_end;

	for (uint32_t i = 0; i < table->nr_segments; i++) {
		const struct unwind_segment *s = &table->segments[i];

		if (offset - s->offset < s->size)
			in = s;
		if (s->offset > offset && s->offset < next)
			next = s->offset;
	}
	for (uint32_t i = 0; !in && i < table->nr_segments; i++) {
		const struct unwind_segment *s = &table->segments[i];

		if (s->offset == next && offset >= next / page_size * page_size &&
		    s->address >= next - offset) {
			in = s;
			next = UINT64_MAX;
		}
	}
	if (!in) {
		p.end = next == UINT64_MAX ? next : next / page_size * page_size;
		return p;
	}
	p.has_address = true;
	p.address = in->address + (offset - in->offset);
	p.end = in->offset + in->size;
	page_end = (p.end + page_size - 1) / page_size * page_size;
	if (page_end > p.end)
		p.end = page_end;
	if (next < p.end && next > in->offset + in->size)
		p.end = next;
	return p;
}

/* Memory that has the file's bytes from `address` (p_vaddr) on. */
static int append_addresses(struct tables *t, const struct table *table, uint64_t start,
			    uint64_t end, uint64_t address)
{
	int r = 0;

	while (!r && start < end) {
		uint64_t page = (address >> CFI_PAGE_SHIFT) - table->first_page, pages, size;
		uint32_t low = address & 0xffff;
		struct abi_mapping m = { .start = start, .kind = ABI_MAPPING_NO_TABLE };

		if (page < table->nr_pages) {
			uint32_t in = page % DIRECTORY_PAGES;

			pages = table->nr_pages - page;
			if (pages > DIRECTORY_PAGES - in)
				pages = DIRECTORY_PAGES - in;
			m.kind = ABI_MAPPING_TABLE;
			m.page = table->runs[page / DIRECTORY_PAGES].location + in;
			m.low = (uint16_t)low;
		} else {
			/* Before the first page, `page` has gone below 0. */
			pages = -page;
		}
		size = end - start;
		if (pages <= (size >> CFI_PAGE_SHIFT) + 1 && size > (pages << CFI_PAGE_SHIFT) - low)
			size = (pages << CFI_PAGE_SHIFT) - low;
		m.end = start + size;
		r = append(t, &m);
		start += size;
		address += size;
	}
	return r;
}

static int append_file(struct tables *t, const struct table *table, const struct mapped *m)
{
	uint64_t start = m->start, offset = m->offset;
	int r = 0;

	while (!r && start < m->end) {
		struct piece p = piece_at(table, offset, t->page_size);
		uint64_t size = m->end - start;

		/* Behind the last segment, or one that lies about its end: all the rest. */
		if (p.end > offset && p.end - offset < size)
			size = p.end - offset;
		if (p.has_address)
			r = append_addresses(t, table, start, start + size, p.address);
		else
			r = append_plain(t, start, start + size, ABI_MAPPING_NO_TABLE);
		start += size;
		offset += size;
	}
	return r;
}

/* Code that has no entry: it is to be asked for, so that nothing may be joined across it. */
static int lack(struct list_maker *l)
{
	l->lacks = l->t->list_lacks = true;
	return 0;
}

static int append_elf(struct list_maker *l, const struct mapped *m)
{
	struct tables *t = l->t;
	const struct table *table;

	if (m->object == UINT32_MAX || m->object >= t->nr_tables || !t->tables[m->object]) {
		return lack(l);
	}
	table = t->tables[m->object];
	l->tables |= 1ull << m->object % 64;
	switch (table->state) {
	case TABLE_LOADED:
		return append_file(t, table, m);
	case TABLE_KEEPS_FP:
		return append_plain(t, m->start, m->end, ABI_MAPPING_KEEPS_FP);
	case TABLE_CLOSED:
		lack(l);
		return t->capture->objects[m->object].fd >= 0
			       ? 0
			       : append_plain(t, m->start, m->end, ABI_MAPPING_NO_TABLE);
	case TABLE_NOTHING:
	case TABLE_FAILED:
		return append_plain(t, m->start, m->end, ABI_MAPPING_NO_TABLE);
	default:
		return lack(l);
	}
}

/* An address in no mapping is asked for as one in an unknown one: those need no entry. */
static int append_mapped(void *ctx, const struct mapped *m)
{
	struct list_maker *l = ctx;

	switch (m->kind) {
	case MAPPED_ELF:
	case MAPPED_VDSO:
		return append_elf(l, m);
	case MAPPED_MEMFD:
		return lack(l);
	default:
		return append_plain(l->t, m->start, m->end, ABI_MAPPING_NO_TABLE);
	}
}

/* Code without a table, with nothing executable between (`low` tells): one mapping will do. */
static void join(struct tables *t)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < t->nr_list; i++) {
		if (nr && t->list[i].kind == ABI_MAPPING_NO_TABLE && !t->list[i].low &&
		    t->list[nr - 1].kind == ABI_MAPPING_NO_TABLE)
			t->list[nr - 1].end = t->list[i].end;
		else
			t->list[nr++] = t->list[i];
	}
	t->nr_list = nr;
}

/* Mappings of a list: fewer where room is short, so that many long ones leave some for others. */
static uint32_t most_mappings(const struct tables *t)
{
	size_t room = segments_room(t->segments, SEGMENT_LISTS);
	size_t all = segments_capacity(t->segments, SEGMENT_LISTS);

	if (room > all / 2)
		return ABI_MAX_MAPPINGS;
	return room > all / 4 ? ABI_MAX_MAPPINGS / 4 : ABI_MAX_MAPPINGS / 16;
}

int tables_make_list(struct tables *t, const struct space_key *key, uint64_t *ret_tables,
		     bool *ret_lacks)
{
	struct list_maker l = { .t = t };
	uint32_t most = most_mappings(t);
	int r;

	t->nr_list = t->nr_pieces = 0;
	t->list_lacks = false;
	r = tracker_each_mapped(t->tracker, key, append_mapped, &l);
	if (r < 0 && r != -ENOSPC)
		return r;
	t->counts.left_out += r < 0;
	if (t->nr_list > most)
		join(t);
	if (t->nr_list > most) {
		t->counts.left_out += t->nr_list - most;
		t->nr_list = most;
	}
	*ret_tables = l.tables;
	*ret_lacks = l.lacks;
	return 0;
}
