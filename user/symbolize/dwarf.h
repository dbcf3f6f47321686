/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Functions, inlined calls and lines from DWARF, through libdw. A unit is
 * flattened once, when the first address in it is asked for, into sorted
 * segments; a lookup is then two binary searches. Broken debug information
 * costs its own unit only.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolize/resolver.h"

struct dwarf;

/*
 * `fd` of a file with .debug_info (stays the caller's, who keeps it open), 0 or a negative
 * errno: -ENODATA when there is no debug information. max_memory: bytes, 0: no bound.
 */
int dwarf_open(struct dwarf **ret, int fd, size_t max_memory);
/*
 * The functions at an ELF virtual address of that file, inlined ones first, the function that
 * was compiled last; at most `max`. Names as in DW_AT_linkage_name, else DW_AT_name. Each
 * has the file and line where it stood: of the address for the first, of the call for the rest.
 * Strings live until dwarf_close(). 0: nothing is known of this address.
 */
size_t dwarf_resolve(struct dwarf *d, uint64_t address, struct symbol *ret_symbols, size_t max);
size_t dwarf_memory(const struct dwarf *d);
/* max_memory was reached: some units were left out. */
bool dwarf_limited(const struct dwarf *d);
void dwarf_close(struct dwarf *d);
