// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/symtab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/strbuf.h"
#include "symbolize/spans.h"

enum {
	MAX_SOURCES = 4,
	MAX_NAME = 64 << 10,
	MAX_TABLE = 128 << 20,	/* bytes of a symbol section */
	MAX_STRINGS = 64 << 20, /* of a string section that is read whole, for a moment */
};

/* How good a name is among those of one address; a span's rank until the names are chosen. */
enum { RANK_BIND = 1, RANK_FUNCTION = 4, RANK_SIZED = 8 };

/* A string section. A name is its offset there plus `base`: one number for all sections. */
struct name_source {
	uint32_t base, size;
	int fd;
	uint64_t offset;   /* in the file */
	const char *bytes; /* for a moment, or `owned`; NULL: to be read from fd */
	char *owned;
};

struct symtab {
	struct spans spans;
	struct name_source sources[MAX_SOURCES];
	size_t nr_sources;
	struct span *building;
	size_t nr_building, cap_building;
	struct strbuf given; /* names from symtab_add_named(), as the last source */
	struct strbuf name;
	uint32_t in_name; /* which one `name` holds; SPAN_NONE: none */
};

/* What a symbol's section says about it. */
struct section_range {
	uint64_t start, end; /* 0, 0: holds no code */
	bool sized;	     /* has functions with a size */
};

int symtab_new(struct symtab **ret)
{
	struct symtab *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->in_name = SPAN_NONE;
	*ret = t;
	return 0;
}

void symtab_free(struct symtab *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nr_sources; i++)
		free(t->sources[i].owned);
	spans_done(&t->spans);
	strbuf_done(&t->given);
	strbuf_done(&t->name);
	free(t->building);
	free(t);
}

static int add_span(struct symtab *t, const struct span *s)
{
	if (array_reserve(t->building, t->cap_building, t->nr_building + 1) < 0)
		return -ENOMEM;
	t->building[t->nr_building++] = *s;
	return 0;
}

static uint64_t end_of(uint64_t start, uint64_t size)
{
	return size > UINT64_MAX - start ? UINT64_MAX : start + size;
}

static struct section_range *code_sections(const struct elf_file *f)
{
	struct section_range *ranges = calloc(f->nr_sections + 1, sizeof(*ranges));

	for (size_t i = 0; ranges && i < f->nr_sections; i++) {
		GElf_Shdr h;

		if (!gelf_getshdr(elf_getscn(f->elf, i), &h) || !(h.sh_flags & SHF_EXECINSTR))
			continue;
		ranges[i].start = h.sh_addr;
		ranges[i].end = end_of(h.sh_addr, h.sh_size);
	}
	return ranges;
}

/* 0 for a symbol that is no function. */
static uint32_t rank_of(const GElf_Sym *s)
{
	uint32_t rank = s->st_size ? RANK_SIZED : 0;

	switch (GELF_ST_TYPE(s->st_info)) {
	case STT_FUNC:
	case STT_GNU_IFUNC:
		rank += RANK_FUNCTION;
		break;
	case STT_NOTYPE:
		break;
	default:
		return 0;
	}
	switch (GELF_ST_BIND(s->st_info)) {
	case STB_GLOBAL:
	case STB_GNU_UNIQUE:
		return rank + 3 * RANK_BIND;
	case STB_WEAK:
		return rank + 2 * RANK_BIND;
	default:
		return rank + RANK_BIND;
	}
}

static int add_source(struct symtab *t, const struct elf_file *f, size_t index)
{
	const struct name_source *last = t->nr_sources ? &t->sources[t->nr_sources - 1] : NULL;
	struct name_source *s = &t->sources[t->nr_sources];
	uint64_t base = last ? (uint64_t)last->base + last->size : 0;
	Elf_Scn *section = elf_getscn(f->elf, index);
	GElf_Shdr h;
	Elf_Data *data;

	/* One place is kept for names that are given. */
	if (t->nr_sources >= MAX_SOURCES - 1)
		return -ENOSPC;
	if (!section || !gelf_getshdr(section, &h) || h.sh_type != SHT_STRTAB)
		return -ENOEXEC;
	if (h.sh_size >= SPAN_NONE - MAX_STRINGS - base || h.sh_offset > INT64_MAX - h.sh_size)
		return -EFBIG;
	data = elf_section_data(section, f->fd < 0 ? SIZE_MAX : MAX_STRINGS);
	if (!data && f->fd < 0)
		return -ENOEXEC;
	*s = (struct name_source){ .base = (uint32_t)base,
				   .size = (uint32_t)h.sh_size,
				   .fd = f->fd,
				   .offset = h.sh_offset,
				   .bytes = data && data->d_size == h.sh_size ? data->d_buf
									      : NULL };
	t->nr_sources++;
	return 0;
}

static bool is_local(const GElf_Sym *s)
{
	return GELF_ST_BIND(s->st_info) == STB_LOCAL;
}

