// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "symbolize/elffile.h"
#include "symbolize/kallsyms.h"
#include "symbolize/resolver.h"

enum { MAX_NOTES = 64 << 10 };

static bool kernel_claim(const struct object *o)
{
	return o->kind == OBJECT_KERNEL;
}

static void kernel_close(void *state)
{
	struct kallsyms *k = state;

	if (!k)
		return;
	kallsyms_done(k);
	free(k);
}

static uint32_t read_build_id(uint8_t ret[BUILD_ID_MAX])
{
	struct strbuf notes = STRBUF_INIT;
	uint32_t size = 0;

	if (file_read("/sys/kernel/notes", MAX_NOTES, &notes) > 0)
		size = elf_notes_build_id(notes.buf, notes.len, ret);
	strbuf_done(&notes);
	return size;
}

static int kernel_open(const struct object *o, const struct symbolizer_settings *settings,
		       void **ret_state, struct resolved_object *ret_object)
{
	static const struct kallsyms_files files = { "/proc/kallsyms", "/proc/modules" };
	struct kallsyms *k = malloc(sizeof(*k));
	struct resolved_object described = { 0 };
	int r;

	(void)o;
	(void)settings;
	if (!k)
		return -ENOMEM;
	r = kallsyms_read(k, &files);
	if (r < 0) {
		free(k);
		return r;
	}
	if (k->end > k->start) {
		described.start = k->start;
		described.limit = k->end;
	}
	described.build_id_size = read_build_id(described.build_id);
	*ret_object = described;
	*ret_state = k;
	return 0;
}

static size_t kernel_resolve(void *state, uint64_t offset, uint64_t *ret_address,
			     struct symbol *ret_symbols, size_t max)
{
	const char *module = NULL, *name = kallsyms_find(state, offset, &module);

	*ret_address = offset;
	if (!name || !max)
		return 0;
	ret_symbols[0] = (struct symbol){ .name = name, .kind = FRAME_KERNEL, .module = module };
	return 1;
}

static size_t kernel_memory(const void *state)
{
	return sizeof(struct kallsyms) + kallsyms_memory(state);
}

static void kernel_drop(void *state, enum resolver_detail detail)
{
	struct kallsyms *k = state;

	if (detail == RESOLVER_SYMBOLS)
		kallsyms_done(k);
}

const struct resolver resolver_kernel = {
	.name = "kernel",
	.claim = kernel_claim,
	.open = kernel_open,
	.resolve = kernel_resolve,
	.memory = kernel_memory,
	.drop = kernel_drop,
	.close = kernel_close,
};
