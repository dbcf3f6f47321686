// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "site/gopclntab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "site/gc_sites.h"

enum {
	WINDOW = 1 << 16,
	MAX_WANTED = 8,
	MAX_NAME = 128,
	MAX_FUNCTIONS = 4 << 20,
	MAX_RELOCATIONS = 4 << 20,
	RELOCATIONS_AT_ONCE = 1024,
	MAX_MOVES = 16384, /* 1 GB: the largest programs' tables are a tenth of it */
};

/* Which of a header's words say what; 0: none. */
static const struct layout {
	uint32_t magic;
	uint8_t field, text, names, names_end, functions;
} layouts[] = {
	{ 0xfffffff1, 4, 2, 3, 4, 7 }, /* Go 1.20 */
	{ 0xfffffff0, 4, 2, 3, 4, 7 }, /* 1.18 */
	{ 0xfffffffa, 8, 0, 2, 3, 6 }, /* 1.16 */
	{ 0xfffffffb, 8, 0, 0, 0, 0 }, /* 1.2 */
};

struct header {
	uint32_t magic;
	uint8_t zero[2], min_instruction, word;
	uint64_t words[8];
};

/* A piece of the file, for reads that go forward: a table that has them jump is not read far. */
struct window {
	uint64_t start, size, moves_left;
	char *bytes;
};

static bool window_read(const struct image *im, struct window *w, uint64_t address, void *ret,
			size_t size)
{
	if (address < w->start || address - w->start > w->size ||
	    size > w->size - (address - w->start)) {
		if (!w->moves_left)
			return false;
		w->moves_left--;
		w->start = address;
		/* Near the end of what the file has it is a little at a time. */
		for (w->size = WINDOW; w->size >= size; w->size /= 2)
			if (!image_read(im, address, w->bytes, w->size))
				break;
		if (w->size < size) {
			w->size = 0;
			return !image_read(im, address, ret, size);
		}
	}
	memcpy(ret, w->bytes + (address - w->start), size);
	return true;
}

/* What a relocation puts at an address; 0: there is none of the kind that adds a bias only. */
static uint64_t relocated(const struct image *im, uint64_t address)
{
	Elf64_Rela some[RELOCATIONS_AT_ONCE];
	uint32_t relative = im->machine == EM_AARCH64 ? R_AARCH64_RELATIVE : R_X86_64_RELATIVE;
	uint64_t all = MAX_RELOCATIONS;

	for (size_t i = 0; i < im->nr_sections && all; i++) {
		const Elf64_Shdr *s = &im->sections[i];
		uint64_t left = s->sh_size / sizeof(*some), at = s->sh_addr;

		if (s->sh_type != SHT_RELA || !(s->sh_flags & SHF_ALLOC))
			continue;
		left = left < all ? left : all;
		all -= left;
		while (left) {
			uint64_t nr = left < ARRAY_SIZE(some) ? left : ARRAY_SIZE(some);

			if (image_read(im, at, some, nr * sizeof(*some)))
				break;
			for (uint64_t j = 0; j < nr; j++)
				if (some[j].r_offset == address &&
				    ELF64_R_TYPE(some[j].r_info) == relative)
					return (uint64_t)some[j].r_addend;
			left -= nr;
			at += nr * sizeof(*some);
		}
	}
	return 0;
}

static void add_text(struct gopclntab *t, uint64_t text)
{
	for (size_t i = 0; i < t->nr_texts; i++)
		if (t->texts[i] == text)
			return;
	if (text)
		t->texts[t->nr_texts++] = text;
}

static void find_texts(const struct image *im, const struct header *h, uint8_t word,
		       struct gopclntab *t)
{
	if (!word) {
		t->nr_texts = 1; /* 0: entries are addresses */
		return;
	}
	if (im->type == ET_DYN)
		add_text(t, relocated(im, t->section.address + offsetof(struct header, words) +
						  word * sizeof(uint64_t)));
	add_text(t, h->words[word]);
	add_text(t, image_section(im, ".text").address);
}

static bool is_header(const struct header *h)
{
	return !h->zero[0] && !h->zero[1] && h->word == 8 &&
	       (h->min_instruction == 1 || h->min_instruction == 4);
}

