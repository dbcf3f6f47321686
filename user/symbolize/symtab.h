/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Functions of ELF symbol tables, by address. An address past the end of a
 * symbol has no name; a symbol without a size (assembler) ends at the next
 * one, and never past its section; one of the compiler's start files names
 * nothing, see symtab.c. Only addresses are kept; a name is read
 * from its file when it is asked for, since few of them ever are.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "symbolize/elffile.h"

struct symtab;

/*
 * symtab_new(), then any number of adds, then symtab_finish(), then lookups. Files that were added
 * stay open until symtab_finish(), their descriptors until symtab_free().
 */
int symtab_new(struct symtab **ret);
void symtab_free(struct symtab *t);
DEFINE_CLEANUP(struct symtab, symtab_free)
/*
 * Adds the functions of the first section of this type: SHT_SYMTAB, SHT_DYNSYM. How many there
 * are (0 where there is no such section), or a negative errno.
 */
int symtab_add(struct symtab *t, const struct elf_file *f, uint32_t type);
/* Adds one with a name of its own, which gives way to all others. 0 or a negative errno. */
int symtab_add_named(struct symtab *t, uint64_t start, uint64_t size, const char *name);
int symtab_finish(struct symtab *t);

/* The function at an ELF virtual address, good until the next call; NULL: none is known. */
const char *symtab_find(struct symtab *t, uint64_t address);
size_t symtab_memory(const struct symtab *t);
