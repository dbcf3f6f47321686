/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What runtimes need of an ELF file of 64 bits, little-endian: symbols, sections, bytes at an
 * address, which functions .eh_frame_hdr knows. Nobody vouches for the file: it is read with
 * pread, never mapped, and in bounded pieces; a table that lies is a table that isn't there.
 * Addresses are the file's. Source of the format: the System V gABI, elf(5).
 */
#pragma once
#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image {
	int fd; /* the caller's */
	uint64_t size;
	uint16_t type, machine;
	Elf64_Phdr *segments;
	Elf64_Shdr *sections; /* NULL: there are none */
	char *names;	      /* of sections */
	size_t nr_segments, nr_sections, names_size;
	/* .dynsym, where it is kept, and its strings with a NUL of ours behind them. */
	Elf64_Sym *dynamic;
	char *dynamic_names;
	size_t nr_dynamic, dynamic_names_size;
	/* How much work may still be made of it, by image_spend(); NULL: any. The caller's. */
	uint64_t *work_left;
};

/* 0; -ENOEXEC: no such file; -EIO, -ENOMEM. Closed with image_done() in any case. */
int image_open(struct image *im, int fd);
void image_done(struct image *im);
/* Who owns a file may make it to take long. false: nothing is left, and this is not to be done. */
bool image_spend(const struct image *im, uint64_t work);

/*
 * Where .dynsym is looked through again and again: it is read just once from now on. One that is
 * large is not kept. 0, -ENOMEM.
 */
int image_keep_dynamic(struct image *im);

/* Copies bytes that the file has at an address. 0; -EFAULT: not all of them, .bss has none. */
int image_read(const struct image *im, uint64_t address, void *ret, size_t size);
/* Is it in a segment that may be executed, or else written to? */
bool image_is_code(const struct image *im, uint64_t address);
bool image_is_data(const struct image *im, uint64_t address);
/* … or written to, whether or not it may be executed. */
bool image_is_writable(const struct image *im, uint64_t address);

/* Where in the file the byte of an address is. 0, -EFAULT: .bss has none. */
int image_offset(const struct image *im, uint64_t address, uint64_t *ret);

/* Of a name, loaded or not; NULL: none. What it says of the file may be a lie. */
const Elf64_Shdr *image_section_header(const struct image *im, const char *name);
/*
 * The section's bytes, and a NUL behind them; free() them. *ret NULL: it is empty, larger than
 * `max`, or the file does not have them. 0, -ENOMEM.
 */
int image_section_bytes(const struct image *im, const Elf64_Shdr *section, uint64_t max,
			char **ret);

/* address 0: no such section, or it isn't loaded. */
struct image_section {
	uint64_t address, size;
};
struct image_section image_section(const struct image *im, const char *name);

struct image_symbol {
	const char *name;
	uint64_t address, size; /* address 0: not found */
	bool is_code;
};
/*
 * Fills what a symbol table (SHT_DYNSYM, SHT_SYMTAB) defines of `wanted`, but for what was found
 * before. The number found now, or -ENOMEM.
 */
int image_symbols(const struct image *im, uint32_t table, struct image_symbol *wanted, size_t nr);

/*
 * Shows each symbol of a table, in its order (local ones behind the STT_FILE of their file), until
 * `look` returns another value than 0, which is returned. Names of 4 KB or more are passed over. 0;
 * -ENOMEM.
 */
int image_each_symbol(const struct image *im, uint32_t table,
		      int (*look)(void *ctx, const Elf64_Sym *symbol, const char *name), void *ctx);

/* An FDE: code, most often a function or a part of it. */
struct image_function {
	uint64_t start, end;
	bool is_part; /* its frame is there from the first instruction on */
};
/* The one that an address lies in, by .eh_frame_hdr (x86-64). false: none that can be read. */
bool image_function(const struct image *im, uint64_t address, struct image_function *ret);