/* Which table begins there, if one does. */
static bool read_header(const struct image *im, struct image_section section, struct gopclntab *ret)
{
	struct gopclntab t = { .section = section };
	uint64_t names = 0, names_end = section.size, functions = 8 + 8, bases = 0;
	const struct layout *l = layouts, *end = layouts + ARRAY_SIZE(layouts);
	struct header h;

	if (section.size < sizeof(h) || image_read(im, section.address, &h, sizeof(h)) ||
	    !is_header(&h))
		return false;
	while (l < end && l->magic != h.magic)
		l++;
	if (l == end)
		return false;
	if (l->names) {
		names = h.words[l->names];
		names_end = h.words[l->names_end];
		functions = bases = h.words[l->functions];
	}
	t.field = l->field;
	t.nr_functions = h.words[0];
	if (names_end > section.size || names >= names_end || functions >= section.size ||
	    t.nr_functions > MAX_FUNCTIONS ||
	    t.nr_functions > (section.size - functions) / (2 * t.field))
		return false;
	t.names = section.address + names;
	t.names_size = names_end - names;
	t.functions = section.address + functions;
	t.bases = section.address + bases;
	find_texts(im, &h, l->text, &t);
	*ret = t;
	return true;
}

int gopclntab_open(const struct image *im, struct gopclntab *ret)
{
	static const char *const sections[] = { ".gopclntab", ".data.rel.ro.gopclntab" };
	static const char *const around[] = { ".data.rel.ro", ".rodata" };
	/* Of all headers, behind their first byte. */
	const uint8_t header[] = { 0xff, 0xff, 0xff, 0, 0, im->machine == EM_AARCH64 ? 4 : 1, 8 };

	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		if (read_header(im, image_section(im, sections[i]), ret))
			return 1;
	/* A C linker may have made it a part of another section. */
	for (size_t i = 0; i < ARRAY_SIZE(around); i++) {
		struct image_section s = image_section(im, around[i]);
		uint64_t at = s.address ? gc_search(im, s, header, sizeof(header)) : 0;

		if (at > s.address &&
		    read_header(im, (struct image_section){ at - 1, s.address + s.size - (at - 1) },
				ret))
			return 1;
	}
	return 0;
}

/* Where the name is, relative to the names; -1: nowhere. */
static int64_t find_name(const struct image *im, const struct gopclntab *t, const char *name)
{
	size_t length = strlen(name), before = t->names == t->section.address ? 0 : 1;
	char bytes[MAX_NAME + 2] = "";
	uint64_t at;

	if (length > MAX_NAME)
		return -1;
	/* From Go 1.16 on there's another name before it, earlier ones mix them with all else. */
	memcpy(bytes + before, name, length);
	at = gc_search(im, (struct image_section){ t->names, t->names_size }, bytes,
		       before + length + 1);
	return at ? (int64_t)(at + before - t->names) : -1;
}

/* What an entry's function is called, relative to the names. */
static bool read_function(const struct image *im, const struct gopclntab *t, struct window *w,
			  uint64_t offset, int32_t *ret_name)
{
	/* Behind its entry. */
	return offset < t->section.size &&
	       window_read(im, w, t->bases + offset + t->field, ret_name, sizeof(*ret_name));
}

int gopclntab_find(const struct image *im, const struct gopclntab *t,
		   struct gopclntab_function *wanted, size_t nr)
{
	_cleanup_free_ char *bytes = malloc(2 * (size_t)WINDOW);
	uint64_t pieces = t->section.size / WINDOW;
	uint64_t moves = pieces < MAX_MOVES / 2 ? 2 * pieces + 64 : MAX_MOVES;
	struct window entries = { .moves_left = moves, .bytes = bytes };
	struct window functions = { .moves_left = moves, .bytes = bytes + WINDOW };
	int64_t names[MAX_WANTED];
	int missing = 0, found = 0;

	if (!bytes)
		return -ENOMEM;
	nr = nr < MAX_WANTED ? nr : MAX_WANTED;
	for (size_t i = 0; i < nr; i++) {
		names[i] = find_name(im, t, wanted[i].name);
		missing += names[i] >= 0;
	}
	for (uint64_t i = 0; i < t->nr_functions && missing > found; i++) {
		uint64_t at = t->functions + i * 2 * t->field, entry = 0, offset = 0, moved;
		int32_t name;

		if (!window_read(im, &entries, at, &entry, t->field) ||
		    !window_read(im, &entries, at + t->field, &offset, t->field) ||
		    !read_function(im, t, &functions, offset, &name))
			break;
		for (size_t j = 0; j < nr; j++) {
			if (wanted[j].is_found || names[j] != name)
				continue;
			moved = t->field == 8 && im->type == ET_DYN ? relocated(im, at) : 0;
			wanted[j].is_found = true;
			wanted[j].entry = moved ? moved : entry;
			found++;
		}
	}
	return found;
}
