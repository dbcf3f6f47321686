// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Names, inlined calls and lines of programs whose answers are known: from the lines that the
 * program itself recorded beside the addresses, and from addr2line.
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "symbolize/dwarf.h"
#include "symbolize/dwarf_image.h"

enum { MAX = 64, PLACE = 512 };

static struct dwarf *open_program(const char *path, size_t max_memory)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct dwarf *d = NULL;

	if (fd < 0 || dwarf_open(&d, fd, max_memory))
		fail_msg("%s can't be opened", path);
	return d;
}

/* The line of a source file that has this text. */
static uint32_t line_of(const char *source, const char *text)
{
	_cleanup_(strbuf_done) struct strbuf all = STRBUF_INIT;
	const char *found;
	uint32_t line = 1;

	assert_true(file_read(source, 1 << 20, &all) > 0);
	found = strstr(strbuf_str(&all), text);
	if (!found)
		fail_msg("no \"%s\"", text);
	for (const char *p = all.buf; p < found; p++)
		line += *p == '\n';
	return line;
}

/* One way to a HERE(): functions from the inside out, and what stands in their lines. */
struct way {
	size_t nr;
	const char *functions[3], *texts[3];
};

static const struct way ways[] = {
	{ 1, { "alone" }, { "/* in alone" } },
	{ 2, { "leaf", "outer" }, { "/* in leaf", "/* outer calls leaf" } },
	{ 3,
	  { "leaf", "middle", "outer" },
	  { "/* in leaf", "/* middle calls leaf", "/* outer calls middle" } },
	{ 2, { "leaf", "discarded" }, { "/* in leaf", "+= middle(x)" } },
	{ 3,
	  { "leaf", "middle", "discarded" },
	  { "/* in leaf", "/* middle calls leaf", "+= middle(x)" } },
};

enum { NR_LIVE_WAYS = 3 };

static bool is_way(const struct way *way, const struct symbol *symbols, size_t nr)
{
	if (nr != way->nr)
		return false;
	for (size_t i = 0; i < nr; i++) {
		const struct symbol *s = &symbols[i];

		if (!s->name || strcmp(s->name, way->functions[i]) != 0 || !s->file ||
		    strcmp(s->file, INLINE_SOURCE) != 0 ||
		    s->line != line_of(INLINE_SOURCE, way->texts[i]) ||
		    s->kind != (i + 1 < nr ? FRAME_INLINED : FRAME_NATIVE))
			return false;
	}
	return true;
}

/* The records: an address and a line, 16 bytes. -gz packs them too. */
static struct span recorded(Elf *elf)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;

		if (gelf_getshdr(scn, &sh) && sh.sh_flags & SHF_COMPRESSED)
			assert_int_equal(elf_compress(scn, 0, 0), 1);
	}
	return dwarf_image_section(elf, ".debug_expected");
}

static void check_recorded(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct dwarf *d = open_program(path, 0);
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	struct span expected = recorded(elf);
	bool seen[ARRAY_SIZE(ways)] = { false };

	for (const uint8_t *p = expected.start; p < expected.end; p += 16) {
		struct symbol symbols[MAX];
		uint64_t address;
		size_t nr, found = 0;

		memcpy(&address, p, 8);
		if (address < 0x100) /* of code that the linker discarded */
			continue;
		nr = dwarf_resolve(d, address, symbols, MAX);
		while (found < ARRAY_SIZE(ways) && !is_way(&ways[found], symbols, nr))
			found++;
		if (found == ARRAY_SIZE(ways)) {
			for (size_t i = 0; i < nr; i++)
				print_message("%s %s:%u\n", symbols[i].name, symbols[i].file,
					      symbols[i].line);
			fail_msg("%s: 0x%" PRIx64 " is not what was compiled", path, address);
		}
		seen[found] = true;
	}
	for (size_t i = 0; i < NR_LIVE_WAYS; i++)
		if (!seen[i])
			fail_msg("%s: way %zu was not found", path, i);
	elf_end(elf);
	dwarf_close(d);
}

static void test_inlined(void **state)
{
	char programs[] = INLINE_PROGRAMS, *rest = NULL;
	size_t nr = 0;

	(void)state;
	for (char *p = strtok_r(programs, " ", &rest); p; p = strtok_r(NULL, " ", &rest), nr++)
		check_recorded(p);
	assert_true(nr >= 10);
}

