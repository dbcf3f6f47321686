// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the script beside this file runs: compiles tables of files, and walks the same files' call
 * frames by libdw. A line a file: name, rows, bytes, best milliseconds of CPU time, FDEs, bad ones.
 */
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "unwind/compile.h"

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compile(const char *path, int rounds)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	double best = 1e9;
	int r = 0;

	for (int i = 0; i < rounds; i++) {
		double from = now_ms();
		_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

		unwind_table_free(t);
		t = NULL;
		if (fd < 0)
			return 0;
		r = unwind_compile(fd, 0, &t);
		if (r == -ENOEXEC)
			return 0;
		if (r) {
			fprintf(stderr, "%s: %s\n", path, strerror(-r));
			return r;
		}
		if (now_ms() - from < best)
			best = now_ms() - from;
	}
	if (t && t->kind == UNWIND_TABLE)
		printf("%s %u %zu %.3f %u %u %u\n", path, t->nr_rows, unwind_table_memory(t), best,
		       t->nr_fdes, t->nr_full, t->nr_bad);
	return 0;
}

/* The addresses at which a row begins that says something. */
static uint64_t *row_addresses(const struct unwind_table *t, size_t *ret_nr)
{
	uint64_t *at = calloc((size_t)t->nr_words + 1, sizeof(*at));
	size_t nr = 0;

	for (uint32_t p = 0; at && p < t->nr_pages; p++) {
		const struct unwind_block *b = &t->blocks[t->pages[p]];
		uint32_t row = b->index + CFI_INDEX_WORDS(b->shift);

		for (; row < b->begin + b->size; row++)
			if ((t->words[row] & 0xffff) != CFI_GAP && nr < t->nr_words)
				at[nr++] = (t->first_page + p) << CFI_PAGE_SHIFT |
					   t->words[row] >> 16;
	}
	*ret_nr = nr;
	return at;
}

/* The frame at every row: what a user of libdw has to do for the same knowledge. */
static int walk(const char *path)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ uint64_t *at = NULL;
	uint64_t frames = 0;
	Dwarf_CFI *cfi;
	double from;
	size_t nr;
	Elf *elf;

	if (fd < 0 || unwind_compile(fd, 0, &t))
		return 1;
	at = row_addresses(t, &nr);
	from = now_ms();
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	cfi = elf ? dwarf_getcfi_elf(elf) : NULL;
	for (size_t i = 0; at && cfi && i < nr; i++) {
		Dwarf_Frame *frame = NULL;

		frames += !dwarf_cfi_addrframe(cfi, at[i], &frame);
		free(frame);
	}
	printf("%s %" PRIu64 " 0 %.3f\n", path, frames, now_ms() - from);
	if (cfi)
		dwarf_cfi_end(cfi);
	elf_end(elf);
	return 0;
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 0, r = 0;

	elf_version(EV_CURRENT);
	if (argc < 3 || (!rounds && strcmp(argv[1], "libdw") != 0)) {
		fprintf(stderr, "bench_tables compile ROUNDS FILE... | libdw 1 FILE...\n");
		return 2;
	}
	for (int i = 3; i < argc; i++)
		r |= strcmp(argv[1], "libdw") ? compile(argv[i], rounds) : walk(argv[i]);
	return r ? 1 : 0;
}
