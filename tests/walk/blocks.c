// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "blocks.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "unwind/compile.h"

/* A table and where it has been placed. */
struct placed {
	dev_t device;
	ino_t inode;
	struct unwind_table *table; /* NULL: there is none */
	uint32_t directory;	    /* location of its pages */
};

struct blocks {
	uint32_t *words; /* block 0 has the list of mappings */
	size_t nr_words, cap_words;
	struct placed *placed;
	size_t nr_placed, cap_placed;
	uint32_t nr_mappings;
};

int blocks_new(struct blocks **ret)
{
	struct blocks *b = calloc(1, sizeof(*b));

	if (!b || array_reserve(b->words, b->cap_words, ABI_BLOCK_WORDS)) {
		free(b);
		return -ENOMEM;
	}
	b->nr_words = ABI_BLOCK_WORDS;
	*ret = b;
	return 0;
}

void blocks_free(struct blocks *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->nr_placed; i++)
		unwind_table_free(b->placed[i].table);
	free(b->placed);
	free(b->words);
	free(b);
}

/* Room for words that lie in one block, at an even place. */
static int reserve(struct blocks *b, uint32_t size, uint32_t *ret_at)
{
	size_t at = (b->nr_words + 1) & ~(size_t)1;

	if (size <= ABI_BLOCK_WORDS && at / ABI_BLOCK_WORDS != (at + size - 1) / ABI_BLOCK_WORDS)
		at = (at / ABI_BLOCK_WORDS + 1) * ABI_BLOCK_WORDS;
	/* The last block is there as a whole. */
	if (array_reserve(b->words, b->cap_words, at + size + ABI_BLOCK_WORDS))
		return -ENOMEM;
	memset(b->words + b->nr_words, 0, (at + size - b->nr_words) * 4);
	b->nr_words = at + size;
	*ret_at = (uint32_t)at;
	return 0;
}

static int place(struct blocks *b, const struct unwind_table *t, uint32_t *ret_directory)
{
	_cleanup_free_ uint32_t *at = calloc(t->nr_blocks + 1, sizeof(*at));
	uint32_t directory;
	int r = at ? 0 : -ENOMEM;

	for (uint32_t i = 0; !r && i < t->nr_blocks; i++) {
		r = reserve(b, t->blocks[i].size, &at[i]);
		if (!r)
			memcpy(b->words + at[i], t->words + t->blocks[i].begin,
			       t->blocks[i].size * 4ul);
	}
	if (!r)
		r = reserve(b, t->nr_pages, &directory);
	for (uint32_t i = 0; !r && i < t->nr_pages; i++) {
		const struct unwind_block *block = &t->blocks[t->pages[i]];

		b->words[directory + i] = CFI_PAGE(at[t->pages[i]] + (block->index - block->begin),
						   block->shift);
	}
	if (!r)
		*ret_directory = directory;
	return r;
}

/* The table of the file that is open, or in memory; it stays placed. NULL: out of memory. */
static struct placed *place_file(struct blocks *b, int fd, const struct recording_memory *vdso)
{
	struct placed *placed;
	struct stat st = {};

	if (fd >= 0 && fstat(fd, &st))
		return NULL;
	for (size_t i = 0; i < b->nr_placed; i++) {
		if (b->placed[i].device == st.st_dev && b->placed[i].inode == st.st_ino)
			return &b->placed[i];
	}
	if (array_reserve(b->placed, b->cap_placed, b->nr_placed + 1))
		return NULL;
	placed = &b->placed[b->nr_placed++];
	*placed = (struct placed){ .device = st.st_dev, .inode = st.st_ino };
	if (fd >= 0 ? unwind_compile(fd, 0, &placed->table)
		    : unwind_compile_memory(vdso->bytes, vdso->size, 0, &placed->table))
		placed->table = NULL;
	if (placed->table && placed->table->kind == UNWIND_TABLE &&
	    place(b, placed->table, &placed->directory))
		return NULL;
	return placed;
}

