// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "process/build_id.h"

#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "process/elf_segments.h"

enum { MAX_NOTES = 16 << 10 }; /* bytes of one PT_NOTE that are looked at */

bool build_id_is_elf(int fd)
{
	char magic[SELFMAG];

	return pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
	       !memcmp(magic, ELFMAG, SELFMAG);
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

static uint32_t find_in_segment(int fd, const struct elf_segment *s, uint8_t *ret_id)
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
	_cleanup_free_ struct elf_segment *segments = NULL;
	uint32_t nr = elf_segments_read(fd, &segments), nr_notes = 0;

	for (uint32_t i = 0; i < nr && nr_notes < 16; i++) {
		uint32_t size;

		if (segments[i].type != PT_NOTE)
			continue;
		nr_notes++;
		size = find_in_segment(fd, &segments[i], ret_id);
		if (size)
			return size;
	}
	return 0;
}
