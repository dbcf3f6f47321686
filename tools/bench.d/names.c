// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the script beside this file runs: draws addresses, resolves them as llvm-symbolizer
 * prints them, and compares two such outputs.
 */
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/intern.h"
#include "symbolize/dwarf.h"

enum { MAX_FRAMES = 256, MAX_SHOWN = 5 };

static int fail(const char *what)
{
	fprintf(stderr, "bench_names: %s\n", what);
	return 1;
}

static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Distinct addresses of .text, in no order. */
static int draw(const char *path, size_t nr, uint64_t seed)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ, NULL);
	_cleanup_free_ unsigned char *seen = NULL;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh = { 0 };
	size_t names;

	if (!elf || elf_getshdrstrndx(elf, &names))
		return fail("this file can't be read as ELF");
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name)
							  : NULL;

		if (name && !strcmp(name, ".text"))
			break;
	}
	seen = scn ? calloc(sh.sh_size, 1) : NULL;
	if (!seen)
		return fail("no .text");
	if (nr > sh.sh_size)
		nr = sh.sh_size;
	while (nr) {
		uint64_t at = random_next(&seed) % sh.sh_size;

		if (seen[at])
			continue;
		seen[at] = 1;
		nr--;
		printf("0x%" PRIx64 "\n", sh.sh_addr + at);
	}
	elf_end(elf);
	return 0;
}

static void print(const struct symbol *s)
{
	char digits[16], *p = digits + sizeof(digits);
	uint32_t line = s->line;

	*--p = 0;
	do
		*--p = (char)('0' + line % 10);
	while (line /= 10);
	fputs_unlocked(s->name ? s->name : "??", stdout);
	putc_unlocked('\n', stdout);
	fputs_unlocked(s->file ? s->file : "??", stdout);
	putc_unlocked(':', stdout);
	fputs_unlocked(p, stdout);
	fputs_unlocked(":0\n", stdout);
}

static int resolve(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct symbol symbols[MAX_FRAMES];
	struct dwarf *d;
	char line[64];

	if (fd < 0 || dwarf_open(&d, fd, 0))
		return fail("no debug information in this file");
	while (fgets(line, sizeof(line), stdin)) {
		size_t nr = dwarf_resolve(d, strtoull(line, NULL, 16), symbols, MAX_FRAMES);

		if (!nr)
			fputs("??\n??:0:0\n", stdout);
		for (size_t i = 0; i < nr; i++)
			print(&symbols[i]);
		putchar('\n');
	}
	fprintf(stderr, "bench_names: %zu bytes of tables\n", dwarf_memory(d));
	dwarf_close(d);
	return 0;
}

/* One address in an output: lines of names and places by turns. */
struct answer {
	char *lines[2 * MAX_FRAMES];
	size_t nr;
};

static bool answer_read(struct answer *a, FILE *from)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t size;

	for (size_t i = 0; i < a->nr; i++)
		free(a->lines[i]);
	a->nr = 0;
	while ((size = getline(&line, &cap, from)) > 1) {
		line[size - 1] = 0;
		/* The column is of no use here. */
		if (a->nr % 2 && strrchr(line, ':'))
			*strrchr(line, ':') = 0;
		if (a->nr < 2 * MAX_FRAMES)
			a->lines[a->nr++] = strdup(line);
	}
	free(line);
	return size > 0;
}

/* Symbols by name: their values. */
struct symtab {
	struct intern names;
	uint64_t *values;
	uint32_t nr, cap;
};

static int symtab_read(struct symtab *t, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ, NULL);
	Elf_Scn *scn = NULL;

	while (elf && (scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;
		Elf_Data *data;
		GElf_Sym sym;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(scn, NULL);
		for (int i = 0; data && gelf_getsym(data, i, &sym); i++) {
			const char *name = elf_strptr(elf, sh.sh_link, sym.st_name);
			uint32_t id;

			if (!name || array_reserve(t->values, t->cap, (size_t)t->nr + 1))
				continue;
			if (intern_add(&t->names, name, strlen(name), &id) == 1)
				t->values[t->nr++] = sym.st_value;
		}
	}
	if (elf)
		elf_end(elf);
	return 0;
}

static bool is_alias(const struct symtab *t, const char *a, const char *b)
{
	uint32_t x, y;

	return intern_find(&t->names, a, strlen(a), &x) == 1 &&
	       intern_find(&t->names, b, strlen(b), &y) == 1 && t->values[x] == t->values[y];
}

enum verdict {
	SAME,
	SUFFIX,
	ALIAS,
	UNMANGLED,
	SYMTAB_ONLY,
	LINE_ONLY,
	FEWER,
	MORE,
	NAME,
	INLINE_NAME,
	LINE_ZERO,
	FILE_PATH,
	LINE,
	CALL,
	NR_CLASSES
};