static bool is_function(const GElf_Sym *s)
{
	return rank_of(s) && GELF_ST_TYPE(s->st_info) != STT_NOTYPE;
}

/* The section of code that a symbol lies in, or NULL. */
static struct section_range *range_of(const struct elf_file *f, struct section_range *sections,
				      const GElf_Sym *s)
{
	struct section_range *in;

	if (s->st_shndx >= f->nr_sections || s->st_shndx >= SHN_LORESERVE)
		return NULL;
	in = &sections[s->st_shndx];
	return s->st_value >= in->start && s->st_value < in->end ? in : NULL;
}

static void find_sized(const struct elf_file *f, Elf_Data *data, size_t nr,
		       struct section_range *sections)
{
	for (size_t i = 1; i < nr; i++) {
		struct section_range *in;
		GElf_Sym s;

		if (!gelf_getsym(data, (int)i, &s) || !s.st_size || !is_function(&s))
			continue;
		in = range_of(f, sections, &s);
		if (in)
			in->sized = true;
	}
}

/*
 * How far a symbol reaches. One without a size is hand-written assembly, and ends at the next one
 * (choose() sees to that), but for a local function among others that have sizes: that is one of
 * the compiler's own start files (register_tm_clones), with padding behind it that is nobody's.
 * Nothing says where it ends, so it names nothing; it only ends the one before it.
 */
static struct span span_of(const GElf_Sym *s, const struct section_range *in, uint32_t name_base)
{
	uint64_t end = s->st_size ? end_of(s->st_value, s->st_size) : in->end;
	struct span span = { .start = s->st_value,
			     .end = end < in->end ? end : in->end,
			     .value = name_base + s->st_name,
			     .rank = rank_of(s) };

	if (!s->st_size && in->sized && is_local(s) && is_function(s)) {
		span.value = SPAN_NONE;
		span.rank = RANK_BIND;
	}
	return span;
}

int symtab_add(struct symtab *t, const struct elf_file *f, uint32_t type)
{
	_cleanup_free_ struct section_range *sections = NULL;
	const struct name_source *names;
	GElf_Shdr h;
	Elf_Data *data;
	size_t nr, before = t->nr_building;
	int r;

	data = elf_section_data(elf_file_section_of_type(f, type, &h), MAX_TABLE);
	if (!data || !h.sh_entsize)
		return 0;
	r = add_source(t, f, h.sh_link);
	if (r < 0)
		return r;
	names = &t->sources[t->nr_sources - 1];
	sections = code_sections(f);
	if (!sections)
		return -ENOMEM;
	nr = data->d_size / h.sh_entsize;
	nr = nr < INT32_MAX ? nr : INT32_MAX;
	find_sized(f, data, nr, sections);
	for (size_t i = 1; i < nr; i++) {
		const struct section_range *in;
		struct span span;
		GElf_Sym s;

		if (!gelf_getsym(data, (int)i, &s) || !s.st_name || s.st_name >= names->size ||
		    !rank_of(&s))
			continue;
		in = range_of(f, sections, &s);
		if (!in)
			continue;
		span = span_of(&s, in, names->base);
		r = add_span(t, &span);
		if (r < 0)
			return r;
	}
	return (int)(t->nr_building - before);
}

int symtab_add_named(struct symtab *t, uint64_t start, uint64_t size, const char *name)
{
	struct span s = { .start = start, .end = end_of(start, size), .value = t->given.len };

	strbuf_add(&t->given, name, strlen(name) + 1);
	if (t->given.failed)
		return -ENOMEM;
	return t->given.len > MAX_STRINGS ? -EFBIG : add_span(t, &s);
}

static const struct name_source *source_of(const struct symtab *t, uint32_t name)
{
	for (size_t i = 0; i < t->nr_sources; i++)
		if (name - t->sources[i].base < t->sources[i].size)
			return &t->sources[i];
	return NULL;
}

/* A name that is in memory, or NULL. */
static const char *peek(const struct symtab *t, uint32_t name)
{
	const struct name_source *s = source_of(t, name);

	if (!s || !s->bytes || !memchr(s->bytes + (name - s->base), 0, s->size - (name - s->base)))
		return NULL;
	return s->bytes + (name - s->base);
}

static size_t underscores(const char *s)
{
	return strspn(s, "_");
}

/* By start, and of one start the best first: as the header of the file says, then by name. */
static int compare_symbols(const void *a, const void *b, void *ctx)
{
	const struct span *x = a, *y = b;
	const char *p, *q;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	p = peek(ctx, x->value);
	q = peek(ctx, y->value);
	if (p && q && underscores(p) != underscores(q))
		return underscores(p) < underscores(q) ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	if (p && q)
		return strcmp(p, q);
	return x->value < y->value ? -1 : x->value > y->value;
}

