// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/elffile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

enum {
	MAX_SECTIONS = 1 << 17, /* a memory record of libelf each */
	MAX_SEGMENTS = 1 << 10,
	MAX_NOTES = 1 << 20,
	MAX_STRINGS = 64 << 20,
};

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
enum { OWN_BYTE_ORDER = ELFDATA2LSB };
#else
enum { OWN_BYTE_ORDER = ELFDATA2MSB };
#endif

/* The section count where it does not fit the header: it stands in section 0. */
static uint64_t extended_sections(int fd, bool is64, uint64_t offset)
{
	Elf64_Shdr wide = { 0 };
	Elf32_Shdr narrow = { 0 };

	if (is64)
		return pread(fd, &wide, sizeof(wide), (off_t)offset) == sizeof(wide) ? wide.sh_size
										     : 0;
	return pread(fd, &narrow, sizeof(narrow), (off_t)offset) == sizeof(narrow) ? narrow.sh_size
										   : 0;
}

/* libelf takes memory for every section that the header claims, before any is looked at. */
static int check_header(int fd)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf64_Ehdr wide;
		Elf32_Ehdr narrow;
	} h;
	struct stat st;
	bool is64;
	uint64_t offset, nr;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	memset(&h, 0, sizeof(h));
	if (pread(fd, &h, sizeof(h), 0) < (ssize_t)sizeof(h.narrow))
		return -ENOEXEC;
	if (memcmp(h.ident, ELFMAG, SELFMAG) || h.ident[EI_DATA] != OWN_BYTE_ORDER ||
	    (h.ident[EI_CLASS] != ELFCLASS64 && h.ident[EI_CLASS] != ELFCLASS32))
		return -ENOEXEC;
	is64 = h.ident[EI_CLASS] == ELFCLASS64;
	offset = is64 ? h.wide.e_shoff : h.narrow.e_shoff;
	nr = is64 ? h.wide.e_shnum : h.narrow.e_shnum;
	if (!nr && offset && offset < INT64_MAX)
		nr = extended_sections(fd, is64, offset);
	return nr > MAX_SECTIONS ? -EFBIG : 0;
}

static int read_header(struct elf_file *f)
{
	if (!f->elf)
		return -ENOEXEC;
	if (elf_kind(f->elf) != ELF_K_ELF || !gelf_getehdr(f->elf, &f->header) ||
	    (f->header.e_type != ET_EXEC && f->header.e_type != ET_DYN) ||
	    elf_getshdrnum(f->elf, &f->nr_sections) < 0 || f->nr_sections > MAX_SECTIONS) {
		elf_file_close(f);
		return -ENOEXEC;
	}
	return 0;
}

int elf_file_open(struct elf_file *f, int fd)
{
	int r;

	if (fd < 0)
		return -ENOENT;
	r = check_header(fd);
	if (r < 0)
		return r;
	elf_version(EV_CURRENT);
	*f = (struct elf_file){ .fd = fd, .elf = elf_begin(fd, ELF_C_READ, NULL) };
	return read_header(f);
}

int elf_file_open_memory(struct elf_file *f, char *bytes, size_t size)
{
	elf_version(EV_CURRENT);
	*f = (struct elf_file){ .fd = -1, .elf = elf_memory(bytes, size) };
	return read_header(f);
}

void elf_file_close(struct elf_file *f)
{
	if (f->elf)
		elf_end(f->elf);
	*f = (struct elf_file)ELF_FILE_INIT;
}

Elf_Scn *elf_file_section(const struct elf_file *f, const char *name, GElf_Shdr *ret)
{
	Elf_Scn *section = NULL;
	size_t strings;

	if (elf_getshdrstrndx(f->elf, &strings) < 0)
		return NULL;
	while ((section = elf_nextscn(f->elf, section))) {
		const char *found;

		if (!gelf_getshdr(section, ret))
			continue;
		found = elf_file_string(f, strings, ret->sh_name);
		if (found && !strcmp(found, name))
			return section;
	}
	return NULL;
}

Elf_Scn *elf_file_section_of_type(const struct elf_file *f, uint32_t type, GElf_Shdr *ret)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(f->elf, section)))
		if (gelf_getshdr(section, ret) && ret->sh_type == type)
			return section;
	return NULL;
}

