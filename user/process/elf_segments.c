// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/elf_segments.h"

#include <elf.h>
#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"

enum {
	MAX_SEGMENTS = 512,
	OUR_DATA = __BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB,
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

static struct elf_segment segment_at(const struct elf_head *h, const char *table, uint32_t i)
{
	Elf32_Phdr narrow;
	Elf64_Phdr wide;

	if (h->wide) {
		memcpy(&wide, table + i * sizeof(wide), sizeof(wide));
		return (struct elf_segment){ wide.p_type,  wide.p_flags,  wide.p_offset,
					     wide.p_vaddr, wide.p_filesz, wide.p_align };
	}
	memcpy(&narrow, table + i * sizeof(narrow), sizeof(narrow));
	return (struct elf_segment){ narrow.p_type,  narrow.p_flags,  narrow.p_offset,
				     narrow.p_vaddr, narrow.p_filesz, narrow.p_align };
}

uint32_t elf_segments_read(int fd, struct elf_segment **ret)
{
	_cleanup_free_ char *table = NULL;
	struct elf_segment *segments;
	struct elf_head h;

	if (!read_head(fd, &h) || !h.nr || h.nr > MAX_SEGMENTS)
		return 0;
	table = malloc((size_t)h.nr * h.size);
	if (!table || !read_at(fd, table, (size_t)h.nr * h.size, h.at))
		return 0;
	segments = malloc(h.nr * sizeof(*segments));
	if (!segments)
		return 0;
	for (uint32_t i = 0; i < h.nr; i++)
		segments[i] = segment_at(&h, table, i);
	*ret = segments;
	return h.nr;
}
