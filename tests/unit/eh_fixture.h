/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ELF files with a made-up .eh_frame: code of EH_TEXT_SIZE bytes of zeros at EH_TEXT, of which a
 * test says by records what it likes, right or wrong. Compiled out of memory.
 */
#pragma once
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/strbuf.h"
#include "unwind/compile.h"

enum {
	EH_TEXT_OFFSET = 0x1000,
	EH_TEXT_SIZE = 0x30000,
	EH_FRAME_OFFSET = EH_TEXT_OFFSET + EH_TEXT_SIZE + 0x100,
};
/* A page's beginning; not where the file has it. */
#define EH_TEXT UINT64_C(0x7420000)

/* Bytes as an array and its size. */
#define B(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
#define NONE   NULL, 0

struct eh_fixture {
	struct strbuf frame, text;
	uint64_t text_address, frame_address;
	uint16_t machine;
	size_t cie; /* where the last CIE begins */
	bool without_sections, without_header, is_go;
	uint32_t code_begin, code_end; /* of the text, what sections say is code; 0: none does */
	uint32_t header_fdes;	       /* what .eh_frame_hdr claims */
	struct unwind_table *table;
	struct strbuf file;
};

static inline void eh_bytes(struct strbuf *s, const void *bytes, size_t size)
{
	if (size)
		strbuf_add(s, bytes, size);
}

static inline void eh_number(struct strbuf *s, uint64_t value, size_t size)
{
	eh_bytes(s, &value, size);
}

static inline void eh_uleb(struct strbuf *s, uint64_t value)
{
	do
		eh_number(s, (value & 0x7f) | (value > 0x7f ? 0x80 : 0), 1);
	while (value >>= 7);
}

/* A record's length, once its content stands. */
static inline void eh_close(struct strbuf *s, size_t begin)
{
	uint32_t length = (uint32_t)(s->len - begin - 4);

	memcpy(s->buf + begin, &length, 4);
}

static inline void eh_init(struct eh_fixture *f)
{
	*f = (struct eh_fixture){ .machine = EM_X86_64,
				  .text_address = EH_TEXT,
				  .frame_address = EH_TEXT + EH_FRAME_OFFSET - EH_TEXT_OFFSET };
}

/* `data` is the augmentation's, with its size before it if the letters begin with 'z'. */
static inline void eh_cie_of(struct eh_fixture *f, uint8_t version, const char *letters,
			     size_t letters_size, const uint8_t *data, size_t data_size,
			     const uint8_t *program, size_t size)
{
	bool arm64 = f->machine == EM_AARCH64;

	f->cie = f->frame.len;
	eh_number(&f->frame, 0, 4);
	eh_number(&f->frame, 0, 4);
	eh_number(&f->frame, version, 1);
	eh_bytes(&f->frame, letters, letters_size);
	if (version == 4)
		eh_number(&f->frame, 8, 2);
	eh_uleb(&f->frame, arm64 ? 4 : 1);
	eh_number(&f->frame, 0x78, 1); /* -8 */
	eh_number(&f->frame, arm64 ? 30 : 16, 1);
	if (letters[0] == 'z')
		eh_uleb(&f->frame, data_size);
	eh_bytes(&f->frame, data, data_size);
	eh_bytes(&f->frame, program, size);
	eh_close(&f->frame, f->cie);
}

/* "zR" with pcrel|sdata4, and the usual program. */
static inline void eh_cie(struct eh_fixture *f)
{
	if (f->machine == EM_AARCH64)
		eh_cie_of(f, 1, "zR", 3, B(0x1b), B(0x0c, 31, 0));
	else
		eh_cie_of(f, 1, "zR", 3, B(0x1b), B(0x0c, 7, 8, 0x90, 1));
}

/* Of the last CIE, whose pointers are pcrel|sdata4 and which is augmented; `start` counts from
 * the text's beginning. */
static inline void eh_fde(struct eh_fixture *f, int64_t start, uint32_t size,
			  const uint8_t *program, size_t program_size)
{
	size_t begin = f->frame.len;

	eh_number(&f->frame, 0, 4);
	eh_number(&f->frame, begin + 4 - f->cie, 4);
	eh_number(&f->frame, f->text_address + (uint64_t)start - (f->frame_address + f->frame.len),
		  4);
	eh_number(&f->frame, size, 4);
	eh_number(&f->frame, 0, 1);
	eh_bytes(&f->frame, program, program_size);
	eh_close(&f->frame, begin);
}

static inline void eh_put(struct eh_fixture *f, uint64_t offset, const void *bytes, size_t size)
{
	memcpy(f->file.buf + offset, bytes, size);
}

