/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What descriptors of collectors (collector.h) share: sites of functions, their arguments, and
 * versions that a file says.
 */
#pragma once
#include "runtime/image.h"
#include "site/collector.h"

extern const struct gc_collector gc_hotspot;
extern const struct gc_collector gc_v8;
extern const struct gc_collector gc_go;
extern const struct gc_collector gc_php;
extern const struct gc_collector gc_ruby;

/*
 * The nth argument, from 0, of a C function where it is entered: `size` bytes, unsigned, that go
 * into a tag's field. ABI_ARGUMENT_NONE where the machine's convention isn't known.
 */
struct abi_argument gc_argument(const struct image *im, unsigned n, unsigned size, unsigned shift,
				unsigned bits);

/*
 * Adds a function: `begin` where it is entered (its role, place and flags are filled in), and
 * where it returns. 0; -EFAULT: there is no code; -ENOMEM.
 */
int gc_add_function(const struct image *im, uint64_t address, const struct probe_site *begin,
		    struct probe_sites *ret);

/* As the entry of a function, without its return: `site` with its place filled in. */
int gc_add_place(const struct image *im, uint64_t address, const struct probe_site *site,
		 struct probe_sites *ret);

/*
 * gc_returns.c (x86-64): adds `site` wherever a function is left: at its returns, and where it
 * jumps to another function instead. The number of places; 0: they can't be told for sure; -EFAULT,
 * -ENOMEM.
 */
int gc_add_returns(const struct image *im, uint64_t address, const struct probe_site *site,
		   struct probe_sites *ret);

/* Copies a text that a file has at an address, up to its NUL or what isn't printed. */
void gc_read_text(const struct image *im, uint64_t address, char *ret, size_t size);

/*
 * Where in a section the bytes are for the first time; 0: nowhere. Reads no more of it than
 * GC_MAX_SEARCHED.
 */
uint64_t gc_search(const struct image *im, struct image_section section, const void *bytes,
		   size_t size);

enum { GC_MAX_SEARCHED = 128 << 20 };
