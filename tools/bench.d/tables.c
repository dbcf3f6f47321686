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

/* Of each FDE the frame at its every row: what a user of libdw has to do for the same knowledge. */
static int walk(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	double from = now_ms();
	Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
	Dwarf_CFI *cfi = elf ? dwarf_getcfi_elf(elf) : NULL;
	uint64_t rows = 0, fdes = 0;
	size_t nr;

	for (size_t i = 0; cfi && !elf_getphdrnum(elf, &nr) && i < nr; i++) {
		GElf_Phdr h;
		uint64_t at;

		if (!gelf_getphdr(elf, (int)i, &h) || h.p_type != PT_LOAD || !(h.p_flags & PF_X))
			continue;
		for (at = h.p_vaddr; at < h.p_vaddr + h.p_filesz;) {
			Dwarf_Frame *frame;
			Dwarf_Addr start, end;

			if (dwarf_cfi_addrframe(cfi, at, &frame)) {
				at++;
				continue;
			}
			dwarf_frame_info(frame, &start, &end, NULL);
			rows++;
			fdes += start == at;
			at = end > at ? end : at + 1;
			free(frame);
		}
	}
	printf("%s %" PRIu64 " 0 %.3f\n", path, rows, now_ms() - from);
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
