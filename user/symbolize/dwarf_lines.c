// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/dwarf_lines.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "symbolize/dwarf_cursor.h"
#include "symbolize/dwarf_line_header.h"

enum {
	/* Longer paths than the kernel opens name no file. */
	MAX_PATH = 4096,
	CHECK_EVERY = 4096,
};

/* One contiguous piece of code: rows from `first` on, the last of them its end. */
struct sequence {
	uint64_t start, end;
	size_t first, nr;
};

struct machine {
	struct line_table *table;
	const struct line_source *source;
	const struct line_header *header;
	struct cursor c;
	uint64_t address, file;
	uint32_t line;
	size_t first; /* row of the sequence under way */
	bool disorder;
	struct sequence *sequences;
	size_t nr_sequences, cap_sequences;
};

static int row_add(struct machine *m)
{
	struct line_table *t = m->table;
	uint32_t file = m->file < LINE_NO_FILE ? (uint32_t)m->file : LINE_NO_FILE - 1;
	struct line_row row = { m->address, file, m->line };

	if (t->nr_rows > m->first) {
		struct line_row *last = &t->rows[t->nr_rows - 1];

		if (row.address < last->address)
			m->disorder = true;
		if (row.address == last->address) {
			*last = row;
			return 0;
		}
		if (row.file == last->file && row.line == last->line)
			return 0;
	}
	if (array_reserve(t->rows, t->cap_rows, t->nr_rows + 1))
		return -ENOMEM;
	t->rows[t->nr_rows++] = row;
	return 0;
}

static void machine_reset(struct machine *m)
{
	m->address = 0;
	m->file = 1;
	m->line = 1;
	m->first = m->table->nr_rows;
	m->disorder = false;
}

static int sequence_end(struct machine *m)
{
	struct line_table *t = m->table;
	struct sequence s = { .first = m->first, .end = m->address };
	int r = 0;

	/* A last row without code behind it is common. */
	if (t->nr_rows > m->first && t->rows[t->nr_rows - 1].address == s.end)
		t->nr_rows--;
	s.nr = t->nr_rows - m->first;
	if (s.nr)
		s.start = t->rows[s.first].address;
	if (!s.nr || m->disorder || s.end < t->rows[t->nr_rows - 1].address ||
	    s.start < m->source->code_start || s.end > m->source->code_end) {
		t->nr_rows = m->first;
	} else if (array_reserve(t->rows, t->cap_rows, t->nr_rows + 1) ||
		   array_reserve(m->sequences, m->cap_sequences, m->nr_sequences + 1)) {
		r = -ENOMEM;
	} else {
		t->rows[t->nr_rows++] = (struct line_row){ s.end, LINE_NO_FILE, 0 };
		s.nr++;
		m->sequences[m->nr_sequences++] = s;
	}
	machine_reset(m);
	return r;
}

static int run_extended(struct machine *m)
{
	uint64_t size = cursor_uleb(&m->c);
	struct cursor c = m->c;
	const char *name;
	int r = 0;

	if (!cursor_take(&m->c, size) || !size)
		return 0;
	c.end = m->c.p;
	switch (cursor_number(&c, 1)) {
	case DW_LNE_end_sequence:
		r = sequence_end(m);
		break;
	case DW_LNE_set_address:
		m->address = cursor_number(&c, size - 1);
		break;
	case DW_LNE_define_file:
		name = cursor_string(&c);
		r = line_file_add(m->table, name, cursor_uleb(&c));
		break;
	}
	return r;
}

static int run_standard(struct machine *m, uint8_t opcode)
{
	const struct line_header *h = m->header;

	switch (opcode) {
	case 0:
		return run_extended(m);
	case DW_LNS_copy:
		return row_add(m);
	case DW_LNS_advance_pc:
		m->address += h->min_instruction * cursor_uleb(&m->c);
		break;
	case DW_LNS_advance_line:
		m->line += (uint32_t)cursor_sleb(&m->c);
		break;
	case DW_LNS_set_file:
		m->file = cursor_uleb(&m->c);
		break;
	case DW_LNS_const_add_pc:
		m->address += (uint64_t)h->min_instruction *
			      ((255 - h->opcode_base) / h->line_range);
		break;
	case DW_LNS_fixed_advance_pc:
		m->address += cursor_number(&m->c, 2);
		break;
	default: /* no matter for us, or unknown */
		for (uint8_t i = 0; i < h->opcode_lengths[opcode - 1]; i++)
			cursor_uleb(&m->c);
	}
	return 0;
}

