// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "symbolize/kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"

enum {
	READ_SIZE = 64 << 10,
	MAX_MODULES_FILE = 4 << 20,
	MAX_MODULES = UINT16_MAX,
	/* No function is longer; what is further from a symbol is not part of it. */
	MAX_FUNCTION = 1 << 20,
	/* Between programs that were made one by one there is memory that belongs to none. */
	MAX_GENERATED = 64 << 10,
};

/* A symbol of any kind: those that are no functions end the one before. */
struct entry {
	uint64_t address;
	uint32_t text; /* SPAN_NONE: no function */
	uint16_t module;
	uint16_t rank; /* among the names of one address */
};

struct reader {
	struct kallsyms *k;
	struct entry *entries;
	size_t nr, cap;
	uint64_t *module_ends; /* by module id; 0: unknown */
};

struct line {
	uint64_t address;
	char type;
	const char *name, *module; /* module: "[x]" or NULL */
	size_t name_size, module_size;
};

static const char *parse_hex(const char *s, const char *end, uint64_t *ret)
{
	uint64_t value = 0;
	const char *from = s;

	for (; s < end; s++) {
		unsigned digit = (unsigned char)*s - '0';

		if (digit > 9) {
			digit = ((unsigned char)*s | 0x20) - 'a';
			if (digit > 5)
				break;
			digit += 10;
		}
		value = value << 4 | digit;
	}
	*ret = value;
	return s > from && s - from <= 16 ? s : NULL;
}

/* "ffffffffc0201000 t name\t[module]" */
static bool parse_line(const char *s, const char *end, struct line *ret)
{
	const char *tab;

	*ret = (struct line){ 0 };
	s = parse_hex(s, end, &ret->address);
	if (!s || end - s < 4 || s[0] != ' ' || s[2] != ' ')
		return false;
	ret->type = s[1];
	ret->name = s + 3;
	tab = memchr(ret->name, '\t', (size_t)(end - ret->name));
	ret->name_size = (size_t)((tab ? tab : end) - ret->name);
	if (tab && end - tab > 2 && tab[1] == '[') {
		ret->module = tab + 1;
		ret->module_size = (size_t)(end - ret->module);
	}
	return ret->name_size > 0;
}

static bool has_end(const struct line *l, const char *end)
{
	size_t size = strlen(end);

	return l->name_size >= size && !memcmp(l->name + l->name_size - size, end, size);
}

