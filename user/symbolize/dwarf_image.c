// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/dwarf_image.h"

#include <endian.h>
#include <errno.h>
#include <gelf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"

enum {
	COPY_MAX = 64 << 20,
	/* Debug information packs to a fifth; only a bomb packs to this. */
	UNPACK_RATIO = 64,
	UNPACK_FREE = 1 << 20,
};

static const char *const wanted_sections[] = {
	"info", "types", "abbrev",	"line",	    "line_str",
	"str",	"addr",	 "str_offsets", "rnglists", "ranges",
};

/* Where a section lies in the file, and what it takes. */
struct place {
	uint64_t offset, size;
	uint64_t unpacked; /* 0: it is not packed */
	bool wanted, zdebug;
};

struct layout {
	Elf *elf;
	int fd;
	uint64_t file_size;
	uint64_t headers, header_size;
	struct place *places;
	size_t nr;
};

static int read_at(int fd, void *into, uint64_t offset, uint64_t size)
{
	char *p = into;

	while (size) {
		ssize_t n = pread(fd, p, size > 1 << 30 ? 1 << 30 : size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENODATA;
		p += n;
		offset += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return 0;
}

static bool name_wanted(const char *name, bool *ret_zdebug)
{
	*ret_zdebug = !strncmp(name, ".zdebug_", 8);
	if (!strcmp(name, ".note.gnu.build-id"))
		return true;
	if (!*ret_zdebug && strncmp(name, ".debug_", 7) != 0)
		return false;
	name += *ret_zdebug ? 8 : 7;
	for (size_t i = 0; i < ARRAY_SIZE(wanted_sections); i++) {
		size_t size = strlen(wanted_sections[i]);

		if (!strncmp(name, wanted_sections[i], size) &&
		    (!name[size] || !strcmp(name + size, ".dwo")))
			return true;
	}
	return false;
}

/* What a packed section says it unpacks to; UINT64_MAX when that can't be true. */
static uint64_t unpacked_size(const struct layout *l, const struct place *p, bool packed)
{
	unsigned char head[24] = { 0 };
	uint64_t size;

	if (!packed && !p->zdebug)
		return 0;
	if (p->size < 12 || read_at(l->fd, head, p->offset, p->size < 24 ? p->size : 24))
		return UINT64_MAX;
	if (packed && gelf_getclass(l->elf) == ELFCLASS64) {
		memcpy(&size, head + 8, 8);
	} else if (packed) {
		uint32_t size32;

		memcpy(&size32, head + 4, 4);
		size = size32;
	} else if (!memcmp(head, "ZLIB", 4)) {
		memcpy(&size, head + 4, 8);
		size = be64toh(size);
	} else {
		return 0;
	}
	return size / UNPACK_RATIO > p->size && size > UNPACK_FREE ? UINT64_MAX : size;
}

static void place_section(struct dwarf_image *im, struct layout *l, size_t index,
			  const GElf_Shdr *sh, const char *name)
{
	struct place *p = &l->places[index];

	if (sh->sh_flags & SHF_ALLOC && sh->sh_flags & SHF_EXECINSTR && sh->sh_size) {
		uint64_t end = sh->sh_addr + sh->sh_size;

		if (sh->sh_addr < im->code_start)
			im->code_start = sh->sh_addr;
		if (end >= sh->sh_addr && end > im->code_end)
			im->code_end = end;
	}
	if (sh->sh_type == SHT_NOBITS || sh->sh_offset > l->file_size ||
	    sh->sh_size > l->file_size - sh->sh_offset)
		return;
	p->offset = sh->sh_offset;
	p->size = sh->sh_size;
	if (name && name_wanted(name, &p->zdebug)) {
		p->unpacked = unpacked_size(l, p, sh->sh_flags & SHF_COMPRESSED);
		p->wanted = p->unpacked != UINT64_MAX;
	}
}

/* Fills the layout and all of `im` that needs no memory. */
static int plan(struct dwarf_image *im, struct layout *l, size_t *ret_names, size_t *ret_alternate)
{
	GElf_Ehdr eh;
	bool found = false;

	if (elf_kind(l->elf) != ELF_K_ELF || !gelf_getehdr(l->elf, &eh) ||
	    eh.e_ident[EI_DATA] != (__BYTE_ORDER == __LITTLE_ENDIAN ? ELFDATA2LSB : ELFDATA2MSB) ||
	    elf_getshdrnum(l->elf, &l->nr) || elf_getshdrstrndx(l->elf, ret_names) || !l->nr)
		return -ENODATA;
	im->is_object = eh.e_type == ET_REL;
	l->headers = eh.e_shoff;
	l->header_size = eh.e_shentsize;
	if (l->header_size != gelf_fsize(l->elf, ELF_T_SHDR, 1, EV_CURRENT) ||
	    l->headers > l->file_size || l->nr > (l->file_size - l->headers) / l->header_size)
		return -ENODATA;
	l->places = calloc(l->nr, sizeof(*l->places));
	if (!l->places)
		return -ENOMEM;
	im->code_start = UINT64_MAX;
	for (size_t i = 0; i < l->nr; i++) {
		Elf_Scn *scn = elf_getscn(l->elf, i);
		GElf_Shdr sh;
		const char *name;

		if (!scn || !gelf_getshdr(scn, &sh))
			continue;
		name = elf_strptr(l->elf, *ret_names, sh.sh_name);
		place_section(im, l, i, &sh, name);
		if (!name)
			continue;
		if (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info"))
			found |= l->places[i].wanted;
		if (!strcmp(name, ".gnu_debugaltlink"))
			*ret_alternate = i;
	}
	return found ? 0 : -ENODATA;
}

/* The headers' types are overwritten in our memory: libdw takes no note of SHT_NOBITS. */
static void hide_unwanted(struct dwarf_image *im, const struct layout *l, size_t names)
{
	uint32_t nobits = SHT_NOBITS;

	for (size_t i = 1; i < l->nr; i++)
		if (!l->places[i].wanted && i != names)
			memcpy((char *)im->base + l->headers + i * l->header_size +
				       offsetof(Elf64_Shdr, sh_type),
			       &nobits, sizeof(nobits));
}

static int copy_sections(struct dwarf_image *im, const struct layout *l)
{
	char *base = im->base;
	int r = read_at(l->fd, base, 0, sizeof(Elf32_Ehdr));

	if (!r && gelf_getclass(l->elf) == ELFCLASS64)
		r = read_at(l->fd, base, 0, sizeof(Elf64_Ehdr));
	if (!r)
		r = read_at(l->fd, base + l->headers, l->headers, l->nr * l->header_size);
	for (size_t i = 0; !r && i < l->nr; i++)
		if (l->places[i].wanted)
			r = read_at(l->fd, base + l->places[i].offset, l->places[i].offset,
				    l->places[i].size);
	return r;
}

static int take(struct dwarf_image *im, struct layout *l, size_t names, size_t alternate,
		size_t max_memory)
{
	uint64_t packed = 0, unpacked = 0;
	bool copy;
	int r = 0;

	for (size_t i = 0; i < l->nr; i++) {
		packed += l->places[i].wanted ? l->places[i].size : 0;
		unpacked += l->places[i].wanted ? l->places[i].unpacked : 0;
	}
	copy = packed <= COPY_MAX && (!max_memory || packed <= max_memory / 4);
	im->debug_size = packed + unpacked;
	im->memory = unpacked + (copy ? packed : 0);
	if (max_memory && im->memory > max_memory)
		return -E2BIG;
	/* Wanted from here on, but neither counted nor hidden. */
	l->places[names].wanted = true;
	if (alternate)
		l->places[alternate].wanted = true;
	im->size = l->file_size + 1; /* a copy is followed by a NUL */
	im->base = mmap(NULL, im->size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_NORESERVE | (copy ? MAP_ANONYMOUS : 0), copy ? -1 : l->fd,
			0);
	if (im->base == MAP_FAILED) {
		im->base = NULL;
		return -errno;
	}
	if (copy)
		r = copy_sections(im, l);
	if (alternate) {
		const struct place *p = &l->places[alternate];

		im->alternate.start = (uint8_t *)im->base + p->offset;
		im->alternate.end = im->alternate.start + p->size;
		l->places[alternate].wanted = false;
	}
	if (r)
		return r;
	hide_unwanted(im, l, names);
	im->elf = elf_memory(im->base, l->file_size);
	return im->elf ? 0 : -ENODATA;
}

int dwarf_image_open(struct dwarf_image *im, int fd, size_t max_memory)
{
	struct layout l = { .fd = fd };
	size_t names = 0, alternate = 0;
	struct stat st;
	int r;

	*im = (struct dwarf_image){ 0 };
	elf_version(EV_CURRENT);
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(Elf32_Ehdr))
		return -ENODATA;
	l.file_size = (uint64_t)st.st_size;
	/* Not mapped: libelf reads the headers with pread(). */
	l.elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!l.elf)
		return -ENODATA;
	r = plan(im, &l, &names, &alternate);
	if (!r)
		r = take(im, &l, names, alternate, max_memory);
	free(l.places);
	elf_end(l.elf);
	if (r)
		dwarf_image_close(im);
	return r;
}

void dwarf_image_close(struct dwarf_image *im)
{
	if (im->elf)
		elf_end(im->elf);
	if (im->base)
		munmap(im->base, im->size);
	im->elf = NULL;
	im->base = NULL;
}

struct span dwarf_image_section(Elf *elf, const char *name)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return (struct span){ 0 };
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;
		const char *found;
		Elf_Data *data;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS)
			continue;
		found = elf_strptr(elf, names, sh.sh_name);
		/* .zdebug_x and .debug_x are one: libdw has unpacked it. */
		if (!found || (strcmp(found, name) != 0 &&
			       (found[1] != 'z' || strcmp(found + 2, name + 1) != 0)))
			continue;
		data = elf_getdata(scn, NULL);
		if (data && data->d_buf)
			return (struct span){ data->d_buf, (uint8_t *)data->d_buf + data->d_size };
	}
	return (struct span){ 0 };
}