/* The address at which a mapping begins; it may begin before the segment, as pages are. */
static bool mapping_address(const struct unwind_table *t, const struct recording_mapping *m,
			    uint64_t *ret)
{
	for (uint32_t i = 0; i < t->nr_segments; i++) {
		const struct unwind_segment *s = &t->segments[i];
		uint64_t begin = s->offset & -(uint64_t)RECORDING_PAGE;

		if (m->offset >= begin && m->offset < s->offset + s->size) {
			*ret = s->address - (s->offset - begin) + (m->offset - begin);
			return true;
		}
	}
	return false;
}

static struct abi_mapping describe(const struct placed *p, const struct recording_mapping *m)
{
	struct abi_mapping entry = { .start = m->start,
				     .end = m->end,
				     .kind = ABI_MAPPING_NO_TABLE };
	const struct unwind_table *t = p ? p->table : NULL;
	uint64_t address, first, end;

	if (t && t->kind == UNWIND_FRAME_POINTER)
		entry.kind = ABI_MAPPING_KEEPS_FP;
	if (!t || t->kind != UNWIND_TABLE || !mapping_address(t, m, &address))
		return entry;
	/* What has pages, of a mapping that has more. */
	first = t->first_page << CFI_PAGE_SHIFT;
	end = first + ((uint64_t)t->nr_pages << CFI_PAGE_SHIFT);
	if (address + (m->end - m->start) <= first || address >= end)
		return entry;
	if (address < first) {
		entry.start += first - address;
		address = first;
	}
	if (entry.end - entry.start > end - address)
		entry.end = entry.start + (end - address);
	entry.kind = ABI_MAPPING_TABLE;
	entry.page = p->directory + (uint32_t)((address - first) >> CFI_PAGE_SHIFT);
	entry.low = address & 0xffff;
	return entry;
}

uint32_t blocks_build_id(const char *path, uint8_t ret[RECORDING_BUILD_ID])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	const void *bytes;
	uint32_t size = 0;
	ssize_t found;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
	found = elf ? dwelf_elf_gnu_build_id(elf, &bytes) : 0;
	if (found > 0 && found <= RECORDING_BUILD_ID) {
		memcpy(ret, bytes, (size_t)found);
		size = (uint32_t)found;
	}
	if (elf)
		elf_end(elf);
	return size;
}

static bool is_recorded_file(const struct recording_mapping *m)
{
	uint8_t found[RECORDING_BUILD_ID];

	if (!m->build_id_size)
		return true;
	return blocks_build_id(m->path, found) == m->build_id_size &&
	       !memcmp(found, m->build_id, m->build_id_size);
}

int blocks_use(struct blocks *b, const struct recording_process *p)
{
	b->nr_mappings = 0;
	for (size_t i = 0; i < p->nr_mappings && i < ABI_MAX_MAPPINGS; i++) {
		const struct recording_mapping *m = &p->mappings[i];
		const struct placed *placed = NULL;
		struct abi_mapping entry;

		/* [vsyscall]: the walk's search is of addresses below. */
		if (m->start >> 63)
			continue;
		if (!strcmp(m->path, "[vdso]")) {
			placed = place_file(b, -1, &p->vdso);
		} else if (m->path[0] == '/') {
			_cleanup_close_ int fd = open(m->path, O_RDONLY | O_CLOEXEC);

			if (!is_recorded_file(m)) {
				fprintf(stderr, "%s is not the file that was recorded\n", m->path);
				return -ESTALE;
			}
			placed = fd < 0 ? NULL : place_file(b, fd, NULL);
		}
		entry = describe(placed, m);
		memcpy(b->words + b->nr_mappings++ * ABI_MAPPING_WORDS, &entry, sizeof(entry));
	}
	return 0;
}

uint32_t blocks_mappings(const struct blocks *b, uint32_t *ret_nr)
{
	*ret_nr = b->nr_mappings;
	return 0;
}

const uint32_t *blocks_at(const struct blocks *b, uint32_t location)
{
	size_t block = location & ~(uint32_t)(ABI_BLOCK_WORDS - 1);

	return block < b->nr_words ? b->words + block : NULL;
}