/* What addr2line -a -i says of one address: places from the inside out. */
static size_t read_places(FILE *from, char places[][PLACE])
{
	size_t nr = 0;
	char line[4096];
	int c;

	/* The address itself. */
	if (!fgets(line, sizeof(line), from))
		return 0;
	while ((c = fgetc(from)) != EOF) {
		char *end;

		ungetc(c, from);
		if (c == '0' || !fgets(line, sizeof(line), from))
			break;
		end = strstr(line, " (discriminator");
		(end ? end : strchr(line, '\n'))[0] = 0;
		assert_true(nr < MAX);
		snprintf(places[nr++], PLACE, "%.500s", line);
	}
	return nr;
}

static uint64_t text_of(const char *path, uint64_t *ret_size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	struct span text = dwarf_image_section(elf, ".text");
	uint64_t start = 0;
	Elf_Scn *scn = NULL;

	*ret_size = (uint64_t)(text.end - text.start);
	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr sh;

		if (gelf_getshdr(scn, &sh) && sh.sh_flags & SHF_EXECINSTR &&
		    sh.sh_size == *ret_size)
			start = sh.sh_addr;
	}
	elf_end(elf);
	assert_true(start && *ret_size);
	return start;
}

/* Every address of .text. What addr2line has no line for is "?". */
static void check_addr2line(const char *path, bool files, size_t min_known)
{
	_cleanup_free_ char *command = NULL;
	_cleanup_free_ char(*places)[PLACE] = calloc(MAX, sizeof(*places));
	struct dwarf *d = open_program(path, 0);
	uint64_t size, start = text_of(path, &size);
	size_t known = 0, inlined = 0;
	FILE *pipe;

	assert_true(asprintf(&command,
			     "seq %" PRIu64 " %" PRIu64 " | awk '{ printf \"%%x\\n\", $1 }' | "
			     "addr2line -a -i -e '%s'",
			     start, start + size - 1, path) > 0);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	for (uint64_t at = start; at < start + size; at++) {
		struct symbol symbols[MAX];
		size_t nr = dwarf_resolve(d, at, symbols, MAX), theirs = read_places(pipe, places);

		if (!nr) {
			/* At most a file, from the symbol table. */
			if (!strchr(places[0], '?'))
				fail_msg("0x%" PRIx64 ": addr2line has %s", at, places[0]);
			continue;
		}
		if (nr != theirs)
			fail_msg("0x%" PRIx64 ": %zu functions, not %zu", at, nr, theirs);
		for (size_t i = 0; i < nr; i++) {
			char place[PLACE];

			snprintf(place, sizeof(place), "%.400s:%" PRIu32, symbols[i].file,
				 symbols[i].line);
			if (!symbols[i].line && strchr(places[i], '?'))
				continue;
			if (files)
				assert_string_equal(place, places[i]);
			else
				assert_string_equal(strrchr(place, ':'), strrchr(places[i], ':'));
		}
		known++;
		inlined += nr > 1;
	}
	print_message("%s: %zu addresses, %zu of them inlined\n", path, known, inlined);
	assert_true(known >= min_known && inlined > min_known / 2);
	pclose(pipe);
	dwarf_close(d);
}

static void test_addr2line(void **state)
{
	(void)state;
	check_addr2line(PROGRAMS "/templates-4", true, 3000);
	/* binutils 2.40 takes the files of calls in version 5 for their neighbours. */
	check_addr2line(PROGRAMS "/templates-5", false, 3000);
}

static void test_assembler(void **state)
{
	struct dwarf *d = open_program(PROGRAMS "/only-asm", 0);
	uint64_t size, start = text_of(PROGRAMS "/only-asm", &size);
	struct symbol symbol;

	(void)state;
	assert_int_equal(dwarf_resolve(d, start + size / 2, &symbol, 1), 1);
	assert_string_equal(symbol.file, ASM_SOURCE);
	assert_int_equal(symbol.line, line_of(ASM_SOURCE, "/* second"));
	assert_int_equal(symbol.kind, FRAME_NATIVE);
	assert_int_equal(dwarf_resolve(d, start + size, &symbol, 1), 0);
	dwarf_close(d);
}

