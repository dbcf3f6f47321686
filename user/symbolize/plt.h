/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Entries of procedure linkage tables, which no symbol names: "name@plt".
 * An entry jumps through a slot of the global offset table; the relocation of
 * that slot says whose address it will hold.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolize/elffile.h"
#include "symbolize/symtab.h"

enum { PLT_MAX_SECTIONS = 4 };

/* Where such entries lie: .plt, .plt.sec, .plt.got … */
struct plt_sections {
	struct {
		uint64_t start, end;
	} at[PLT_MAX_SECTIONS];
	size_t nr;
};

void plt_find_sections(const struct elf_file *f, struct plt_sections *ret);
/* Adds the entries of all of them to a table that is being built. 0 or a negative errno. */
int plt_add(struct symtab *t, const struct elf_file *f);

/* What one entry says of its target. */
struct plt_entry {
	uint64_t slot;	/* address of the slot it jumps through; 0: it says an index instead */
	uint32_t index; /* of its relocation in .rela.plt */
};

/*
 * Reads the machine code of one entry that stands at `address`; plt_machine.c, the only place
 * that knows how entries look. False: not an entry that leads to a function.
 */
bool plt_decode(uint16_t machine, const uint8_t *code, size_t size, uint64_t address,
		struct plt_entry *ret);
/* The size of entries where the section does not say it; 0: this machine is not known. */
size_t plt_entry_size(uint16_t machine, uint64_t said);