/* The linker's marks where code begins and ends look like functions, and are none. */
static bool is_mark(const struct line *l)
{
	static const char *const marks[] = { "_text",	   "_stext",	   "_etext", "_sinittext",
					     "_einittext", "__end_rodata", "_end" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (l->name_size == strlen(marks[i]) && has_end(l, marks[i]))
			return true;
	return l->name_size > 2 && l->name[0] == '_' && l->name[1] == '_' &&
	       (has_end(l, "_text_start") || has_end(l, "_text_end"));
}

static bool is_function(const struct line *l)
{
	return (l->type == 't' || l->type == 'T' || l->type == 'w' || l->type == 'W') &&
	       !is_mark(l);
}

/* Global before weak before local, then the one with fewer underscores in front. */
static uint16_t rank_of(const struct line *l)
{
	uint16_t underscores = 0;

	while (underscores < l->name_size && underscores < 15 && l->name[underscores] == '_')
		underscores++;
	return (uint16_t)((l->type == 'T' ? 2 : l->type == 't' ? 0 : 1) * 16 + 15 - underscores);
}

/* Modules stand one after the other, so only the last is looked at. 0: the kernel, or too many. */
static uint16_t module_id(struct kallsyms *k, const struct line *l)
{
	const char *last = k->nr_modules ? k->modules[k->nr_modules - 1] : NULL;
	char *name;

	if (!l->module)
		return 0;
	if (last && !strncmp(last, l->module, l->module_size) && !last[l->module_size])
		return (uint16_t)(k->nr_modules - 1);
	if (k->nr_modules >= MAX_MODULES ||
	    array_reserve(k->modules, k->cap_modules, k->nr_modules + 1) < 0)
		return 0;
	name = strndup(l->module, l->module_size);
	if (!name)
		return 0;
	k->modules[k->nr_modules] = name;
	return (uint16_t)k->nr_modules++;
}

static int add_line(struct reader *r, const struct line *l)
{
	struct kallsyms *k = r->k;
	bool function = is_function(l);
	struct entry e = { .address = l->address, .text = SPAN_NONE };
	const struct entry *last = r->nr ? &r->entries[r->nr - 1] : NULL;

	if (l->name_size == 6 && !memcmp(l->name, "_stext", 6))
		k->start = l->address;
	else if (l->name_size == 6 && !memcmp(l->name, "_etext", 6))
		k->end = l->address;
	if (!l->address)
		return 0;
	if (!function && last && last->text == SPAN_NONE && last->address <= l->address)
		return 0;
	if (function) {
		e.module = module_id(k, l);
		e.rank = rank_of(l);
		e.text = (uint32_t)k->text.len;
		strbuf_add(&k->text, &e.module, sizeof(e.module));
		strbuf_add(&k->text, l->name, l->name_size);
		strbuf_add(&k->text, "", 1);
		if (k->text.failed || k->text.len >= SPAN_NONE)
			return -ENOMEM;
	}
	if (array_reserve(r->entries, r->cap, r->nr + 1) < 0)
		return -ENOMEM;
	r->entries[r->nr++] = e;
	return 0;
}

/* Whole lines of `s`; how many bytes they are. */
static ssize_t add_lines(struct reader *r, const char *s, size_t size)
{
	const char *from = s, *end = s + size, *newline;

	for (; (newline = memchr(s, '\n', (size_t)(end - s))); s = newline + 1) {
		struct line l;

		if (parse_line(s, newline, &l) && add_line(r, &l) < 0)
			return -ENOMEM;
	}
	return s - from;
}

static int read_symbols(struct reader *r, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *block = malloc(READ_SIZE);
	size_t held = 0;

	if (fd < 0)
		return -errno;
	if (!block)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, block + held, READ_SIZE - held), used;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return 0;
		held += (size_t)n;
		used = add_lines(r, block, held);
		if (used < 0)
			return (int)used;
		/* A line that fills the block is none. */
		if (!used && held == READ_SIZE)
			used = READ_SIZE;
		held -= (size_t)used;
		memmove(block, block + used, held);
	}
}

static uint64_t *end_of_module(struct reader *r, const char *name, size_t size)
{
	for (size_t i = 1; i < r->k->nr_modules; i++) {
		const char *module = r->k->modules[i];

		if (strlen(module) == size + 2 && !memcmp(module + 1, name, size))
			return &r->module_ends[i];
	}
	return NULL;
}

/* "nf_tables 376832 5 nft_ct, Live 0xffffffffc0a10000": a module's size and where it begins. */
static int read_modules(struct reader *r, const char *path)
{
	struct strbuf text = STRBUF_INIT;
	const char *s;

	r->module_ends = calloc(r->k->nr_modules, sizeof(*r->module_ends));
	if (!r->module_ends)
		return -ENOMEM;
	/* A kernel without modules does not have the file. */
	if (path)
		file_read(path, MAX_MODULES_FILE, &text);
	for (s = strbuf_str(&text); *s;) {
		const char *end = strchrnul(s, '\n'), *space = strchr(s, ' ');
		const char *hex = memmem(s, (size_t)(end - s), " 0x", 3);
		uint64_t base, size = space && space < end ? strtoull(space, NULL, 10) : 0;
		uint64_t *module_end = size ? end_of_module(r, s, (size_t)(space - s)) : NULL;

		if (hex && module_end && parse_hex(hex + 3, end, &base) && size < UINT64_MAX - base)
			*module_end = base + size;
		s = *end ? end + 1 : end;
	}
	strbuf_done(&text);
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	/* A function that begins where another thing ends stands first. */
	if ((x->text == SPAN_NONE) != (y->text == SPAN_NONE))
		return x->text == SPAN_NONE ? 1 : -1;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return x->text < y->text ? -1 : x->text > y->text;
}

