// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "symbolize/debugdata.h"
#include "symbolize/debugfile.h"
#include "symbolize/dwarf.h"
#include "symbolize/elffile.h"
#include "symbolize/plt.h"
#include "symbolize/resolver.h"
#include "symbolize/symtab.h"

enum { MAX_DEBUGDATA = 128 << 20 };

/* What was already tried: each source of names is opened once, when it is first needed. */
enum loaded {
	LOADED_DWARF = 1 << 0,
	LOADED_DEBUG_FILE = 1 << 1,
	LOADED_SYMBOLS = 1 << 2,
	LOADED_PLT = 1 << 3,
};

struct elf_object {
	int fd;		 /* the capture's */
	int debug_fd;	 /* our own; -1: there is no separate debug file */
	unsigned loaded; /* enum loaded */
	char *path;
	uint32_t pid;
	uint8_t build_id[BUILD_ID_MAX];
	uint32_t build_id_size;
	struct elf_segment *segments;
	size_t nr_segments;
	struct plt_sections plt_sections;
	struct symbolizer_settings settings;
	struct dwarf *dwarf;
	struct symtab *symbols, *plt;
};

static void elf_close(void *state)
{
	struct elf_object *e = state;

	if (!e)
		return;
	if (e->dwarf)
		dwarf_close(e->dwarf);
	symtab_free(e->symbols);
	symtab_free(e->plt);
	if (e->debug_fd >= 0)
		close(e->debug_fd);
	free(e->segments);
	free(e->path);
	free(e);
}

static void elf_closep(struct elf_object **e)
{
	elf_close(*e);
}

static bool elf_claim(const struct object *o)
{
	return o->kind == OBJECT_ELF;
}

/* A file that was replaced since it was mapped must not name the old one's addresses. */
static bool is_another(const struct object *o, const struct elf_object *e)
{
	return o->build_id_size && e->build_id_size &&
	       (o->build_id_size != e->build_id_size ||
		memcmp(o->build_id, e->build_id, e->build_id_size));
}

static void describe(const struct elf_object *e, struct resolved_object *ret)
{
	*ret = (struct resolved_object){ .build_id_size = e->build_id_size };
	memcpy(ret->build_id, e->build_id, e->build_id_size);
	for (size_t i = 0; i < e->nr_segments; i++) {
		const struct elf_segment *s = &e->segments[i];

		if (!(s->flags & PF_X))
			continue;
		ret->start = s->address;
		ret->limit = s->address + s->memory_size;
		ret->offset = s->offset;
		return;
	}
}

static int elf_open(const struct object *o, const struct symbolizer_settings *settings,
		    void **ret_state, struct resolved_object *ret_object)
{
	_cleanup_(elf_file_close) struct elf_file file = ELF_FILE_INIT;
	_cleanup_(elf_closep) struct elf_object *e = NULL;
	int r = elf_file_open(&file, o->fd);

	if (r < 0)
		return r;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->fd = o->fd;
	e->debug_fd = -1;
	e->pid = o->pid;
	e->settings = *settings;
	e->path = strdup(o->path);
	if (!e->path)
		return -ENOMEM;
	r = elf_file_segments(&file, &e->segments);
	if (r < 0)
		return r;
	e->nr_segments = (size_t)r;
	e->build_id_size = elf_file_build_id(&file, e->build_id);
	if (is_another(o, e))
		return -ESTALE;
	plt_find_sections(&file, &e->plt_sections);
	describe(e, ret_object);
	*ret_state = e;
	e = NULL;
	return 0;
}

/* By the segment that holds this part of the file, one with code if there are several. */
static bool to_address(const struct elf_object *e, uint64_t offset, uint64_t *ret)
{
	bool found = false;

	for (size_t i = 0; i < e->nr_segments; i++) {
		const struct elf_segment *s = &e->segments[i];

		if (offset < s->offset || offset - s->offset >= s->file_size)
			continue;
		if (found && !(s->flags & PF_X))
			continue;
		*ret = s->address + (offset - s->offset);
		found = true;
		if (s->flags & PF_X)
			break;
	}
	return found;
}

static void load_debug_file(struct elf_object *e, const struct elf_file *file)
{
	struct debugfile_query q = { .file = file,
				     .path = e->path,
				     .pid = e->pid,
				     .root = DEBUGFILE_ROOT,
				     .build_id = e->build_id,
				     .build_id_size = e->build_id_size };

	if (e->loaded & LOADED_DEBUG_FILE)
		return;
	e->loaded |= LOADED_DEBUG_FILE;
	if (debugfile_open(&q, &e->debug_fd) < 0)
		debuginfod_open(e->build_id, e->build_id_size, &e->debug_fd);
}

static void load_dwarf(struct elf_object *e)
{
	_cleanup_(elf_file_close) struct elf_file file = ELF_FILE_INIT;

	e->loaded |= LOADED_DWARF;
	if (dwarf_open(&e->dwarf, e->fd, e->settings.max_memory) != -ENODATA)
		return;
	if (elf_file_open(&file, e->fd) < 0)
		return;
	load_debug_file(e, &file);
	if (e->debug_fd >= 0)
		dwarf_open(&e->dwarf, e->debug_fd, e->settings.max_memory);
}

/* .dynsym, and what it lacks from .gnu_debugdata. */
static int add_small_tables(struct symtab *t, const struct elf_file *file, struct elf_file *packed,
			    size_t max, char **bytes)
{
	ssize_t size = debugdata_read(file, max, bytes);

	if (size > 0 && elf_file_open_memory(packed, *bytes, (size_t)size) >= 0)
		symtab_add(t, packed, SHT_SYMTAB);
	return symtab_add(t, file, SHT_DYNSYM);
}

