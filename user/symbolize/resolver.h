/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract of one kind of address. The symbolizer asks the table of
 * resolvers (symbolizer.c) in order; the first that claims an object opens it
 * once and then answers for all of its offsets.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "model/capture.h"
#include "model/profile.h"
#include "symbolize/symbolizer.h"

/* One function at an address. Strings live until the resolver is called again. */
struct symbol {
	const char *name;    /* as the file has it, mangled; NULL: unknown */
	const char *file;    /* NULL: unknown */
	uint32_t line;	     /* 0: unknown */
	uint32_t first_line; /* of an interpreted function; 0: unknown */
	enum frame_kind kind;
	const char *module; /* kernel: the module it lies in, "[nf_tables]"; NULL: the object */
};

/* What an object is called and where its code lies, for the profile's mapping. */
struct resolved_object {
	uint64_t start, limit, offset; /* as struct mapping has them */
	uint8_t build_id[BUILD_ID_MAX];
	uint32_t build_id_size;
};

/* What an object gives up when memory is short, in this order. */
enum resolver_detail { RESOLVER_DWARF, RESOLVER_SYMBOLS, RESOLVER_DETAILS };

struct resolver {
	const char *name;
	bool (*claim)(const struct object *o);
	/*
	 * Reads what tells this object from others; tables are read when an address is first
	 * asked for. Does not keep `o`, but may keep its fd, which is open as long as the
	 * capture. settings->max_memory is what is left for this object. A negative errno: it has
	 * no names here (its frames stay, unnamed), *ret is untouched.
	 */
	int (*open)(const struct object *o, const struct symbolizer_settings *settings,
		    void **ret_state, struct resolved_object *ret_object);
	/*
	 * The functions at `offset`, inlined ones first, at most `max`; ret_address is the ELF
	 * virtual address (or the offset where there is no ELF). The number of symbols, 0 for
	 * an address without a name. An address past the end of the last symbol has none.
	 */
	size_t (*resolve)(void *state, uint64_t offset, uint64_t *ret_address,
			  struct symbol *ret_symbols, size_t max);
	size_t (*memory)(const void *state);
	/* Frees one detail for good; addresses asked for later lack it. NULL: holds little. */
	void (*drop)(void *state, enum resolver_detail detail);
	void (*close)(void *state);
};

extern const struct resolver resolver_kernel, resolver_elf, resolver_vdso, resolver_perfmap;