static inline uint64_t eh_append(struct eh_fixture *f, const void *bytes, size_t size)
{
	uint64_t at;

	while (f->file.len % 8)
		eh_number(&f->file, 0, 1);
	at = f->file.len;
	eh_bytes(&f->file, bytes, size);
	return at;
}

static inline void eh_sections(struct eh_fixture *f, Elf64_Ehdr *h)
{
	static const char names[] = "\0.eh_frame\0.shstrtab\0.gopclntab";
	Elf64_Shdr s[4] = { { 0 } };

	s[1] = (Elf64_Shdr){ .sh_name = 1,
			     .sh_type = SHT_PROGBITS,
			     .sh_flags = SHF_ALLOC,
			     .sh_addr = f->frame_address,
			     .sh_offset = EH_FRAME_OFFSET,
			     .sh_size = f->frame.len };
	s[2] = (Elf64_Shdr){ .sh_name = 11,
			     .sh_type = SHT_STRTAB,
			     .sh_offset = eh_append(f, names, sizeof(names)),
			     .sh_size = sizeof(names) };
	s[3] = (Elf64_Shdr){ .sh_name = f->is_go ? 21 : 0,
			     .sh_type = SHT_PROGBITS,
			     .sh_flags = f->code_end ? SHF_ALLOC | SHF_EXECINSTR : 0,
			     .sh_addr = f->text_address + f->code_begin,
			     .sh_size = f->code_end - f->code_begin };
	h->e_shoff = eh_append(f, s, sizeof(s));
	h->e_shentsize = sizeof(*s);
	h->e_shnum = 4;
	h->e_shstrndx = 2;
}

/* The file's bytes, in f->file. */
static inline void eh_write(struct eh_fixture *f)
{
	Elf64_Ehdr h = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				      EV_CURRENT },
			 .e_type = ET_DYN,
			 .e_machine = f->machine,
			 .e_version = EV_CURRENT,
			 .e_phoff = sizeof(h),
			 .e_ehsize = sizeof(h),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = 3 };
	Elf64_Phdr p[3] = { { .p_type = PT_LOAD,
			      .p_flags = PF_R | PF_X,
			      .p_offset = EH_TEXT_OFFSET,
			      .p_vaddr = f->text_address,
			      .p_filesz = EH_TEXT_SIZE,
			      .p_memsz = EH_TEXT_SIZE } };
	uint8_t header[12] = { 1, 0x1b, 0x03, 0x3b };
	uint64_t header_offset, size;

	strbuf_reset(&f->file);
	for (size_t i = 0; i < EH_FRAME_OFFSET; i += 16)
		eh_bytes(&f->file, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
	if (f->text.len)
		eh_put(f, EH_TEXT_OFFSET, f->text.buf, f->text.len);
	eh_bytes(&f->file, f->frame.buf, f->frame.len);
	header_offset = eh_append(f, header, sizeof(header));
	size = f->file.len - EH_FRAME_OFFSET;
	p[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
			     .p_flags = PF_R,
			     .p_offset = EH_FRAME_OFFSET,
			     .p_vaddr = f->frame_address,
			     .p_filesz = size,
			     .p_memsz = size };
	p[2] = (Elf64_Phdr){ .p_type = f->without_header ? PT_NULL : PT_GNU_EH_FRAME,
			     .p_offset = header_offset,
			     .p_vaddr = f->frame_address + header_offset - EH_FRAME_OFFSET };
	uint32_t to_frame = (uint32_t)(f->frame_address - p[2].p_vaddr - 4);

	memcpy(header + 4, &to_frame, 4);
	memcpy(header + 8, &f->header_fdes, 4);
	eh_put(f, header_offset, header, sizeof(header));
	if (!f->without_sections)
		eh_sections(f, &h);
	eh_put(f, 0, &h, sizeof(h));
	eh_put(f, sizeof(h), p, sizeof(p));
}

static inline int eh_try(struct eh_fixture *f, size_t max_bytes)
{
	unwind_table_free(f->table);
	f->table = NULL;
	return unwind_compile_memory(f->file.buf, f->file.len, max_bytes, &f->table);
}

static inline struct unwind_table *eh_compile(struct eh_fixture *f)
{
	eh_write(f);
	assert_int_equal(eh_try(f, 0), 0);
	assert_true(unwind_table_is_valid(f->table));
	return f->table;
}

static inline uint32_t eh_rule(const struct eh_fixture *f, uint64_t at)
{
	struct cfi_rule full;

	return unwind_table_rule(f->table, f->text_address + at, &full);
}

static inline void eh_done(struct eh_fixture *f)
{
	unwind_table_free(f->table);
	strbuf_done(&f->frame);
	strbuf_done(&f->text);
	strbuf_done(&f->file);
}
