/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Made-up ELF files with a runtime in them, or what looks like one: sections,
 * symbols, USDT notes. Addresses are offsets in the file plus MADE_BIAS, all
 * in one segment, which may be written to.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "site/collector.h"

enum {
	MADE_BIAS = 0x400000,
	MADE_SIZE = 1 << 16,
	MADE_SECTIONS = 16,
	MADE_SYMBOLS = 16,
	MADE_NAMES = 4096,
};

struct made {
	unsigned char bytes[MADE_SIZE];
	size_t size;
	Elf64_Shdr sections[MADE_SECTIONS];
	unsigned nr_sections;
	char names[MADE_NAMES];
	size_t names_size;
	uint16_t type, machine;
};

static inline void made_init(struct made *m)
{
	memset(m, 0, sizeof(*m));
	m->size = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
	m->nr_sections = 1; /* SHN_UNDEF */
	m->names_size = 1;
	m->type = ET_EXEC;
	m->machine = EM_X86_64;
}

/* Appends bytes: their address. */
static inline uint64_t made_bytes(struct made *m, const void *bytes, size_t size)
{
	size_t at = (m->size + 15) & ~(size_t)15;

	assert_true(at + size <= sizeof(m->bytes));
	if (size)
		memcpy(m->bytes + at, bytes, size);
	m->size = at + size;
	return at + MADE_BIAS;
}

static inline Elf64_Shdr *made_section(struct made *m, const char *name, uint32_t type,
				       const void *bytes, size_t size)
{
	Elf64_Shdr *s = &m->sections[m->nr_sections++];

	assert_true(m->nr_sections < MADE_SECTIONS);
	assert_true(m->names_size + strlen(name) < sizeof(m->names));
	s->sh_name = (uint32_t)m->names_size;
	m->names_size += (size_t)snprintf(m->names + m->names_size,
					  sizeof(m->names) - m->names_size, "%s", name) +
			 1;
	s->sh_type = type;
	s->sh_flags = SHF_ALLOC;
	s->sh_addr = made_bytes(m, bytes, size);
	s->sh_offset = s->sh_addr - MADE_BIAS;
	s->sh_size = size;
	return s;
}

struct made_symbol {
	const char *name;
	uint64_t address;
	uint64_t is_object; /* else a function */
};

/* SHT_DYNSYM or SHT_SYMTAB. An address of 0: it isn't defined here. */
static inline void made_symbols(struct made *m, uint32_t type, const struct made_symbol *symbols,
				size_t nr)
{
	Elf64_Sym table[MADE_SYMBOLS] = { 0 };
	char strings[MADE_NAMES] = "";
	size_t used = 1;
	Elf64_Shdr *s;

	assert_true(nr < MADE_SYMBOLS);
	for (size_t i = 0; i < nr; i++) {
		Elf64_Sym *sym = &table[i + 1];

		assert_true(used + strlen(symbols[i].name) < sizeof(strings));
		sym->st_name = (uint32_t)used;
		sym->st_info = ELF64_ST_INFO(STB_GLOBAL,
					     symbols[i].is_object ? STT_OBJECT : STT_FUNC);
		sym->st_shndx = symbols[i].address ? 1 : SHN_UNDEF;
		sym->st_value = symbols[i].address;
		sym->st_size = 16;
		used += (size_t)snprintf(strings + used, sizeof(strings) - used, "%s",
					 symbols[i].name) +
			1;
	}
	s = made_section(m, type == SHT_DYNSYM ? ".dynsym" : ".symtab", type, table,
			 (nr + 1) * sizeof(*table));
	s->sh_entsize = sizeof(*table);
	s->sh_link = m->nr_sections;
	made_section(m, type == SHT_DYNSYM ? ".dynstr" : ".strtab", SHT_STRTAB, strings, used);
}

struct made_note {
	const char *provider, *name, *arguments;
	uint64_t address, semaphore;
};

