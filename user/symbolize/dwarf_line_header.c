// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/dwarf_line_header.h"

#include <dwarf.h>
#include <errno.h>

#include "base/array.h"

/* One column of the entries of a version 5 table. */
struct column {
	uint64_t content, form;
};

enum { MAX_COLUMNS = 16 };

int line_file_add(struct line_table *t, const char *name, uint64_t dir)
{
	if (array_reserve(t->files, t->cap_files, t->nr_files + 1))
		return -ENOMEM;
	t->files[t->nr_files++] = (struct line_file){ .name = name,
						      .dir = dir > UINT32_MAX ? UINT32_MAX
									      : (uint32_t)dir,
						      .path = UINT32_MAX };
	return 0;
}

static int dir_add(struct line_table *t, const char *name)
{
	if (array_reserve(t->dirs, t->cap_dirs, t->nr_dirs + 1))
		return -ENOMEM;
	t->dirs[t->nr_dirs++] = name;
	return 0;
}

/* Versions 2 to 4: folder 0 is where the compiler ran; files count from 1. */
static int read_names_v2(struct line_table *t, struct cursor *c)
{
	int r = dir_add(t, NULL);

	if (!r)
		r = line_file_add(t, NULL, 0);
	while (!r && !c->bad) {
		const char *name = cursor_string(c);

		if (!name || !*name)
			break;
		r = dir_add(t, name);
	}
	while (!r && !c->bad) {
		const char *name = cursor_string(c);
		uint64_t dir;

		if (!name || !*name)
			break;
		dir = cursor_uleb(c);
		cursor_uleb(c); /* time */
		cursor_uleb(c); /* size */
		r = line_file_add(t, name, dir);
	}
	return r;
}

static const char *string_at(const struct span *strings, uint64_t offset)
{
	struct cursor c = { strings->start, strings->end, false };

	cursor_take(&c, offset);
	return cursor_string(&c);
}

/* A value that is a string, or a number, or nothing that we need. */
static void read_form(struct cursor *c, const struct line_source *s, uint64_t form,
		      unsigned offset_size, const char **ret_string, uint64_t *ret_number)
{
	switch (form) {
	case DW_FORM_string:
		*ret_string = cursor_string(c);
		break;
	case DW_FORM_line_strp:
		*ret_string = string_at(&s->line_str, cursor_number(c, offset_size));
		break;
	case DW_FORM_strp:
		*ret_string = string_at(&s->str, cursor_number(c, offset_size));
		break;
	case DW_FORM_udata:
		*ret_number = cursor_uleb(c);
		break;
	case DW_FORM_data1:
		*ret_number = cursor_number(c, 1);
		break;
	case DW_FORM_data2:
		*ret_number = cursor_number(c, 2);
		break;
	case DW_FORM_data4:
		*ret_number = cursor_number(c, 4);
		break;
	case DW_FORM_data8:
		*ret_number = cursor_number(c, 8);
		break;
	case DW_FORM_data16:
		cursor_take(c, 16);
		break;
	case DW_FORM_block:
		cursor_take(c, cursor_uleb(c));
		break;
	default: /* its size is not known */
		c->bad = true;
	}
}

/* Version 5: a table that says itself what its columns are. */
static int read_names_v5(struct line_table *t, const struct line_source *s, struct cursor *c,
			 unsigned offset_size, bool files)
{
	struct column columns[MAX_COLUMNS];
	uint64_t nr_columns = cursor_number(c, 1), nr;
	int r = 0;

	if (nr_columns > MAX_COLUMNS)
		return -EBADMSG;
	for (uint64_t i = 0; i < nr_columns; i++) {
		columns[i].content = cursor_uleb(c);
		columns[i].form = cursor_uleb(c);
	}
	nr = cursor_uleb(c);
	if (!nr_columns && nr)
		return -EBADMSG;
	/* Each entry takes a byte or more, so that a false count ends with the bytes. */
	for (; nr && !c->bad && !r; nr--) {
		const char *name = NULL;
		uint64_t dir = 0;

		for (uint64_t i = 0; i < nr_columns; i++) {
			const char *string = NULL;
			uint64_t number = 0;

			read_form(c, s, columns[i].form, offset_size, &string, &number);
			if (columns[i].content == DW_LNCT_path)
				name = string;
			else if (columns[i].content == DW_LNCT_directory_index)
				dir = number;
		}
		if (!c->bad)
			r = files ? line_file_add(t, name, dir) : dir_add(t, name);
	}
	return r;
}

int line_header_read(struct line_header *h, struct line_table *t, const struct line_source *s,
		     struct cursor *c)
{
	unsigned offset_size = 4;
	uint64_t size = cursor_number(c, 4);
	const uint8_t *program;
	int r;

	if (size == 0xffffffff) {
		offset_size = 8;
		size = cursor_number(c, 8);
	}
	if (c->bad || size > (uint64_t)(c->end - c->p))
		return -EBADMSG;
	c->end = c->p + size;
	t->version = (uint16_t)cursor_number(c, 2);
	if (t->version < 2 || t->version > 5)
		return -EBADMSG;
	if (t->version == 5)
		cursor_take(c, 2); /* sizes of an address and of a segment selector */
	size = cursor_number(c, offset_size);
	if (c->bad || size > (uint64_t)(c->end - c->p))
		return -EBADMSG;
	program = c->p + size;
	h->min_instruction = (uint8_t)cursor_number(c, 1);
	if (t->version >= 4)
		cursor_take(c, 1); /* operations an instruction: more than 1 on ia64 only */
	cursor_take(c, 1);	   /* whether rows begin as statements */
	h->line_base = (int8_t)cursor_number(c, 1);
	h->line_range = (uint8_t)cursor_number(c, 1);
	h->opcode_base = (uint8_t)cursor_number(c, 1);
	h->opcode_lengths = cursor_take(c, h->opcode_base ? h->opcode_base - 1u : 0);
	if (c->bad || !h->opcode_base || !h->line_range)
		return -EBADMSG;
	if (t->version < 5) {
		r = read_names_v2(t, c);
	} else {
		r = read_names_v5(t, s, c, offset_size, false);
		if (!r)
			r = read_names_v5(t, s, c, offset_size, true);
	}
	/* Names that can't be read leave the rows: files are NULL then. */
	c->bad = false;
	c->p = program;
	return r;
}