static int run(struct machine *m, const struct budget *budget)
{
	const struct line_header *h = m->header;
	int r = 0;

	machine_reset(m);
	for (size_t steps = 1; !r && !m->c.bad && m->c.p < m->c.end; steps++) {
		uint8_t opcode = *m->c.p++;

		if (steps % CHECK_EVERY == 0 && budget_spent(budget))
			return -ETIME;
		if (opcode < h->opcode_base) {
			r = run_standard(m, opcode);
			continue;
		}
		opcode -= h->opcode_base;
		m->address += (uint64_t)h->min_instruction * (opcode / h->line_range);
		m->line += (uint32_t)(h->line_base + opcode % h->line_range);
		r = row_add(m);
	}
	m->table->nr_rows = m->first; /* without an end, nobody knows how far it reaches */
	return r;
}

static int compare_sequence(const void *a, const void *b)
{
	const struct sequence *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	/* Of functions that were folded into one, the last counts, as it does for names. */
	return x->first > y->first ? -1 : x->first < y->first;
}

/* Rows in the order of addresses; what overlaps keeps the first to begin. */
static int sort_rows(struct machine *m)
{
	struct line_table *t = m->table;
	struct line_row *rows, *fit;
	size_t nr = 0;

	rows = calloc(t->nr_rows ? t->nr_rows : 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	if (m->nr_sequences)
		qsort(m->sequences, m->nr_sequences, sizeof(*m->sequences), compare_sequence);
	for (size_t i = 0; i < m->nr_sequences; i++) {
		const struct sequence *s = &m->sequences[i];
		const struct line_row *from = t->rows + s->first;
		size_t skip = 0;

		if (nr && s->end <= rows[nr - 1].address)
			continue;
		if (nr && s->start <= rows[nr - 1].address) {
			uint64_t at = rows[--nr].address;

			while (skip + 1 < s->nr && from[skip + 1].address <= at)
				skip++;
			rows[nr] = from[skip];
			rows[nr++].address = at;
			skip++;
		}
		memcpy(rows + nr, from + skip, (s->nr - skip) * sizeof(*rows));
		nr += s->nr - skip;
	}
	free(t->rows);
	fit = reallocarray(rows, nr ? nr : 1, sizeof(*rows));
	t->rows = fit ? fit : rows;
	t->nr_rows = nr;
	t->cap_rows = nr ? nr : 1;
	return 0;
}

int line_table_read(struct line_table *t, const struct line_source *s, uint64_t offset,
		    const struct budget *budget)
{
	struct line_header h;
	struct machine m = { .table = t, .source = s, .header = &h };
	int r;

	*t = (struct line_table){ 0 };
	m.c = (struct cursor){ s->line.start, s->line.end, false };
	if (!m.c.p || !cursor_take(&m.c, offset))
		return -EBADMSG;
	r = line_header_read(&h, t, s, &m.c);
	if (!r)
		r = run(&m, budget);
	if (!r)
		r = sort_rows(&m);
	free(m.sequences);
	if (r)
		line_table_done(t);
	return r;
}

void line_table_done(struct line_table *t)
{
	free(t->rows);
	free(t->files);
	free(t->dirs);
	*t = (struct line_table){ 0 };
}

size_t line_table_memory(const struct line_table *t)
{
	return t->cap_rows * sizeof(*t->rows) + t->cap_files * sizeof(*t->files) +
	       t->cap_dirs * sizeof(*t->dirs);
}

const struct line_row *line_table_find(const struct line_table *t, uint64_t address)
{
	const struct line_row *at = t->rows;

	if (!t->nr_rows || address < at->address)
		return NULL;
	for (size_t nr = t->nr_rows; nr > 1;) {
		size_t half = nr / 2;

		at = at[half].address <= address ? at + half : at;
		nr -= half;
	}
	return at->file == LINE_NO_FILE ? NULL : at;
}

static void path_join(struct strbuf *into, const char *name)
{
	if (into->len && into->buf[into->len - 1] != '/')
		strbuf_addch(into, '/');
	strbuf_add(into, name, strnlen(name, MAX_PATH));
}

bool line_table_path(const struct line_table *t, uint32_t file, const char *comp_dir,
		     struct strbuf *into)
{
	const char *parts[4] = { comp_dir };
	size_t nr = 1, first;

	if (file >= t->nr_files || !t->files[file].name)
		return false;
	/* Since version 5 folder 0 is the compiler's, and the others are below it. */
	if (t->nr_dirs && t->dirs[0])
		parts[nr++] = t->dirs[0];
	if (t->files[file].dir && t->files[file].dir < t->nr_dirs && t->dirs[t->files[file].dir])
		parts[nr++] = t->dirs[t->files[file].dir];
	parts[nr++] = t->files[file].name;
	for (first = nr - 1; first && *parts[first] != '/'; first--)
		;
	for (; first < nr; first++)
		if (parts[first])
			path_join(into, parts[first]);
	return into->len <= MAX_PATH;
}
