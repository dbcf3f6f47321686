// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/functions_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "symbolize/debugdata.h"
#include "symbolize/debugfile.h"
#include "symbolize/function_returns.h"
#include "symbolize/plt.h"

enum {
	MAX_SYMBOLS = 8 << 20, /* of a table */
	SYMBOLS_AT_ONCE = 2048,
	STRINGS_AT_ONCE = 16 << 20,
	MAX_STRINGS = 1 << 30,
	MAX_NAME = 64 << 10,
	MAX_DEBUGDATA = 128 << 20,
	WORK_A_LOOK = 1 << 20, /* bytes of names between two looks at the clock */
	WORK_A_NAME = 64,
};

/* Of our own CPU time: a million symbols take a fifth of it. */
static const uint64_t MAX_TIME_NS = 3000000000;

enum { RANK_UNDERSCORES = 1, MOST_UNDERSCORES = 7, RANK_BIND = 8, RANK_SIZED = 32 };

struct search {
	struct functions *ret;
	function_symbol_fn fn;
	void *ctx;
	struct elf_segment *segments; /* of the file itself, also where a debug file has names */
	size_t nr_segments;
	uint64_t file_size;
	struct plt_sections plt;
	uint64_t until, work; /* when it has to be over, and what was done since the last look */
	char *strings;	      /* STRINGS_AT_ONCE and MAX_NAME and a NUL */
};

/* Where a table's bytes are: in a file, or in memory. */
struct table {
	int fd;
	const char *bytes;
	uint64_t limit; /* size of the memory */
	uint64_t symbols, nr_symbols;
	uint64_t strings, strings_size;
};