static const char *const verdict_names[] = {
	[SAME] = "the same",
	[SUFFIX] = "the same but for the symbol table's suffix (.cold, .part.0)",
	[ALIAS] = "the same but for another symbol of the same address",
	[UNMANGLED] = "the same but for no linkage name in DWARF (templates over local types)",
	[SYMTAB_ONLY] = "not in DWARF: they name it from the symbol table",
	[LINE_ONLY] = "only a line in DWARF: they name it from the symbol table",
	[FEWER] = "DIFFERENT: fewer frames than theirs",
	[MORE] = "DIFFERENT: more frames than theirs",
	[NAME] = "DIFFERENT: name of the function",
	[INLINE_NAME] = "DIFFERENT: name of an inlined function",
	[LINE_ZERO] = "DIFFERENT: one has line 0",
	[FILE_PATH] = "DIFFERENT: file",
	[LINE] = "DIFFERENT: line",
	[CALL] = "DIFFERENT: place of a call",
};

/* "f<int>" of "_Z1fIiEvv": the identifier stands in the mangled name behind its length. */
static bool is_unmangled(const char *plain, const char *mangled)
{
	size_t size;

	plain += *plain == '~';
	size = strcspn(plain, "<");
	char identifier[512];

	if (strncmp(mangled, "_Z", 2) != 0 || size > 256)
		return false;
	snprintf(identifier, sizeof(identifier), "%zu%.*s", size, (int)size, plain);
	return strstr(mangled, identifier) || !strncmp(plain, "operator", 8);
}

static enum verdict classify(const struct answer *a, const struct answer *b, const struct symtab *t)
{
	enum verdict place = SAME, found = SAME;
	const char *ours = a->lines[a->nr - 2], *theirs = b->lines[b->nr - 2];
	size_t size = strlen(ours);

	if (a->nr == 2 && !strcmp(ours, "??") && strcmp(theirs, "??") != 0) {
		if (!strcmp(a->lines[1], "??:0"))
			return strcmp(strrchr(b->lines[1], ':'), ":0") ? FEWER : SYMTAB_ONLY;
		found = LINE_ONLY;
	} else if (a->nr != b->nr) {
		return a->nr < b->nr ? FEWER : MORE;
	} else if (strcmp(ours, theirs) != 0) {
		if (!strncmp(ours, theirs, size) && theirs[size] == '.')
			found = SUFFIX;
		else if (is_alias(t, ours, theirs))
			found = ALIAS;
		else
			found = is_unmangled(ours, theirs) ? UNMANGLED : NAME;
	}
	for (size_t i = 0; i < a->nr && i < b->nr; i++) {
		const char *x = a->lines[i], *y = b->lines[i];
		const char *x_line = strrchr(x, ':'), *y_line = strrchr(y, ':');

		if (!strcmp(x, y) || i == a->nr - 2)
			continue;
		if (i % 2 == 0)
			return INLINE_NAME;
		if (i > 1)
			place = CALL;
		else if (strcmp(x_line, ":0") != 0 && strcmp(y_line, ":0") != 0)
			place = strcmp(x_line, y_line) ? LINE : FILE_PATH;
		else if (strcmp(x_line, y_line) != 0)
			place = LINE_ZERO; /* else theirs has a file from the symbol table */
	}
	return place != SAME ? place : found;
}

static void show(const char *who, const struct answer *a)
{
	printf("      %s:", who);
	for (size_t i = 0; i < a->nr; i++)
		printf(" %s%s", a->lines[i], i % 2 ? " <" : "");
	putchar('\n');
}

static int compare(const char *path, const char *addresses, const char *ours, const char *theirs)
{
	_cleanup_fclose_ FILE *at = fopen(addresses, "r"), *x = fopen(ours, "r"),
			      *y = fopen(theirs, "r");
	size_t counts[NR_CLASSES] = { 0 }, nr = 0, good = 0;
	struct answer a = { 0 }, b = { 0 };
	struct symtab t = { 0 };
	char line[64];

	if (!at || !x || !y || symtab_read(&t, path))
		return fail("an output is missing");
	while (fgets(line, sizeof(line), at) && answer_read(&a, x) && answer_read(&b, y)) {
		enum verdict verdict = classify(&a, &b, &t);

		nr++;
		if (counts[verdict]++ < MAX_SHOWN && verdict > LINE_ONLY) {
			printf("    %s: %s", verdict_names[verdict], line);
			show("ours  ", &a);
			show("theirs", &b);
		}
	}
	for (int i = 0; i < NR_CLASSES; i++)
		if (counts[i])
			printf("  %8zu  %s\n", counts[i], verdict_names[i]);
	for (int i = 0; i <= LINE_ONLY; i++)
		good += counts[i];
	printf("  %zu of %zu equal: %.3f %%\n", good, nr,
	       nr ? 100.0 * (double)good / (double)nr : 0);
	answer_read(&a, x);
	answer_read(&b, y);
	intern_done(&t.names);
	free(t.values);
	return nr && (double)good >= 0.999 * (double)nr ? 0 : 1;
}

int main(int argc, char **argv)
{
	elf_version(EV_CURRENT);
	if (argc == 5 && !strcmp(argv[1], "draw"))
		return draw(argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	if (argc == 3 && !strcmp(argv[1], "resolve"))
		return resolve(argv[2]);
	if (argc == 6 && !strcmp(argv[1], "compare"))
		return compare(argv[2], argv[3], argv[4], argv[5]);
	return fail("draw FILE N SEED | resolve FILE | compare FILE ADDRESSES OURS THEIRS");
}
