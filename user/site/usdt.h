/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Probes that a program has in its code itself: USDT. Each place is a nop with
 * a note about it in section .note.stapsdt; one probe has a note for each place
 * that a compiler made of it. Source of the format: SystemTap's sys/sdt.h,
 * version 3. Notes that lie are notes that aren't there.
 */
#pragma once
#include "abi.h"
#include "runtime/image.h"

struct usdt_name {
	const char *provider, *name;
};

enum { USDT_MAX_ARGUMENTS = 192 };

struct usdt_site {
	uint32_t which;	    /* of the names asked for */
	uint64_t address;   /* as the file has it now, prelinked or not */
	uint64_t offset;    /* of the nop in the file */
	uint64_t semaphore; /* offset in the file of a 16-bit count that guards it; 0: none */
	char arguments[USDT_MAX_ARGUMENTS]; /* "-4@%edi 8@%rax"; "": none, or too long */
};

/*
 * All places of some probes, in the order of the notes; free() *ret. Their number, 0: none, or
 * there is no such section; -ENOMEM.
 */
int usdt_find(const struct image *im, const struct usdt_name *wanted, uint32_t nr,
	      struct usdt_site **ret);
/* The same, where each of them has a place; 0: one has none. */
int usdt_find_all(const struct image *im, const struct usdt_name *wanted, uint32_t nr,
		  struct usdt_site **ret);

/*
 * The nth argument, from 0, of a place: how, reg, size, is_signed and offset; shift and bits are
 * the caller's. `machine`: EM_X86_64, EM_AARCH64. false: it has none, or one that can't be said so
 * (of an index register, of a symbol, floating point).
 */
bool usdt_argument(const char *arguments, unsigned n, uint16_t machine, struct abi_argument *ret);
