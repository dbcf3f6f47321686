// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/build_id.h"

#include <elf.h>
#include <endian.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	MAX_SEGMENTS = 512,
	MAX_NOTES = 16 << 10, /* bytes of one PT_NOTE that are looked at */
	OUR_DATA = __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB,
};

struct segment {
	uint64_t type, offset, size, align;
};

struct elf_head {
	uint64_t at; /* of the program headers */
	uint32_t nr, size;
	bool wide;
};

static bool read_at(int fd, void *to, size_t size, uint64_t at)
{
	return at <= INT64_MAX && pread(fd, to, size, (off_t)at) == (ssize_t)size;
}

bool build_id_is_elf(int fd)
{
	char magic[SELFMAG];

	return read_at(fd, magic, sizeof(magic), 0) && !memcmp(magic, ELFMAG, SELFMAG);
}

static bool read_head(int fd, struct elf_head *ret)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr narrow;
		Elf64_Ehdr wide;
	} e = { { 0 } };

	if (!read_at(fd, &e, sizeof(e.narrow), 0) || memcmp(e.ident, ELFMAG, SELFMAG) ||
	    e.ident[EI_DATA] != OUR_DATA)
		return false;
	if (e.ident[EI_CLASS] == ELFCLASS32) {
		*ret = (struct elf_head){ e.narrow.e_phoff, e.narrow.e_phnum, sizeof(Elf32_Phdr),
					  false };
		return e.narrow.e_phentsize == ret->size;
	}
	if (e.ident[EI_CLASS] != ELFCLASS64 || !read_at(fd, &e, sizeof(e.wide), 0))
		return false;
	*ret = (struct elf_head){ e.wide.e_phoff, e.wide.e_phnum, sizeof(Elf64_Phdr), true };
	return e.wide.e_phentsize == ret->size;
}

static struct segment segment_at(const struct elf_head *h, const char *table, uint32_t i)
{
	Elf32_Phdr narrow;
	Elf64_Phdr wide;

	if (h->wide) {
		memcpy(&wide, table + i * sizeof(wide), sizeof(wide));
		return (struct segment){ wide.p_type, wide.p_offset, wide.p_filesz, wide.p_align };
	}
	memcpy(&narrow, table + i * sizeof(narrow), sizeof(narrow));
	return (struct segment){ narrow.p_type, narrow.p_offset, narrow.p_filesz, narrow.p_align };
}

static uint32_t find_in_notes(const char *notes, size_t size, size_t align, uint8_t *ret_id)
{
	size_t at = 0;

	while (size - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr n; /* the same as Elf32_Nhdr */
		size_t name, desc, next;

		memcpy(&n, notes + at, sizeof(n));
		if (n.n_namesz > size || n.n_descsz > size)
			return 0;
		name = at + sizeof(n);
		desc = (name + n.n_namesz + align - 1) & ~(align - 1);
		next = (desc + n.n_descsz + align - 1) & ~(align - 1);
		if (desc + n.n_descsz > size)
			return 0;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    !memcmp(notes + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU))) {
			if (!n.n_descsz || n.n_descsz > BUILD_ID_MAX)
				return 0;
			memcpy(ret_id, notes + desc, n.n_descsz);
			return n.n_descsz;
		}
		if (next > size)
			return 0;
		at = next;
	}
	return 0;
}

static uint32_t find_in_segment(int fd, const struct segment *s, uint8_t *ret_id)
{
	size_t size = s->size < MAX_NOTES ? s->size : MAX_NOTES;
	_cleanup_free_ char *notes = malloc(size + 1);
	ssize_t n;

	if (!notes || s->offset > INT64_MAX)
		return 0;
	n = pread(fd, notes, size, (off_t)s->offset);
	return n > 0 ? find_in_notes(notes, (size_t)n, s->align == 8 ? 8 : 4, ret_id) : 0;
}

uint32_t build_id_read(int fd, uint8_t ret_id[BUILD_ID_MAX])
{
	_cleanup_free_ char *table = NULL;
	struct elf_head h;
	uint32_t nr_notes = 0;

	if (!read_head(fd, &h) || !h.nr || h.nr > MAX_SEGMENTS)
		return 0;
	table = malloc((size_t)h.nr * h.size);
	if (!table || !read_at(fd, table, (size_t)h.nr * h.size, h.at))
		return 0;
	for (uint32_t i = 0; i < h.nr && nr_notes < 16; i++) {
		struct segment s = segment_at(&h, table, i);
		uint32_t size;

		if (s.type != PT_NOTE)
			continue;
		nr_notes++;
		size = find_in_segment(fd, &s, ret_id);
		if (size)
			return size;
	}
	return 0;
}