static void test_no_debug_information(void **state)
{
	static const char *const paths[] = { PROGRAMS "/stripped", INLINE_SOURCE, "/dev/null",
					     "/proc/self/status" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		_cleanup_close_ int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		struct dwarf *d = (void *)&d;

		assert_true(fd >= 0);
		assert_int_equal(dwarf_open(&d, fd, 0), -ENODATA);
		assert_ptr_equal(d, &d);
	}
}

/* An address at which more than three functions stand, and how many. */
static uint64_t deep_address(struct dwarf *d, size_t *ret_nr)
{
	struct symbol symbols[MAX];
	uint64_t size, start = text_of(PROGRAMS "/templates-5", &size);

	for (uint64_t at = start; at < start + size; at++) {
		*ret_nr = dwarf_resolve(d, at, symbols, MAX);
		if (*ret_nr > 3)
			return at;
	}
	*ret_nr = 0;
	return 0;
}

static void test_few_places(void **state)
{
	struct dwarf *d = open_program(PROGRAMS "/templates-5", 0);
	struct symbol all[MAX], some[MAX];
	size_t nr;
	uint64_t at = deep_address(d, &nr);

	(void)state;
	assert_true(nr > 3);
	dwarf_resolve(d, at, all, MAX);
	assert_int_equal(dwarf_resolve(d, at, some, 0), 0);
	for (size_t max = 1; max <= nr + 1; max++) {
		size_t got = dwarf_resolve(d, at, some, max);

		assert_int_equal(got, max < nr ? max : nr);
		/* The function that was compiled is always there. */
		assert_string_equal(some[got - 1].name, all[nr - 1].name);
		assert_int_equal(some[got - 1].line, all[nr - 1].line);
		assert_int_equal(some[got - 1].kind, FRAME_NATIVE);
		for (size_t i = 0; i + 1 < got; i++)
			assert_string_equal(some[i].name, all[i].name);
	}
	dwarf_close(d);
}

static void test_memory(void **state)
{
	struct dwarf *d = open_program(PROGRAMS "/templates-5", 0);
	struct symbol symbols[MAX];
	size_t nr, all, empty;
	uint64_t at = deep_address(d, &nr);

	(void)state;
	all = dwarf_memory(d);
	assert_false(dwarf_limited(d));
	dwarf_close(d);
	d = open_program(PROGRAMS "/templates-5", 1);
	empty = dwarf_memory(d);
	assert_true(dwarf_limited(d) && empty < all / 4);
	dwarf_close(d);
	for (size_t max = empty; max < 2 * all; max += all / 16) {
		d = open_program(PROGRAMS "/templates-5", max);
		nr = dwarf_resolve(d, at, symbols, MAX);
		assert_int_equal(dwarf_limited(d), !nr);
		/* Names that were looked up for a unit that was left out stay. */
		if (dwarf_memory(d) > max + all / 16)
			fail_msg("%zu bytes, not %zu", dwarf_memory(d), max);
		dwarf_close(d);
	}
	assert_true(nr > 3);
}

