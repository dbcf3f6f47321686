/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A made-up ELF file in memory: a segment of code, one of data with .bss behind it, and sections
 * as they are added. Included behind cmocka.h.
 */
#pragma once
#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	MADE_CODE = 0x401000,
	MADE_CODE_AT = 0x1000,
	MADE_DATA = 0x403000,
	MADE_DATA_AT = 0x2000,
	MADE_DATA_SIZE = 0x800,
	MADE_BSS_SIZE = 0x800,
	MADE_FREE_AT = 0x3000, /* where sections are added */
	MADE_SECTIONS_AT = 0x400,
	MADE_NAMES_AT = 0x800,
	MADE_SIZE = 0x8000,
};

struct made {
	union {
		char bytes[MADE_SIZE];
		Elf64_Ehdr header;
	};
	size_t at, names; /* where the next section, the next name goes */
};

static inline Elf64_Shdr *made_section(struct made *m, unsigned i)
{
	return (Elf64_Shdr *)(m->bytes + MADE_SECTIONS_AT) + i;
}

static inline Elf64_Shdr *made_add(struct made *m, const char *name, uint32_t type,
				   const void *bytes, size_t size)
{
	Elf64_Shdr *s = made_section(m, m->header.e_shnum++);

	*s = (Elf64_Shdr){
		.sh_name = (uint32_t)m->names, .sh_type = type, .sh_offset = m->at, .sh_size = size
	};
	strcpy(m->bytes + MADE_NAMES_AT + m->names, name);
	m->names += strlen(name) + 1;
	made_section(m, 0)->sh_size = m->names;
	if (size)
		memcpy(m->bytes + m->at, bytes, size);
	m->at += size;
	return s;
}

static inline void made_init(struct made *m)
{
	Elf64_Phdr *p = (Elf64_Phdr *)(m->bytes + sizeof(Elf64_Ehdr));

	memset(m, 0, sizeof(*m));
	memcpy(m->header.e_ident, ELFMAG, SELFMAG);
	m->header.e_ident[EI_CLASS] = ELFCLASS64;
	m->header.e_ident[EI_DATA] = ELFDATA2LSB;
	m->header.e_type = ET_EXEC;
	m->header.e_machine = EM_X86_64;
	m->header.e_phoff = sizeof(Elf64_Ehdr);
	m->header.e_phentsize = sizeof(*p);
	m->header.e_phnum = 2;
	m->header.e_shoff = MADE_SECTIONS_AT;
	m->header.e_shentsize = sizeof(Elf64_Shdr);
	p[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
			     .p_flags = PF_R | PF_X,
			     .p_offset = MADE_CODE_AT,
			     .p_vaddr = MADE_CODE,
			     .p_filesz = 0x1000,
			     .p_memsz = 0x1000 };
	p[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
			     .p_flags = PF_R | PF_W,
			     .p_offset = MADE_DATA_AT,
			     .p_vaddr = MADE_DATA,
			     .p_filesz = MADE_DATA_SIZE,
			     .p_memsz = MADE_DATA_SIZE + MADE_BSS_SIZE };
	m->at = MADE_FREE_AT;
	made_add(m, ".shstrtab", SHT_STRTAB, NULL, 0)->sh_offset = MADE_NAMES_AT;
}

/* A descriptor of the file; to be closed. */
static inline int made_open(const struct made *m)
{
	int fd = memfd_create("made", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, m->bytes, sizeof(m->bytes)), sizeof(m->bytes));
	return fd;
}
