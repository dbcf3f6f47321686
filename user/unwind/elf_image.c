// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "unwind/elf_image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unwind/eh_pointer.h"

enum { MAX_SECTIONS = 65536, MAX_NAMES = 1 << 20, MAX_NOTE = 256 };

int elf_image_read(const struct elf_image *image, uint64_t offset, void *ret, size_t size)
{
	char *to = ret;

	if (offset > image->size || size > image->size - offset)
		return -EIO;
	if (image->fd < 0) {
		memcpy(to, image->memory + offset, size);
		return 0;
	}
	while (size) {
		ssize_t n = pread(image->fd, to, size, (off_t)offset);

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

uint32_t elf_image_text_at(const struct elf_image *image, uint64_t address)
{
	uint32_t low = 0, high = image->nr_text;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct unwind_segment *s = &image->text[middle];

		if (address >= s->address && address - s->address >= s->size)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int compare_segments(const void *a, const void *b)
{
	const struct unwind_segment *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int find_text(struct elf_image *image, const Elf64_Phdr *headers, size_t nr)
{
	struct unwind_segment *smaller;
	uint32_t kept = 0;

	image->text = calloc(nr ? nr : 1, sizeof(*image->text));
	if (!image->text)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		const Elf64_Phdr *h = &headers[i];
		uint64_t size = h->p_filesz;

		if (h->p_type != PT_LOAD || !(h->p_flags & PF_X) || h->p_offset >= image->size)
			continue;
		if (size > image->size - h->p_offset)
			size = image->size - h->p_offset;
		if (size && size <= UINT64_MAX - h->p_vaddr)
			image->text[image->nr_text++] = (struct unwind_segment){ h->p_offset,
										 h->p_vaddr, size };
	}
	qsort(image->text, image->nr_text, sizeof(*image->text), compare_segments);
	for (uint32_t i = 0; i < image->nr_text; i++) {
		const struct unwind_segment *last = kept ? &image->text[kept - 1] : NULL;

		if (!last || image->text[i].address - last->address >= last->size)
			image->text[kept++] = image->text[i];
	}
	image->nr_text = kept;
	smaller = kept ? reallocarray(image->text, kept, sizeof(*image->text)) : NULL;
	if (smaller)
		image->text = smaller;
	return 0;
}

/* The bytes of the file from an address to the end of the PT_LOAD that it lies in. */
static bool place_of(const struct elf_image *image, const Elf64_Phdr *headers, size_t nr,
		     uint64_t address, struct unwind_segment *ret)
{
	for (size_t i = 0; i < nr; i++) {
		const Elf64_Phdr *h = &headers[i];
		uint64_t into = address - h->p_vaddr, offset = h->p_offset + into, size;

		if (h->p_type != PT_LOAD || into >= h->p_filesz || offset < into ||
		    offset >= image->size)
			continue;
		size = h->p_filesz - into;
		if (size > image->size - offset)
			size = image->size - offset;
		*ret = (struct unwind_segment){ offset, address, size };
		return true;
	}
	return false;
}

/* .eh_frame_hdr: LSB Core 5.0 §10.6.2. */
static void read_header(struct elf_image *image, const Elf64_Phdr *headers, size_t nr,
			const Elf64_Phdr *at)
{
	struct unwind_segment place;
	uint8_t bytes[4 + 2 * 10] = { 0 };
	struct cursor c = { bytes, bytes + sizeof(bytes), false };
	uint64_t bias = at->p_vaddr - (uint64_t)(uintptr_t)bytes, frame, nr_fdes = 0;
	uint8_t frame_encoding, count_encoding;

	image->data_address = at->p_vaddr;
	if (!place_of(image, headers, nr, at->p_vaddr, &place) || place.size < 8)
		return;
	if (place.size < sizeof(bytes))
		c.end = bytes + place.size;
	if (elf_image_read(image, place.offset, bytes, cursor_left(&c)) ||
	    cursor_number(&c, 1) != 1)
		return;
	frame_encoding = (uint8_t)cursor_number(&c, 1);
	count_encoding = (uint8_t)cursor_number(&c, 1);
	cursor_skip(&c, 1);
	if (!eh_pointer_read(&c, frame_encoding, bias, at->p_vaddr, &frame))
		return;
	if (count_encoding != EH_POINTER_OMIT &&
	    !eh_pointer_read(&c, count_encoding, bias, at->p_vaddr, &nr_fdes))
		nr_fdes = 0;
	if (image->is_exact || !place_of(image, headers, nr, frame, &place))
		return;
	image->eh_frame = place;
	image->nr_fdes = nr_fdes;
}

/* A note of the name "Go" is its linker's. */
static bool is_go_note(const struct elf_image *image, const Elf64_Phdr *h)
{
	uint8_t bytes[MAX_NOTE];
	size_t size = h->p_filesz < sizeof(bytes) ? h->p_filesz : sizeof(bytes);
	struct cursor c = { bytes, bytes + size, false };

	if (elf_image_read(image, h->p_offset, bytes, size))
		return false;
	while (cursor_left(&c) >= sizeof(Elf64_Nhdr)) {
		uint64_t name = cursor_number(&c, 4), data = cursor_number(&c, 4);

		cursor_skip(&c, 4);
		if (name == 4 && cursor_left(&c) >= 4 && !memcmp(c.at, "Go\0", 4))
			return true;
		cursor_skip(&c, (name + 3) & ~UINT64_C(3));
		cursor_skip(&c, (data + 3) & ~UINT64_C(3));
	}
	return false;
}

static int read_program_headers(struct elf_image *image, const Elf64_Ehdr *h, Elf64_Phdr **ret)
{
	size_t size = (size_t)h->e_phnum * sizeof(Elf64_Phdr);

	if (h->e_phentsize != sizeof(Elf64_Phdr) || !h->e_phnum || h->e_phnum == PN_XNUM)
		return -ENOEXEC;
	*ret = malloc(size);
	if (!*ret)
		return -ENOMEM;
	return elf_image_read(image, h->e_phoff, *ret, size) ? -ENOEXEC : 0;
}

static bool is_name(const char *names, size_t size, uint32_t at, const char *name)
{
	size_t length = strlen(name) + 1;

	return at < size && size - at >= length && !memcmp(names + at, name, length);
}

/* Its addresses wrap: it is nowhere. */
static void widen_code(struct elf_image *image, const Elf64_Shdr *s)
{
	uint64_t end;

	if (s->sh_type == SHT_NOBITS || !(s->sh_flags & SHF_ALLOC) ||
	    !(s->sh_flags & SHF_EXECINSTR) || __builtin_add_overflow(s->sh_addr, s->sh_size, &end))
		return;
	if (s->sh_addr < image->code_begin)
		image->code_begin = s->sh_addr;
	if (end > image->code_end)
		image->code_end = end;
}

static void judge_section(struct elf_image *image, const Elf64_Shdr *s, const char *names,
			  size_t size)
{
	static const char *const go[] = { ".gopclntab", ".go.buildinfo", ".note.go.buildid" };

	for (size_t i = 0; i < sizeof(go) / sizeof(*go); i++)
		image->is_go |= is_name(names, size, s->sh_name, go[i]);
	if (image->is_exact || s->sh_type == SHT_NOBITS || !(s->sh_flags & SHF_ALLOC) ||
	    s->sh_flags & SHF_COMPRESSED || !is_name(names, size, s->sh_name, ".eh_frame") ||
	    s->sh_offset > image->size || s->sh_size > image->size - s->sh_offset)
		return;
	image->eh_frame = (struct unwind_segment){ s->sh_offset, s->sh_addr, s->sh_size };
	image->is_exact = true;
}

/* What is wrong with sections is no error: there may be none. */
static int read_sections(struct elf_image *image, const Elf64_Ehdr *h)
{
	_cleanup_free_ Elf64_Shdr *sections = NULL;
	_cleanup_free_ char *names = NULL;
	Elf64_Shdr first;
	uint64_t nr = h->e_shnum, index = h->e_shstrndx;
	size_t size;

	if (!h->e_shoff || h->e_shentsize != sizeof(first) ||
	    elf_image_read(image, h->e_shoff, &first, sizeof(first)))
		return 0;
	nr = nr ? nr : first.sh_size;
	index = index == SHN_XINDEX ? first.sh_link : index;
	if (index >= nr || nr > MAX_SECTIONS)
		return 0;
	sections = malloc(nr * sizeof(*sections));
	if (!sections)
		return -ENOMEM;
	if (elf_image_read(image, h->e_shoff, sections, nr * sizeof(*sections)))
		return 0;
	size = sections[index].sh_size < MAX_NAMES ? sections[index].sh_size : MAX_NAMES;
	names = malloc(size ? size : 1);
	if (!names)
		return -ENOMEM;
	if (elf_image_read(image, sections[index].sh_offset, names, size))
		return 0;
	for (uint64_t i = 0; i < nr; i++) {
		judge_section(image, &sections[i], names, size);
		widen_code(image, &sections[i]);
	}
	return 0;
}

static int read_image(struct elf_image *image)
{
	_cleanup_free_ Elf64_Phdr *headers = NULL;
	Elf64_Ehdr h;
	int r;

	if (elf_image_read(image, 0, &h, sizeof(h)) || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 ||
	    h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (h.e_type != ET_EXEC && h.e_type != ET_DYN))
		return -ENOEXEC;
	image->machine = h.e_machine;
	r = read_program_headers(image, &h, &headers);
	if (!r)
		r = find_text(image, headers, h.e_phnum);
	image->code_begin = UINT64_MAX;
	if (!r)
		r = read_sections(image, &h);
	if (r)
		return r;
	if (image->code_begin >= image->code_end) {
		image->code_begin = 0;
		image->code_end = UINT64_MAX;
	}
	for (size_t i = 0; i < h.e_phnum && !image->is_go; i++)
		image->is_go = headers[i].p_type == PT_NOTE && is_go_note(image, &headers[i]);
	/* Only the first one, since each costs a look at all segments. */
	for (size_t i = 0; i < h.e_phnum; i++)
		if (headers[i].p_type == PT_GNU_EH_FRAME) {
			read_header(image, headers, h.e_phnum, &headers[i]);
			break;
		}
	return 0;
}

int elf_image_open(struct elf_image *image, int fd)
{
	struct stat st;

	*image = (struct elf_image){ .fd = fd };
	if (fstat(fd, &st))
		return -EIO;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	image->size = (uint64_t)st.st_size;
	return read_image(image);
}

int elf_image_open_memory(struct elf_image *image, const void *bytes, size_t size)
{
	*image = (struct elf_image){ .fd = -1, .memory = bytes, .size = size };
	return read_image(image);
}

void elf_image_done(struct elf_image *image)
{
	free(image->text);
	image->text = NULL;
}