/* A file that is emptied while it is open: what was read stays, and nothing dies. */
static void test_truncated_meanwhile(void **state)
{
	_cleanup_(strbuf_done) struct strbuf bytes = STRBUF_INIT;
	_cleanup_close_ int fd = memfd_create("program", MFD_CLOEXEC);
	struct symbol symbols[MAX];
	struct dwarf *d;
	size_t nr;
	uint64_t at;

	(void)state;
	assert_true(file_read(PROGRAMS "/templates-5", 64 << 20, &bytes) > 0);
	assert_int_equal(write(fd, bytes.buf, bytes.len), bytes.len);
	assert_int_equal(dwarf_open(&d, fd, 0), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	at = deep_address(d, &nr);
	assert_int_equal(dwarf_resolve(d, at, symbols, MAX), nr);
	assert_true(nr > 3 && strlen(symbols[0].name) > 0 && strlen(symbols[0].file) > 0);
	dwarf_close(d);
}

/* Prefixes of a file: its section headers stand last, so all but the whole have nothing. */
static void test_truncated(void **state)
{
	_cleanup_(strbuf_done) struct strbuf bytes = STRBUF_INIT;
	struct dwarf *d;

	(void)state;
	assert_true(file_read(PROGRAMS "/inline-5", 64 << 20, &bytes) > 0);
	for (size_t size = 0; size < bytes.len; size += 13) {
		_cleanup_close_ int fd = memfd_create("program", MFD_CLOEXEC);

		assert_int_equal(write(fd, bytes.buf, size), size);
		assert_int_equal(dwarf_open(&d, fd, 0), -ENODATA);
	}
}

/* The .dwo file is gone: lines stay. It is a pipe that nobody writes to: the same, and no wait. */
static void check_split(const char *path, const char *dwo)
{
	_cleanup_free_ char *away = NULL;
	struct symbol symbols[MAX];
	uint64_t size, start = text_of(path, &size);

	assert_true(asprintf(&away, "%s.away", dwo) > 0);
	unlink(away);
	if (rename(dwo, away))
		fail_msg("no %s", dwo);
	for (int is_pipe = 0; is_pipe < 2; is_pipe++) {
		size_t found = 0;
		struct dwarf *d;

		if (is_pipe)
			assert_int_equal(mkfifo(dwo, 0600), 0);
		alarm(20);
		d = open_program(path, 0);
		for (uint64_t at = start; at < start + size; at++) {
			if (!dwarf_resolve(d, at, symbols, MAX))
				continue;
			found += symbols[0].file && !strcmp(symbols[0].file, INLINE_SOURCE);
			assert_null(symbols[0].name);
		}
		alarm(0);
		dwarf_close(d);
		assert_true(found > 20);
	}
	assert_int_equal(rename(away, dwo), 0);
	check_recorded(path);
}

static void test_split_missing(void **state)
{
	(void)state;
	check_split(PROGRAMS "/inline-split5", PROGRAMS "/inline-split5-inline.dwo");
	check_split(PROGRAMS "/inline-split4", PROGRAMS "/inline-split4-inline.dwo");
}

/* What dwz moved to a common file is as it was; without that file lines are. */
static void test_dwz(void **state)
{
	static const char common[] = PROGRAMS "/common.debug", away[] = PROGRAMS "/common.away";
	struct symbol before[MAX], after[MAX];
	struct dwarf *whole, *d;
	uint64_t size, start;
	size_t nr_inlined = 0;

	(void)state;
	if (access(common, R_OK)) {
		print_message("dwz is not installed\n");
		skip();
	}
	start = text_of(PROGRAMS "/templates-5", &size);
	whole = open_program(PROGRAMS "/templates-5", 0);
	d = open_program(PROGRAMS "/dwz", 0);
	for (uint64_t at = start; at < start + size; at++) {
		size_t nr = dwarf_resolve(whole, at, before, MAX);

		assert_int_equal(dwarf_resolve(d, at, after, MAX), nr);
		for (size_t i = 0; i < nr; i++) {
			assert_string_equal(before[i].name ? before[i].name : "",
					    after[i].name ? after[i].name : "");
			assert_string_equal(before[i].file ? before[i].file : "",
					    after[i].file ? after[i].file : "");
			assert_int_equal(before[i].line, after[i].line);
		}
		nr_inlined += nr > 1;
	}
	assert_true(nr_inlined > 1000);
	dwarf_close(d);
	assert_int_equal(rename(common, away), 0);
	/* Linked to by a path that is a pipe now: nobody waits. */
	assert_int_equal(mkfifo(common, 0600), 0);
	alarm(20);
	d = open_program(PROGRAMS "/dwz", 0);
	for (uint64_t at = start; at < start + size; at++)
		assert_int_equal(dwarf_resolve(d, at, after, MAX),
				 dwarf_resolve(whole, at, before, MAX));
	alarm(0);
	assert_int_equal(rename(away, common), 0);
	dwarf_close(d);
	dwarf_close(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inlined),
		cmocka_unit_test(test_addr2line),
		cmocka_unit_test(test_assembler),
		cmocka_unit_test(test_no_debug_information),
		cmocka_unit_test(test_few_places),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_truncated_meanwhile),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_split_missing),
		cmocka_unit_test(test_dwz),
	};

	elf_version(EV_CURRENT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