static uint64_t cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int read_piece(const struct table *t, uint64_t offset, void *to, size_t size)
{
	size_t done = 0;

	if (t->fd < 0) {
		if (offset > t->limit || size > t->limit - offset)
			return -EIO;
		memcpy(to, t->bytes + offset, size);
		return 0;
	}
	while (done < size) {
		ssize_t n = pread(t->fd, (char *)to + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		done += (size_t)n;
	}
	return 0;
}

/* The place in the file of code at an address. */
static bool place_of(const struct search *s, uint64_t address, uint64_t *ret)
{
	for (size_t i = 0; i < s->plt.nr; i++)
		if (address >= s->plt.at[i].start && address < s->plt.at[i].end)
			return false;
	for (size_t i = 0; i < s->nr_segments; i++) {
		const struct elf_segment *g = &s->segments[i];
		uint64_t into = address - g->address;

		if (!(g->flags & PF_X) || into >= g->file_size)
			continue;
		*ret = g->offset + into;
		return g->offset < s->file_size && into < s->file_size - g->offset;
	}
	return false;
}

static uint32_t rank_of(const Elf64_Sym *s, const char *name)
{
	size_t underscores = strspn(name, "_");
	uint32_t rank = s->st_size ? RANK_SIZED : 0;

	rank += MOST_UNDERSCORES -
		(underscores < MOST_UNDERSCORES ? (uint32_t)underscores : MOST_UNDERSCORES);
	switch (ELF64_ST_BIND(s->st_info)) {
	case STB_GLOBAL:
	case STB_GNU_UNIQUE:
		return rank + 2 * RANK_BIND;
	case STB_WEAK:
		return rank + RANK_BIND;
	default:
		return rank;
	}
}

/*
 * A local function without a size is one of the compiler's start files; what is smaller than an
 * instruction is none.
 */
static bool is_function(const Elf64_Sym *s)
{
	unsigned type = ELF64_ST_TYPE(s->st_info);

	if (type != STT_FUNC && type != STT_GNU_IFUNC)
		return false;
	if (s->st_shndx == SHN_UNDEF || s->st_shndx == SHN_ABS || !s->st_name)
		return false;
#ifdef __aarch64__
	if (s->st_size && s->st_size < 4)
		return false;
#endif
	return s->st_size || ELF64_ST_BIND(s->st_info) != STB_LOCAL;
}

/* A part of a function that is jumped to and never called. */
static bool is_part(const char *name, size_t size)
{
	const char *cold = memmem(name, size, ".cold", 5);

	return cold && (!cold[5] || cold[5] == '.');
}

/* `name` may be written to, up to its end. */
static int take(struct search *s, const Elf64_Sym *symbol, char *name)
{
	struct function_symbol f = { .name = name,
				     .address = symbol->st_value,
				     .size = symbol->st_size,
				     .is_indirect = ELF64_ST_TYPE(symbol->st_info) ==
						    STT_GNU_IFUNC };
	char *version, kept;
	int r;

	if (!name[0] || !place_of(s, f.address, &f.offset))
		return 0;
	/* One that begins with "@" has no version. */
	version = strchrnul(name + 1, '@');
	f.name_size = (size_t)(version - name);
	s->work += f.name_size + WORK_A_NAME;
	if (f.name_size > MAX_NAME || is_part(name, f.name_size))
		return 0;
	s->ret->has_exceptions |= function_tells_exceptions(name, true);
	f.rank = rank_of(symbol, name);
	s->ret->nr_known++;
	kept = *version;
	*version = '\0';
	r = s->fn(s->ctx, &f);
	/* Other symbols may have the same string. */
	*version = kept;
	if (r < 0 || s->work < WORK_A_LOOK)
		return r;
	s->work = 0;
	return cpu_time() > s->until ? -ETIME : 0;
}

static int look_at(struct search *s, const Elf64_Sym *symbol, char *name)
{
	if (symbol->st_shndx == SHN_UNDEF)
		s->ret->has_exceptions |= function_tells_exceptions(name, false);
	return is_function(symbol) ? take(s, symbol, name) : 0;
}

/* Symbols whose names begin in strings of `from` to `to`. */
static int take_piece(struct search *s, const struct table *t, uint64_t from, uint64_t to)
{
	_cleanup_free_ Elf64_Sym *symbols = malloc(SYMBOLS_AT_ONCE * sizeof(*symbols));
	uint64_t offset = t->symbols, left = t->nr_symbols;

	if (!symbols)
		return -ENOMEM;
	while (left) {
		size_t some = left < SYMBOLS_AT_ONCE ? left : SYMBOLS_AT_ONCE;

		/* A table that the file has not whole ends there. */
		if (read_piece(t, offset, symbols, some * sizeof(*symbols)) < 0)
			return 0;
		for (size_t i = 0; i < some; i++) {
			int r;

			if (symbols[i].st_name < from || symbols[i].st_name >= to)
				continue;
			r = look_at(s, &symbols[i], s->strings + (symbols[i].st_name - from));
			if (r < 0)
				return r;
		}
		left -= some;
		offset += some * sizeof(*symbols);
	}
	return 0;
}

static int take_table(struct search *s, const struct table *t)
{
	for (uint64_t from = 0; from < t->strings_size; from += STRINGS_AT_ONCE) {
		uint64_t left = t->strings_size - from;
		uint64_t here = left < STRINGS_AT_ONCE ? left : STRINGS_AT_ONCE;
		uint64_t read = left < STRINGS_AT_ONCE + MAX_NAME ? left
								  : STRINGS_AT_ONCE + MAX_NAME;
		int r;

		if (read_piece(t, t->strings + from, s->strings, read) < 0)
			return 0;
		s->strings[read] = '\0';
		r = take_piece(s, t, from, from + here);
		if (r < 0)
			return r;
		if (cpu_time() > s->until)
			return -ETIME;
	}
	return 0;
}

/* 1: there is such a table with symbols in it; 0: there is none. */
static int search_file(struct search *s, const struct elf_file *f, const char *bytes, size_t size,
		       uint32_t type)
{
	GElf_Shdr h, strings;
	Elf_Scn *section;
	struct table t;
	int r;

	if (f->header.e_ident[EI_CLASS] != ELFCLASS64 || !elf_file_section_of_type(f, type, &h) ||
	    h.sh_entsize != sizeof(Elf64_Sym) || h.sh_size < 2 * sizeof(Elf64_Sym))
		return 0;
	section = elf_getscn(f->elf, h.sh_link);
	if (!section || !gelf_getshdr(section, &strings) || strings.sh_type != SHT_STRTAB ||
	    h.sh_offset > INT64_MAX - h.sh_size || strings.sh_offset > INT64_MAX - strings.sh_size)
		return 0;
	t = (struct table){ .fd = f->fd,
			    .bytes = bytes,
			    .limit = size,
			    .symbols = h.sh_offset,
			    .nr_symbols = h.sh_size / sizeof(Elf64_Sym),
			    .strings = strings.sh_offset,
			    .strings_size = strings.sh_size };
	if (t.nr_symbols > MAX_SYMBOLS)
		t.nr_symbols = MAX_SYMBOLS;
	if (t.strings_size > MAX_STRINGS)
		t.strings_size = MAX_STRINGS;
	r = take_table(s, &t);
	return r < 0 ? r : 1;
}

static int search_debug_file(struct search *s, const struct elf_file *file, const char *path)
{
	_cleanup_(elf_file_close) struct elf_file debug = ELF_FILE_INIT;
	_cleanup_close_ int fd = -1;
	uint8_t build_id[BUILD_ID_MAX];
	struct debugfile_query q = { .file = file,
				     .path = path,
				     .root = DEBUGFILE_ROOT,
				     .build_id = build_id,
				     .build_id_size = elf_file_build_id(file, build_id) };

	if (debugfile_open(&q, &fd) < 0 || elf_file_open(&debug, fd) < 0)
		return 0;
	return search_file(s, &debug, NULL, 0, SHT_SYMTAB);
}

static int search_packed(struct search *s, const struct elf_file *file)
{
	struct elf_file packed = ELF_FILE_INIT;
	_cleanup_free_ char *bytes = NULL;
	ssize_t size = debugdata_read(file, MAX_DEBUGDATA, &bytes);
	int r = 0;

	if (size > 0 && elf_file_open_memory(&packed, bytes, (size_t)size) >= 0)
		r = search_file(s, &packed, bytes, (size_t)size, SHT_SYMTAB);
	/* libelf points into the bytes. */
	elf_file_close(&packed);
	return r;
}

static int search_all(struct search *s, const struct elf_file *file, const char *path)
{
	int r = search_file(s, file, NULL, 0, SHT_SYMTAB), exported;

	if (!r)
		r = search_debug_file(s, file, path);
	if (!r)
		r = search_packed(s, file);
	s->ret->exported_only = !r;
	exported = r < 0 ? r : search_file(s, file, NULL, 0, SHT_DYNSYM);
	return exported < 0 ? exported : 0;
}

static bool is_go(const struct elf_file *f)
{
	GElf_Shdr h;

	return elf_file_section(f, ".gopclntab", &h) || elf_file_section(f, ".note.go.buildid", &h);
}

int functions_each(const struct functions_query *q, struct functions *ret, function_symbol_fn fn,
		   void *ctx)
{
	_cleanup_(elf_file_close) struct elf_file file = ELF_FILE_INIT;
	uint64_t max_time = q->max_time_ns ? q->max_time_ns : MAX_TIME_NS;
	struct search s = { .ret = ret, .fn = fn, .ctx = ctx, .until = cpu_time() + max_time };
	struct stat st;
	int r = elf_file_open(&file, q->fd);

	if (r < 0)
		return r;
	if (file.header.e_ident[EI_CLASS] != ELFCLASS64)
		return -ENOTSUP;
	if (fstat(q->fd, &st) < 0)
		return -errno;
	s.file_size = (uint64_t)st.st_size;
	r = elf_file_segments(&file, &s.segments);
	if (r < 0)
		return r;
	s.nr_segments = (size_t)r;
	plt_find_sections(&file, &s.plt);
	ret->is_go = is_go(&file);
	s.strings = malloc(STRINGS_AT_ONCE + MAX_NAME + 1);
	r = s.strings ? search_all(&s, &file, q->path) : -ENOMEM;
	free(s.strings);
	free(s.segments);
	return r;
}
