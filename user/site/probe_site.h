/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Places in a file's code that are to be probed, and what they mean. Who
 * knows a runtime or a function finds them; user/probe/probes.c attaches them wherever the file
 * is mapped. A place is an offset in the file, as uprobes want it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "base/strbuf.h"
#include "runtime/image.h"
#include "runtime/runtime.h"

struct ledger_reader;

struct probe_site {
	enum abi_probe_role role;
	uint32_t flags;	    /* enum abi_probe_flag */
	bool is_return;	    /* not there, but where its function returns to */
	uint64_t offset;    /* in the file */
	uint64_t semaphore; /* offset of a 16-bit count that guards it (USDT); 0: none */
	uint64_t address;   /* in the file's address space, where `runtime` has addresses, too */
	uint32_t pair;	    /* which begin and end belong together, in this file */
	uint64_t tag;
	struct abi_argument arguments[ABI_PROBE_ARGUMENTS];
	char *name; /* owned; the function, where the tag is to name one; NULL */
};

struct probe_sites {
	struct probe_site *sites;
	size_t nr, cap;
	struct abi_runtime runtime; /* of the file, by which calls are known; kind NONE: nothing */
	char found[48];		    /* what it is, for people: "Python 3.11"; "" */
	char how[48];		    /* how it was found: "USDT", "gc_collect_main of .symtab"; "" */
};

#define PROBE_SITES_INIT \
	{                \
		0        \
	}

/* Copies `site`, takes over its name (also when it fails). 0 or -ENOMEM. */
int probe_sites_add(struct probe_sites *s, const struct probe_site *site);
void probe_sites_done(struct probe_sites *s);

/* Which places of a file are to be probed. */
struct probe_finder {
	/*
	 * 1: ret has sites; 0: there is nothing in the file that it looks for; -ENOTSUP: there is,
	 * but it can't be probed, `why` says why ("no probe in this build"), ret->found says what
	 * it is; -ENOMEM, or another error of reading. Is asked once a file (inode).
	 */
	int (*find)(void *ctx, const struct runtime_image *image, struct probe_sites *ret,
		    struct strbuf *why);
	void *ctx;
	const char *what; /* that a file has: "runtime that collects garbage"; NULL */
	/* Where it says -ENOTSUP this may read what processes write down themselves; NULL. */
	const struct ledger_reader *ledger;
};

/* As probe_finder.find, of a file that is open as an ELF file. */
typedef int (*image_finder_fn)(const struct image *im, struct probe_sites *ret, struct strbuf *why);

/*
 * Shows it a file. In one that is no ELF file for it, there is nothing: 0. -ENOTSUP, too, where
 * that would be too much work.
 */
int probe_sites_find(const struct runtime_image *image, image_finder_fn find,
		     struct probe_sites *ret, struct strbuf *why);