static inline void made_notes(struct made *m, const struct made_note *notes, size_t nr)
{
	char bytes[MADE_NAMES];
	size_t used = 0;

	for (size_t i = 0; i < nr; i++) {
		uint64_t words[3] = { notes[i].address, 0, notes[i].semaphore };
		size_t size = sizeof(words) + strlen(notes[i].provider) + strlen(notes[i].name) +
			      strlen(notes[i].arguments) + 3;
		uint32_t h[3] = { 8, (uint32_t)size, 3 };

		assert_true(used + sizeof(h) + 8 + size + 4 <= sizeof(bytes));
		memset(bytes + used, 0, sizeof(h) + 8 + size + 4);
		memcpy(bytes + used, h, sizeof(h));
		memcpy(bytes + used + sizeof(h), "stapsdt", 8);
		used += sizeof(h) + 8;
		memcpy(bytes + used, words, sizeof(words));
		snprintf(bytes + used + sizeof(words), sizeof(bytes) - used - sizeof(words),
			 "%s%c%s%c%s", notes[i].provider, 0, notes[i].name, 0, notes[i].arguments);
		used = (used + size + 3) & ~(size_t)3;
	}
	made_section(m, ".note.stapsdt", SHT_NOTE, bytes, used);
}

/* Writes headers; the file's descriptor. */
static inline int made_open(struct made *m)
{
	Elf64_Ehdr h = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT } };
	Elf64_Phdr p = { .p_type = PT_LOAD, .p_flags = PF_R | PF_W | PF_X, .p_vaddr = MADE_BIAS };
	int fd = memfd_create("made", MFD_CLOEXEC);

	assert_true(fd >= 0);
	h.e_shstrndx = (uint16_t)m->nr_sections;
	made_section(m, ".shstrtab", SHT_STRTAB, m->names, sizeof(m->names));
	h.e_type = m->type;
	h.e_machine = m->machine;
	h.e_phoff = sizeof(h);
	h.e_phentsize = sizeof(p);
	h.e_phnum = 1;
	h.e_shentsize = sizeof(*m->sections);
	h.e_shnum = (uint16_t)m->nr_sections;
	h.e_shoff = made_bytes(m, m->sections, m->nr_sections * sizeof(*m->sections)) - MADE_BIAS;
	memcpy(m->bytes + m->sections[h.e_shstrndx].sh_offset, m->names, sizeof(m->names));
	p.p_filesz = p.p_memsz = m->size;
	memcpy(m->bytes, &h, sizeof(h));
	memcpy(m->bytes + sizeof(h), &p, sizeof(p));
	assert_int_equal(write(fd, m->bytes, m->size), m->size);
	return fd;
}

struct made_answer {
	int r;
	struct probe_sites sites;
	struct strbuf why;
};

/* Asks one of the collectors, of a file that is closed then. */
static inline void made_ask_fd(int fd, const struct gc_collector *c, struct made_answer *ret)
{
	const struct runtime_image image = { .fd = fd, .path = "made" };

	memset(ret, 0, sizeof(*ret));
	ret->r = probe_sites_find(&image, c->find, &ret->sites, &ret->why);
	close(fd);
}

static inline void made_ask(struct made *m, const struct gc_collector *c, struct made_answer *ret)
{
	made_ask_fd(made_open(m), c, ret);
}

static inline void made_done(struct made_answer *a)
{
	probe_sites_done(&a->sites);
	strbuf_done(&a->why);
}

/*
 * The file cut at many lengths, and with bytes changed at random: whatever comes of it, places
 * are in the file, and there's an answer.
 */
static inline void made_hostile(struct made *m, const struct gc_collector *c, unsigned seed)
{
	int fd = made_open(m);

	close(fd);
	for (int i = 0; i < 3000; i++) {
		size_t size = i % 3 ? m->size : (size_t)rand_r(&seed) % m->size;
		struct made_answer a;
		static unsigned char copy[MADE_SIZE];

		memcpy(copy, m->bytes, m->size);
		for (int j = 0; j < i % 9; j++) {
			static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
			size_t at = sizeof(Elf64_Ehdr) + (size_t)rand_r(&seed) % (m->size - 64);
			unsigned n = (unsigned)rand_r(&seed);

			copy[at] = n & 1 ? values[(n >> 1) % sizeof(values)]
					 : (unsigned char)(n >> 8);
		}
		fd = memfd_create("hostile", MFD_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, copy, size), size);
		made_ask_fd(fd, c, &a);
		assert_true(a.r == 0 || a.r == 1 || a.r == -ENOTSUP || a.r == -EIO);
		assert_int_equal(a.r == 1, a.r == 1 && a.sites.nr > 0);
		assert_int_equal(a.r == -ENOTSUP, strbuf_str(&a.why)[0] != '\0');
		for (size_t j = 0; j < a.sites.nr; j++)
			assert_true(a.sites.sites[j].offset < size);
		made_done(&a);
	}
}
