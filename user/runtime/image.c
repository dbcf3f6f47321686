// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "runtime/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	MAX_SEGMENTS = 1024,
	MAX_SECTIONS = 65536,
	MAX_SECTION_NAMES = 1 << 20,
	MAX_STRINGS = 64 << 20,
	MAX_SYMBOLS = 8 << 20,
	MAX_KEPT = 16 << 20, /* bytes, of symbols and of strings */
	MAX_NAME = 4096,     /* of a symbol */
	SYMBOLS_AT_ONCE = 2048,
};

static int read_at(const struct image *im, uint64_t offset, void *ret, size_t size)
{
	char *to = ret;

	if (offset > im->size || size > im->size - offset)
		return -EIO;
	while (size) {
		ssize_t n = pread(im->fd, to, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		to += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

/* 0 and *ret, NULL where the file does not have it; -ENOMEM. */
static int read_copy(const struct image *im, uint64_t offset, size_t size, void *ret)
{
	void **to = ret;
	void *copy;

	if (!size || offset > im->size || size > im->size - offset)
		return 0;
	copy = malloc(size);
	if (!copy)
		return -ENOMEM;
	if (read_at(im, offset, copy, size))
		free(copy);
	else
		*to = copy;
	return 0;
}

/* What is wrong with sections is no error: there may be none. */
static int read_sections(struct image *im, const Elf64_Ehdr *h)
{
	uint64_t nr = h->e_shnum, index = h->e_shstrndx;
	const Elf64_Shdr *names;
	Elf64_Shdr first;
	int r;

	if (!h->e_shoff || h->e_shentsize != sizeof(first) ||
	    read_at(im, h->e_shoff, &first, sizeof(first)))
		return 0;
	nr = nr ? nr : first.sh_size;
	index = index == SHN_XINDEX ? first.sh_link : index;
	if (nr > MAX_SECTIONS || index >= nr)
		return 0;
	r = read_copy(im, h->e_shoff, nr * sizeof(first), &im->sections);
	if (r || !im->sections)
		return r;
	im->nr_sections = nr;
	names = &im->sections[index];
	if (names->sh_type != SHT_STRTAB || names->sh_size > MAX_SECTION_NAMES)
		return 0;
	r = read_copy(im, names->sh_offset, names->sh_size, &im->names);
	im->names_size = im->names ? names->sh_size : 0;
	return r;
}

int image_open(struct image *im, int fd)
{
	struct stat st;
	Elf64_Ehdr h;
	int r;

	*im = (struct image){ .fd = fd };
	if (fstat(fd, &st))
		return -EIO;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	im->size = (uint64_t)st.st_size;
	if (read_at(im, 0, &h, sizeof(h)) || memcmp(h.e_ident, ELFMAG, SELFMAG) ||
	    h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (h.e_type != ET_EXEC && h.e_type != ET_DYN) || h.e_phentsize != sizeof(*im->segments) ||
	    h.e_phnum > MAX_SEGMENTS)
		return -ENOEXEC;
	im->type = h.e_type;
	im->machine = h.e_machine;
	r = read_copy(im, h.e_phoff, h.e_phnum * sizeof(*im->segments), &im->segments);
	if (r)
		return r;
	if (!im->segments)
		return -ENOEXEC;
	im->nr_segments = h.e_phnum;
	return read_sections(im, &h);
}

void image_done(struct image *im)
{
	free(im->segments);
	free(im->sections);
	free(im->names);
	free(im->dynamic);
	free(im->dynamic_names);
	*im = (struct image){ .fd = -1 };
}

bool image_spend(const struct image *im, uint64_t work)
{
	if (!im->work_left)
		return true;
	if (*im->work_left < work) {
		*im->work_left = 0;
		return false;
	}
	*im->work_left -= work;
	return true;
}

static const Elf64_Phdr *segment_of(const struct image *im, uint64_t address)
{
	for (size_t i = 0; i < im->nr_segments; i++) {
		const Elf64_Phdr *h = &im->segments[i];

		if (h->p_type == PT_LOAD && address - h->p_vaddr < h->p_memsz)
			return h;
	}
	return NULL;
}

int image_read(const struct image *im, uint64_t address, void *ret, size_t size)
{
	const Elf64_Phdr *h = segment_of(im, address);
	uint64_t into, offset;

	if (!h)
		return -EFAULT;
	into = address - h->p_vaddr;
	offset = h->p_offset + into;
	if (into >= h->p_filesz || size > h->p_filesz - into || offset < into)
		return -EFAULT;
	return read_at(im, offset, ret, size) ? -EFAULT : 0;
}

int image_offset(const struct image *im, uint64_t address, uint64_t *ret)
{
	const Elf64_Phdr *h = segment_of(im, address);
	uint64_t into = h ? address - h->p_vaddr : 0;

	if (!h || into >= h->p_filesz || h->p_offset > im->size || into >= im->size - h->p_offset)
		return -EFAULT;
	*ret = h->p_offset + into;
	return 0;
}

bool image_is_code(const struct image *im, uint64_t address)
{
	const Elf64_Phdr *h = segment_of(im, address);

	return h && h->p_flags & PF_X;
}

bool image_is_data(const struct image *im, uint64_t address)
{
	const Elf64_Phdr *h = segment_of(im, address);

	return h && h->p_flags & PF_W && !(h->p_flags & PF_X);
}

bool image_is_writable(const struct image *im, uint64_t address)
{
	const Elf64_Phdr *h = segment_of(im, address);

	return h && h->p_flags & PF_W;
}

static bool is_named(const struct image *im, const Elf64_Shdr *s, const char *name)
{
	size_t length = strlen(name) + 1;

	return s->sh_name < im->names_size && im->names_size - s->sh_name >= length &&
	       !memcmp(im->names + s->sh_name, name, length);
}

const Elf64_Shdr *image_section_header(const struct image *im, const char *name)
{
	for (size_t i = 0; i < im->nr_sections; i++)
		if (is_named(im, &im->sections[i], name))
			return &im->sections[i];
	return NULL;
}

int image_section_bytes(const struct image *im, const Elf64_Shdr *section, uint64_t max, char **ret)
{
	uint64_t size = section->sh_size;
	char *bytes;

	*ret = NULL;
	if (section->sh_type == SHT_NOBITS || !size || size > max ||
	    section->sh_offset > im->size || size > im->size - section->sh_offset)
		return 0;
	bytes = malloc(size + 1);
	if (!bytes)
		return -ENOMEM;
	if (read_at(im, section->sh_offset, bytes, size)) {
		free(bytes);
		return 0;
	}
	bytes[size] = '\0';
	*ret = bytes;
	return 0;
}

struct image_section image_section(const struct image *im, const char *name)
{
	for (size_t i = 0; i < im->nr_sections; i++) {
		const Elf64_Shdr *s = &im->sections[i];

		if (s->sh_flags & SHF_ALLOC && s->sh_addr && is_named(im, s, name))
			return (struct image_section){ s->sh_addr, s->sh_size };
	}
	return (struct image_section){ 0 };
}

/* The first table of a type, with its strings; NULL: none that could be one. */
static const Elf64_Shdr *find_table(const struct image *im, uint32_t type,
				    const Elf64_Shdr **ret_strings)
{
	for (size_t i = 0; i < im->nr_sections; i++) {
		const Elf64_Shdr *table = &im->sections[i];

		if (table->sh_type != type || table->sh_entsize != sizeof(Elf64_Sym) ||
		    table->sh_link >= im->nr_sections)
			continue;
		*ret_strings = &im->sections[table->sh_link];
		return (*ret_strings)->sh_type == SHT_STRTAB ? table : NULL;
	}
	return NULL;
}

int image_keep_dynamic(struct image *im)
{
	const Elf64_Shdr *strings, *table = find_table(im, SHT_DYNSYM, &strings);
	int r;

	if (!table || table->sh_size > MAX_KEPT)
		return 0;
	r = image_section_bytes(im, strings, MAX_KEPT, &im->dynamic_names);
	if (r || !im->dynamic_names)
		return r;
	im->dynamic_names_size = strings->sh_size;
	r = read_copy(im, table->sh_offset, table->sh_size, &im->dynamic);
	im->nr_dynamic = im->dynamic ? table->sh_size / sizeof(*im->dynamic) : 0;
	return r;
}

static int each_symbol(const Elf64_Sym *symbols, size_t nr, const char *strings,
		       size_t strings_size,
		       int (*look)(void *ctx, const Elf64_Sym *symbol, const char *name), void *ctx)
{
	for (size_t i = 0; i < nr; i++) {
		const char *name = strings + symbols[i].st_name;
		int r;

		/* All may share one of 64 MB, which is looked through for each. */
		if (symbols[i].st_name >= strings_size || strnlen(name, MAX_NAME) == MAX_NAME)
			continue;
		r = look(ctx, &symbols[i], name);
		if (r)
			return r;
	}
	return 0;
}

/* `strings` ends in a NUL of ours. */
static int each_of(const struct image *im, const Elf64_Shdr *table, const char *strings,
		   size_t strings_size,
		   int (*look)(void *ctx, const Elf64_Sym *symbol, const char *name), void *ctx)
{
	_cleanup_free_ Elf64_Sym *symbols = malloc(SYMBOLS_AT_ONCE * sizeof(*symbols));
	uint64_t left = table->sh_size / sizeof(*symbols), offset = table->sh_offset;
	int r;

	if (!symbols)
		return -ENOMEM;
	left = left < MAX_SYMBOLS ? left : MAX_SYMBOLS;
	while (left) {
		size_t some = left < SYMBOLS_AT_ONCE ? left : SYMBOLS_AT_ONCE;

		if (read_at(im, offset, symbols, some * sizeof(*symbols)))
			break;
		r = each_symbol(symbols, some, strings, strings_size, look, ctx);
		if (r)
			return r;
		left -= some;
		offset += some * sizeof(*symbols);
	}
	return 0;
}

int image_each_symbol(const struct image *im, uint32_t type,
		      int (*look)(void *ctx, const Elf64_Sym *symbol, const char *name), void *ctx)
{
	const Elf64_Shdr *s, *table = find_table(im, type, &s);
	_cleanup_free_ char *strings = NULL;
	int r;

	if (type == SHT_DYNSYM && im->dynamic)
		return each_symbol(im->dynamic, im->nr_dynamic, im->dynamic_names,
				   im->dynamic_names_size, look, ctx);
	if (!table)
		return 0;
	r = image_section_bytes(im, s, MAX_STRINGS, &strings);
	if (r || !strings)
		return r;
	return each_of(im, table, strings, s->sh_size, look, ctx);
}

struct search {
	struct image_symbol *wanted;
	size_t nr;
	int found;
};

/* Most are told from their first letters, and there are many. */
static bool is_same_name(const char *a, const char *b)
{
	return a[0] == b[0] && (!a[0] || (a[1] == b[1] && !strcmp(a, b)));
}

static int take_symbol(void *ctx, const Elf64_Sym *s, const char *name)
{
	unsigned type = ELF64_ST_TYPE(s->st_info);
	struct search *search = ctx;

	/* An address of what is not defined here is that of a stub. */
	if (s->st_shndx == SHN_UNDEF || !s->st_value || (type != STT_FUNC && type != STT_OBJECT))
		return 0;
	for (size_t i = 0; i < search->nr; i++) {
		struct image_symbol *w = &search->wanted[i];

		if (w->address || !is_same_name(w->name, name))
			continue;
		w->address = s->st_value;
		w->size = s->st_size;
		w->is_code = type == STT_FUNC;
		search->found++;
		break;
	}
	return 0;
}

int image_symbols(const struct image *im, uint32_t type, struct image_symbol *wanted, size_t nr)
{
	struct search search = { wanted, nr, 0 };
	int r = image_each_symbol(im, type, take_symbol, &search);

	return r ? r : search.found;
}
