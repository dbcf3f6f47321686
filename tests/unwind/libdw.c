// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Our tables against libdw: at random addresses of the code of all ELF files below some folders,
 * CFA, return address and frame pointer must be the same.
 *
 *	libdw_tables NR SEED FOLDER...
 */
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "frame.h"
#include "unwind/compile.h"

enum { MAX_SHOWN = 20 };

static struct {
	char **paths;
	size_t nr, capacity;
} files;

struct counts {
	uint64_t files, bad_files, addresses, equal, gaps, full, special;
	uint64_t different;
	uint64_t libdw_unsaid; /* what libdw can't say, or this test not evaluate */
	uint64_t ours_unsaid;  /* and we not */
};

static int add_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode) || st->st_size < 64)
		return 0;
	if (array_reserve(files.paths, files.capacity, files.nr + 1))
		return -1;
	files.paths[files.nr] = strdup(path);
	return files.paths[files.nr++] ? 0 : -1;
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static bool is_same(const struct caller *a, const struct caller *b)
{
	if (a->is_root || b->is_root)
		return a->is_root == b->is_root;
	return a->cfa == b->cfa && a->ra == b->ra && a->has_fp == b->has_fp &&
	       (!a->has_fp || a->fp == b->fp);
}

static void judge(struct counts *n, const char *path, const struct frame *f,
		  const struct unwind_table *t, Dwarf_CFI *cfi)
{
	struct cfi_rule full = { 0 };
	uint32_t rule = unwind_table_rule(t, f->pc, &full);
	struct caller ours, theirs;
	enum verdict our = caller_by_rule(f, rule, &full, &ours);
	enum verdict their = caller_by_libdw(f, cfi, &theirs);

	n->addresses++;
	n->full += rule >= CFI_FULL;
	n->special += rule > CFI_GAP && rule < CFI_FULL;
	if (their == UNSAID && our == UNSAID)
		n->libdw_unsaid++;
	else if (our == UNSAID && their == KNOWN)
		n->ours_unsaid++;
	else if (our == GAP && their == GAP)
		n->gaps++;
	else if (our == KNOWN && their == KNOWN && is_same(&ours, &theirs))
		n->equal++;
	else if (n->different++ < MAX_SHOWN)
		printf("%s: %#" PRIx64 ": rule %#x (%d, libdw %d)%s%s%s\n", path, f->pc, rule, our,
		       their, ours.cfa != theirs.cfa ? " CFA" : "",
		       ours.ra != theirs.ra ? " RA" : "", ours.fp != theirs.fp ? " FP" : "");
}

static void compare_file(struct counts *n, const char *path, uint64_t nr, uint64_t *seed)
{
	_cleanup_(unwind_table_freep) struct unwind_table *t = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct frame f;
	uint64_t size = 0;
	Dwarf_CFI *cfi;
	Elf *elf;

	int r = fd < 0 ? -ENOEXEC : unwind_compile(fd, 0, &t);

	if (r == -ENOEXEC || (!r && t->kind != UNWIND_TABLE))
		return;
	if (r || t->nr_bad || !unwind_table_is_valid(t)) {
		printf("%s: %s, %u bad FDEs\n", path, r ? strerror(-r) : "compiled",
		       r ? 0 : t->nr_bad);
		n->bad_files++;
		return;
	}
	/* Without FDEs there are but signal trampolines, which libdw knows nothing of. */
	if (!t->nr_fdes)
		return;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	cfi = elf ? dwarf_getcfi_elf(elf) : NULL;
	for (uint32_t i = 0; i < t->nr_segments; i++)
		size += t->segments[i].size;
	for (uint64_t i = 0; cfi && i < nr; i++) {
		uint64_t at = random_next(seed) % size;
		const struct unwind_segment *s = t->segments;

		for (; at >= s->size; s++)
			at -= s->size;
		frame_init(&f, t->machine, s->address + at, random_next(seed));
		judge(n, path, &f, t, cfi);
	}
	n->files++;
	if (!cfi) {
		printf("%s: libdw finds no frames: %s\n", path, dwarf_errmsg(-1));
		n->bad_files++;
	}
	if (cfi)
		dwarf_cfi_end(cfi);
	elf_end(elf);
}

/* Those that have a table. */
static size_t count_tables(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < files.nr; i++) {
		char magic[4] = "";
		FILE *f = fopen(files.paths[i], "re");
		bool is_elf = f && fread(magic, 4, 1, f) == 1 && !memcmp(magic, ELFMAG, SELFMAG);

		if (f)
			fclose(f);
		if (is_elf)
			files.paths[kept++] = files.paths[i];
		else
			free(files.paths[i]);
	}
	files.nr = kept;
	return kept;
}

int main(int argc, char **argv)
{
	uint64_t nr = argc > 3 ? strtoull(argv[1], NULL, 10) : 0, seed, share;
	struct counts n = { 0 };

	elf_version(EV_CURRENT);
	for (int i = 3; i < argc; i++)
		if (nftw(argv[i], add_file, 32, FTW_PHYS))
			fprintf(stderr, "%s can't be read\n", argv[i]);
	if (!nr || !count_tables()) {
		fprintf(stderr, "libdw_tables NR SEED FOLDER...\n");
		return 2;
	}
	qsort(files.paths, files.nr, sizeof(*files.paths), compare_paths);
	seed = strtoull(argv[2], NULL, 10);
	share = nr / files.nr + 1;
	for (size_t i = 0; i < files.nr; i++) {
		/* What one file had not goes to the others. */
		uint64_t left = nr > n.addresses ? nr - n.addresses : 0;

		share = left / (files.nr - i) + 1;
		compare_file(&n, files.paths[i], share, &seed);
		free(files.paths[i]);
	}
	free(files.paths);
	printf("%" PRIu64 " addresses of %" PRIu64 " files: %" PRIu64 " the same, %" PRIu64
	       " in gaps, %" PRIu64 " different\n",
	       n.addresses, n.files, n.equal, n.gaps, n.different);
	printf("%" PRIu64 " by full rules, %" PRIu64 " by special ones; unsaid: %" PRIu64
	       " by both, %" PRIu64 " by us alone\n",
	       n.full, n.special, n.libdw_unsaid, n.ours_unsaid);
	printf("%" PRIu64 " files could not be compared\n", n.bad_files);
	/* A test that reaches nothing proves nothing. Where constants stand beside code, much is
	 * no code. */
	return !n.different && n.bad_files <= n.files / 100 && n.equal > nr / 3 &&
			       n.ours_unsaid * 10000 < nr
		       ? 0
		       : 1;
}