Elf_Data *elf_section_data(Elf_Scn *section, size_t max)
{
	GElf_Shdr header;
	Elf_Data *data;

	if (!section || !gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS ||
	    header.sh_size > max || (header.sh_flags & SHF_COMPRESSED))
		return NULL;
	data = elf_getdata(section, NULL);
	return data && data->d_buf ? data : NULL;
}

const char *elf_file_string(const struct elf_file *f, size_t section, size_t offset)
{
	GElf_Shdr h;
	Elf_Scn *strings = elf_getscn(f->elf, section);

	/* elf_strptr() takes memory for whatever size the section claims. */
	if (!strings || !gelf_getshdr(strings, &h) || h.sh_size > MAX_STRINGS)
		return NULL;
	return elf_strptr(f->elf, section, offset);
}

int elf_file_segments(const struct elf_file *f, struct elf_segment **ret)
{
	_cleanup_free_ struct elf_segment *segments = NULL;
	size_t nr;
	int count = 0;

	if (elf_getphdrnum(f->elf, &nr) < 0 || nr > MAX_SEGMENTS)
		return -ENOEXEC;
	segments = calloc(nr + 1, sizeof(*segments));
	if (!segments)
		return -ENOMEM;
	for (size_t i = 0; i < nr; i++) {
		GElf_Phdr p;

		if (!gelf_getphdr(f->elf, (int)i, &p) || p.p_type != PT_LOAD)
			continue;
		segments[count++] = (struct elf_segment){ .address = p.p_vaddr,
							  .memory_size = p.p_memsz,
							  .offset = p.p_offset,
							  .file_size = p.p_filesz,
							  .flags = p.p_flags };
	}
	*ret = segments;
	segments = NULL;
	return count;
}

uint32_t elf_notes_build_id(const void *notes, size_t size, uint8_t ret[BUILD_ID_MAX])
{
	const char *at = notes;
	Elf64_Nhdr n; /* the same in 32-bit files */

	while (size >= sizeof(n)) {
		size_t name, desc;

		memcpy(&n, at, sizeof(n));
		at += sizeof(n);
		size -= sizeof(n);
		name = ((size_t)n.n_namesz + 3) & ~(size_t)3;
		desc = ((size_t)n.n_descsz + 3) & ~(size_t)3;
		if (name > size || n.n_descsz > size - name)
			return 0;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    !memcmp(at, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) && n.n_descsz) {
			uint32_t kept = n.n_descsz < BUILD_ID_MAX ? n.n_descsz : BUILD_ID_MAX;

			memcpy(ret, at + name, kept);
			return kept;
		}
		if (desc > size - name)
			return 0;
		at += name + desc;
		size -= name + desc;
	}
	return 0;
}

uint32_t elf_file_build_id(const struct elf_file *f, uint8_t ret[BUILD_ID_MAX])
{
	size_t nr;

	if (elf_getphdrnum(f->elf, &nr) < 0 || nr > MAX_SEGMENTS)
		nr = 0;
	for (size_t i = 0; i < nr; i++) {
		GElf_Phdr p;
		Elf_Data *data;
		uint32_t size;

		if (!gelf_getphdr(f->elf, (int)i, &p) || p.p_type != PT_NOTE ||
		    p.p_filesz > MAX_NOTES)
			continue;
		data = elf_getdata_rawchunk(f->elf, (int64_t)p.p_offset, p.p_filesz, ELF_T_BYTE);
		size = data && data->d_buf ? elf_notes_build_id(data->d_buf, data->d_size, ret) : 0;
		if (size)
			return size;
	}
	/* Debug files' program headers may point to bytes that are not there. */
	for (Elf_Scn *s = NULL; (s = elf_nextscn(f->elf, s));) {
		GElf_Shdr header;
		Elf_Data *data;
		uint32_t size;

		if (!gelf_getshdr(s, &header) || header.sh_type != SHT_NOTE)
			continue;
		data = elf_section_data(s, MAX_NOTES);
		size = data ? elf_notes_build_id(data->d_buf, data->d_size, ret) : 0;
		if (size)
			return size;
	}
	return 0;
}