static int build_symbols(struct elf_object *e, struct symtab *t, const struct elf_file *file)
{
	_cleanup_(elf_file_close) struct elf_file debug = ELF_FILE_INIT, packed = ELF_FILE_INIT;
	_cleanup_free_ char *bytes = NULL;
	size_t max = e->settings.max_memory;
	int r = symtab_add(t, file, SHT_SYMTAB);

	if (r <= 0) {
		load_debug_file(e, file);
		if (e->debug_fd >= 0 && elf_file_open(&debug, e->debug_fd) >= 0)
			r = symtab_add(t, &debug, SHT_SYMTAB);
	}
	if (r <= 0)
		add_small_tables(t, file, &packed, max && max < MAX_DEBUGDATA ? max : MAX_DEBUGDATA,
				 &bytes);
	r = symtab_finish(t);
	/* libelf points into the bytes, which are freed before it is closed. */
	elf_file_close(&packed);
	return r;
}

static void load_symbols(struct elf_object *e)
{
	_cleanup_(elf_file_close) struct elf_file file = ELF_FILE_INIT;
	_cleanup_(symtab_freep) struct symtab *t = NULL;

	e->loaded |= LOADED_SYMBOLS;
	if (elf_file_open(&file, e->fd) < 0 || symtab_new(&t) < 0 || build_symbols(e, t, &file) < 0)
		return;
	e->symbols = t;
	t = NULL;
}

static void load_plt(struct elf_object *e)
{
	_cleanup_(elf_file_close) struct elf_file file = ELF_FILE_INIT;
	_cleanup_(symtab_freep) struct symtab *t = NULL;

	e->loaded |= LOADED_PLT;
	if (elf_file_open(&file, e->fd) < 0 || symtab_new(&t) < 0 || plt_add(t, &file) < 0 ||
	    symtab_finish(t) < 0)
		return;
	e->plt = t;
	t = NULL;
}

static bool in_plt(const struct elf_object *e, uint64_t address)
{
	for (size_t i = 0; i < e->plt_sections.nr; i++)
		if (address >= e->plt_sections.at[i].start && address < e->plt_sections.at[i].end)
			return true;
	return false;
}

static const char *find_symbol(struct elf_object *e, uint64_t address)
{
	const char *name;

	if (!(e->loaded & LOADED_SYMBOLS))
		load_symbols(e);
	name = e->symbols ? symtab_find(e->symbols, address) : NULL;
	if (name || !in_plt(e, address))
		return name;
	if (!(e->loaded & LOADED_PLT))
		load_plt(e);
	return e->plt ? symtab_find(e->plt, address) : NULL;
}

static size_t find_in_dwarf(struct elf_object *e, uint64_t address, struct symbol *symbols,
			    size_t max)
{
	size_t nr;

	if (e->settings.no_lines)
		return 0;
	if (!(e->loaded & LOADED_DWARF))
		load_dwarf(e);
	if (!e->dwarf)
		return 0;
	nr = dwarf_resolve(e->dwarf, address, symbols, max);
	if (dwarf_limited(e->dwarf) && e->settings.ret_limited)
		*e->settings.ret_limited = true;
	/* The outermost has the line of its call, which is the line that counts in it. */
	if (nr > 1 && e->settings.no_inline) {
		symbols[0] = symbols[nr - 1];
		nr = 1;
	}
	return nr;
}

/*
 * DWARF has the name that a function had in its source, which in libc is "__GI___qsort_r"; the
 * symbol table has the one it is known by. Of mangled names both have the same.
 */
static void name_outermost(struct elf_object *e, uint64_t address, struct symbol *s)
{
	const char *name = s->name && s->name[0] == '_' && (s->name[1] == 'Z' || s->name[1] == 'R')
				   ? NULL
				   : find_symbol(e, address);

	if (name)
		s->name = name;
}

static size_t elf_resolve(void *state, uint64_t offset, uint64_t *ret_address,
			  struct symbol *ret_symbols, size_t max)
{
	struct elf_object *e = state;
	size_t nr;

	*ret_address = offset;
	if (!max || !to_address(e, offset, ret_address))
		return 0;
	nr = find_in_dwarf(e, *ret_address, ret_symbols, max);
	if (!nr) {
		ret_symbols[0] = (struct symbol){ 0 };
		nr = 1;
	}
	name_outermost(e, *ret_address, &ret_symbols[nr - 1]);
	for (size_t i = 0; i < nr; i++) {
		ret_symbols[i].kind = i + 1 < nr ? FRAME_INLINED : FRAME_NATIVE;
		ret_symbols[i].module = NULL;
	}
	return nr > 1 || ret_symbols[0].name || ret_symbols[0].file ? nr : 0;
}

static size_t elf_memory_of(const void *state)
{
	const struct elf_object *e = state;

	return sizeof(*e) + e->nr_segments * sizeof(*e->segments) +
	       (e->dwarf ? dwarf_memory(e->dwarf) : 0) +
	       (e->symbols ? symtab_memory(e->symbols) : 0) + (e->plt ? symtab_memory(e->plt) : 0);
}

static void elf_drop(void *state, enum resolver_detail detail)
{
	struct elf_object *e = state;

	if (detail == RESOLVER_DWARF) {
		e->loaded |= LOADED_DWARF;
		if (e->dwarf)
			dwarf_close(e->dwarf);
		e->dwarf = NULL;
	} else {
		e->loaded |= LOADED_SYMBOLS | LOADED_PLT;
		symtab_free(e->symbols);
		symtab_free(e->plt);
		e->symbols = e->plt = NULL;
	}
}

const struct resolver resolver_elf = {
	.name = "elf",
	.claim = elf_claim,
	.open = elf_open,
	.resolve = elf_resolve,
	.memory = elf_memory_of,
	.drop = elf_drop,
	.close = elf_close,
};
