// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/cleanup.h"
#include "symbolize/elffile.h"
#include "symbolize/resolver.h"
#include "symbolize/symtab.h"

/*
 * The code that the kernel puts into every process. Ours is the same as theirs, since one
 * kernel runs all; that of 32-bit processes is another and has no names here.
 */
struct vdso {
	struct symtab *symbols;
	struct elf_segment *segments;
	size_t nr_segments;
};

static void vdso_close(void *state)
{
	struct vdso *v = state;

	if (!v)
		return;
	symtab_free(v->symbols);
	free(v->segments);
	free(v);
}

static void vdso_closep(struct vdso **v)
{
	vdso_close(*v);
}

static bool vdso_claim(const struct object *o)
{
	return o->kind == OBJECT_VDSO;
}

/* Its section headers stand last. */
static size_t image_size(const char *image)
{
	ElfW(Ehdr) h;

	memcpy(&h, image, sizeof(h));
	return h.e_shoff + (size_t)h.e_shnum * h.e_shentsize;
}

static int vdso_open(const struct object *o, const struct symbolizer_settings *settings,
		     void **ret_state, struct resolved_object *ret_object)
{
	_cleanup_(elf_file_close) struct elf_file file = ELF_FILE_INIT;
	_cleanup_(vdso_closep) struct vdso *v = calloc(1, sizeof(*v));
	struct resolved_object described = { 0 };
	char *image = (char *)getauxval(AT_SYSINFO_EHDR);
	int r;

	(void)settings;
	if (!v)
		return -ENOMEM;
	if (!image)
		return -ENOENT;
	r = elf_file_open_memory(&file, image, image_size(image));
	if (r < 0)
		return r;
	described.build_id_size = elf_file_build_id(&file, described.build_id);
	if (o->build_id_size && (o->build_id_size != described.build_id_size ||
				 memcmp(o->build_id, described.build_id, o->build_id_size)))
		return -ESTALE;
	r = elf_file_segments(&file, &v->segments);
	if (r < 0)
		return r;
	v->nr_segments = (size_t)r;
	r = symtab_new(&v->symbols);
	if (!r)
		r = symtab_add(v->symbols, &file, SHT_DYNSYM);
	if (r >= 0)
		r = symtab_finish(v->symbols);
	if (r < 0)
		return r;
	if (v->nr_segments) {
		described.start = v->segments[0].address;
		described.limit = v->segments[0].address + v->segments[0].memory_size;
		described.offset = v->segments[0].offset;
	}
	*ret_object = described;
	*ret_state = v;
	v = NULL;
	return 0;
}

static size_t vdso_resolve(void *state, uint64_t offset, uint64_t *ret_address,
			   struct symbol *ret_symbols, size_t max)
{
	struct vdso *v = state;
	const char *name;

	*ret_address = offset;
	for (size_t i = 0; i < v->nr_segments; i++)
		if (offset - v->segments[i].offset < v->segments[i].file_size)
			*ret_address = v->segments[i].address + offset - v->segments[i].offset;
	name = symtab_find(v->symbols, *ret_address);
	if (!name || !max)
		return 0;
	ret_symbols[0] = (struct symbol){ .name = name, .kind = FRAME_NATIVE };
	return 1;
}

static size_t vdso_memory(const void *state)
{
	const struct vdso *v = state;

	return sizeof(*v) + symtab_memory(v->symbols);
}

const struct resolver resolver_vdso = {
	.name = "vdso",
	.claim = vdso_claim,
	.open = vdso_open,
	.resolve = vdso_resolve,
	.memory = vdso_memory,
	.close = vdso_close,
};