static uint64_t end_of(const struct reader *r, const struct entry *e, const struct entry *next)
{
	const char *module = r->k->modules[e->module];
	bool generated = module && (!strcmp(module, "[bpf]") || !strncmp(module, "[__builtin", 10));
	uint64_t longest = generated ? MAX_GENERATED : MAX_FUNCTION;
	uint64_t end = e->address < UINT64_MAX - longest ? e->address + longest : UINT64_MAX;
	uint64_t module_end = r->module_ends[e->module];

	if (next && next->address < end)
		end = next->address;
	if (module_end > e->address && module_end < end)
		end = module_end;
	return end;
}

/* The buffer doubled as it grew; what is kept is kept for the whole run. */
static void trim(struct strbuf *text)
{
	char *bytes = text->buf ? realloc(text->buf, text->len + 1) : NULL;

	if (bytes) {
		text->buf = bytes;
		text->cap = text->len + 1;
	}
}

static int build(struct reader *r)
{
	_cleanup_free_ struct span *spans = calloc(r->nr + 1, sizeof(*spans));
	const struct entry *e = r->entries;
	size_t nr = 0, next;

	if (!spans)
		return -ENOMEM;
	for (size_t i = 0; i < r->nr; i = next) {
		next = i + 1;
		while (next < r->nr && e[next].address == e[i].address)
			next++;
		if (e[i].text == SPAN_NONE)
			continue;
		spans[nr++] = (struct span){
			.start = e[i].address,
			.end = end_of(r, &e[i], next < r->nr ? &e[next] : NULL),
			.value = e[i].text,
		};
	}
	trim(&r->k->text);
	return spans_build(&r->k->spans, spans, nr);
}

static int read_all(struct reader *r, const struct kallsyms_files *files)
{
	struct kallsyms *k = r->k;
	int e;

	if (array_reserve(k->modules, k->cap_modules, 1) < 0)
		return -ENOMEM;
	k->modules[k->nr_modules++] = NULL;
	e = read_symbols(r, files->symbols);
	if (!e)
		e = read_modules(r, files->modules);
	if (e < 0)
		return e;
	if (r->nr)
		qsort(r->entries, r->nr, sizeof(*r->entries), compare_entries);
	return build(r);
}

int kallsyms_read(struct kallsyms *ret, const struct kallsyms_files *files)
{
	struct kallsyms k = KALLSYMS_INIT;
	struct reader r = { .k = &k };
	int e = read_all(&r, files);

	free(r.entries);
	free(r.module_ends);
	if (e < 0) {
		kallsyms_done(&k);
		return e;
	}
	*ret = k;
	return 0;
}

void kallsyms_done(struct kallsyms *k)
{
	for (size_t i = 0; i < k->nr_modules; i++)
		free(k->modules[i]);
	free(k->modules);
	spans_done(&k->spans);
	strbuf_done(&k->text);
	*k = (struct kallsyms)KALLSYMS_INIT;
}

const char *kallsyms_find(const struct kallsyms *k, uint64_t address, const char **ret_module)
{
	uint32_t text = spans_find(&k->spans, address);
	uint16_t module;

	if (text == SPAN_NONE)
		return NULL;
	memcpy(&module, k->text.buf + text, sizeof(module));
	*ret_module = k->modules[module];
	return k->text.buf + text + sizeof(module);
}

size_t kallsyms_memory(const struct kallsyms *k)
{
	return spans_memory(&k->spans) + k->text.cap + k->nr_modules * sizeof(*k->modules);
}
