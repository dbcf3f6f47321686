// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/dwarf_unit.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "symbolize/dwarf_other.h"

static struct line_source line_source(const struct unit_context *ctx, Elf *elf, bool split)
{
	return (struct line_source){
		.line = dwarf_image_section(elf, split ? ".debug_line.dwo" : ".debug_line"),
		.line_str = dwarf_image_section(elf, ".debug_line_str"),
		.str = dwarf_image_section(elf, split ? ".debug_str.dwo" : ".debug_str"),
		.code_start = ctx->code.start,
		.code_end = ctx->code.end,
	};
}

static int read_lines(struct unit *u, Dwarf_CU *cu, const struct die *die, struct unit_context *ctx)
{
	struct line_source source = line_source(ctx, dwarf_getelf(dwarf_cu_getdwarf(cu)), false);
	Dwarf_Attribute statements = die->statements;
	Dwarf_Word offset;

	if (!statements.code || dwarf_formudata(&statements, &offset))
		return 0;
	return line_table_read(&u->lines, &source, offset, &ctx->budget);
}

/* The functions of a skeleton unit stand in its .dwo file, its lines here. */
static int read_split(struct unit *u, Dwarf_CU *cu, struct unit_context *ctx)
{
	struct line_source source;
	Dwarf_Die split;
	int r;

	if (dwarf_cu_info(cu, NULL, NULL, NULL, &split, NULL, NULL, NULL) || !split.addr)
		return 0;
	source = line_source(ctx, dwarf_getelf(dwarf_cu_getdwarf(split.cu)), true);
	if (source.line.start) {
		r = line_table_read(&u->split_files, &source, 0, &ctx->budget);
		if (r == -ENOMEM)
			return r;
	}
	return flatten_unit(&u->flat, &split, &ctx->code, &ctx->names, &ctx->budget);
}

int unit_read(struct unit **ret, Dwarf_CU *cu, struct unit_context *ctx)
{
	struct unit *u = calloc(1, sizeof(*u));
	Dwarf_Die at;
	struct die die;
	uint8_t type;
	int r = 0, r_lines = 0;

	if (!u)
		return -ENOMEM;
	budget_begin(&ctx->budget);
	if (!dwarf_cu_info(cu, NULL, &type, &at, NULL, NULL, NULL, NULL) && at.addr &&
	    die_read(&at, &die)) {
		u->comp_dir = die.comp_dir;
		if (type != DW_UT_skeleton)
			r = flatten_unit(&u->flat, &at, &ctx->code, &ctx->names, &ctx->budget);
		else if (split_is_safe(&die))
			r = read_split(u, cu, ctx);
		r_lines = read_lines(u, cu, &die, ctx);
	}
	budget_end(&ctx->budget);
	if (r == -ENOMEM || r_lines == -ENOMEM) {
		unit_free(u);
		return -ENOMEM;
	}
	*ret = u;
	return 0;
}

void unit_free(struct unit *u)
{
	if (!u)
		return;
	flat_done(&u->flat);
	line_table_done(&u->lines);
	line_table_done(&u->split_files);
	free(u);
}

size_t unit_memory(const struct unit *u)
{
	return sizeof(*u) + flat_memory(&u->flat) + line_table_memory(&u->lines) +
	       line_table_memory(&u->split_files);
}

const char *unit_path(struct unit *u, struct unit_context *ctx, uint32_t file, bool in_call)
{
	struct line_table *t = in_call && u->split_files.nr_files ? &u->split_files : &u->lines;
	_cleanup_(strbuf_done) struct strbuf path = STRBUF_INIT;
	struct line_file *f;

	if (file >= t->nr_files)
		return NULL;
	f = &t->files[file];
	if (f->path == UINT32_MAX) {
		uint32_t id;

		if (!line_table_path(t, file, u->comp_dir, &path) || path.failed || !path.len ||
		    intern_add(&ctx->paths, path.buf, path.len, &id) < 0)
			return NULL;
		f->path = id;
	}
	return intern_bytes(&ctx->paths, f->path);
}