/* Mapping symbols of arm ("$x") and local labels mark places in a function, not functions. */
static bool names_a_place(const struct symtab *t, const struct span *s)
{
	const char *name = s->rank & RANK_FUNCTION ? NULL : peek(t, s->value);

	return name && (name[0] == '$' || (name[0] == '.' && name[1] == 'L'));
}

/* One symbol a start; those without a size get their end, or go where another covers them. */
static void choose(struct symtab *t)
{
	struct span *s = t->building;
	uint64_t covered = 0;
	size_t kept = 0, nr = 0;

	for (size_t i = 0; i < t->nr_building; i++)
		if (!names_a_place(t, &s[i]) && (!nr || s[nr - 1].start != s[i].start))
			s[nr++] = s[i];
	for (size_t i = 0; i < nr; i++) {
		bool sized = s[i].rank & RANK_SIZED;

		if (!sized && s[i].start < covered)
			continue;
		if (s[i].value == SPAN_NONE)
			continue;
		if (!sized && i + 1 < nr && s[i + 1].start < s[i].end)
			s[i].end = s[i + 1].start;
		if (sized && s[i].end > covered)
			covered = s[i].end;
		s[kept] = s[i];
		/* Of two that overlap the inner one, which begins later, is the answer. */
		s[kept].rank = (uint32_t)kept;
		kept++;
	}
	t->nr_building = kept;
}

/* What stands in memory that will go away is copied, what stands in a file is let go. */
static int keep_names(struct symtab *t)
{
	for (size_t i = 0; i < t->nr_sources; i++) {
		struct name_source *s = &t->sources[i];

		if (s->owned)
			continue;
		if (s->fd < 0) {
			s->owned = malloc(s->size + 1u);
			if (!s->owned)
				return -ENOMEM;
			memcpy(s->owned, s->bytes, s->size);
			s->owned[s->size] = '\0';
		}
		s->bytes = s->owned;
	}
	return 0;
}

static void add_given(struct symtab *t)
{
	const struct name_source *last = t->nr_sources ? &t->sources[t->nr_sources - 1] : NULL;
	uint32_t base = last ? last->base + last->size : 0;

	if (!t->given.len)
		return;
	/* Given names have no rank: that tells them from those of symbol tables. */
	for (size_t i = 0; i < t->nr_building; i++)
		if (!t->building[i].rank) {
			t->building[i].value += base;
			t->building[i].rank = RANK_SIZED;
		}
	t->sources[t->nr_sources] = (struct name_source){
		.base = base, .size = (uint32_t)t->given.len, .fd = -1, .bytes = t->given.buf
	};
	t->sources[t->nr_sources].owned = strbuf_steal(&t->given);
	t->nr_sources++;
}

int symtab_finish(struct symtab *t)
{
	int r;

	add_given(t);
	if (t->nr_building)
		qsort_r(t->building, t->nr_building, sizeof(*t->building), compare_symbols, t);
	choose(t);
	r = spans_build(&t->spans, t->building, t->nr_building);
	free(t->building);
	t->building = NULL;
	t->nr_building = t->cap_building = 0;
	return r < 0 ? r : keep_names(t);
}

/* Reads on until the name ends. */
static bool read_name(struct symtab *t, const struct name_source *s, uint32_t offset)
{
	char block[256];

	strbuf_reset(&t->name);
	while (offset < s->size && t->name.len < MAX_NAME) {
		size_t want = s->size - offset < sizeof(block) ? s->size - offset : sizeof(block);
		ssize_t n = pread(s->fd, block, want, (off_t)(s->offset + offset));
		const char *end;

		if (n <= 0)
			return false;
		end = memchr(block, 0, (size_t)n);
		strbuf_add(&t->name, block, end ? (size_t)(end - block) : (size_t)n);
		if (end)
			return t->name.len && !t->name.failed;
		offset += (uint32_t)n;
	}
	return false;
}

const char *symtab_find(struct symtab *t, uint64_t address)
{
	uint32_t name = spans_find(&t->spans, address);
	const struct name_source *s = name == SPAN_NONE ? NULL : source_of(t, name);

	if (!s)
		return NULL;
	if (!s->bytes) {
		if (t->in_name == name)
			return strbuf_str(&t->name);
		t->in_name = read_name(t, s, name - s->base) ? name : SPAN_NONE;
		return t->in_name == name ? strbuf_str(&t->name) : NULL;
	}
	/* The section ends in a NUL of ours, if not of its own. */
	return s->bytes[name - s->base] ? s->bytes + (name - s->base) : NULL;
}

size_t symtab_memory(const struct symtab *t)
{
	size_t sum = sizeof(*t) + spans_memory(&t->spans) + t->name.cap;

	for (size_t i = 0; i < t->nr_sources; i++)
		sum += t->sources[i].owned ? t->sources[i].size : 0;
	return sum;
}
