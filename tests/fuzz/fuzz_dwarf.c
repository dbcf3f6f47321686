// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Debug information with some bytes changed, round after round, from a fixed seed: no crash, no
 * hang, no unbounded memory. fuzz_dwarf FILE ROUNDS [SEED]; a round that failed is seen again
 * with ROUNDS 1 and the seed that it printed.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "symbolize/dwarf.h"
#include "symbolize/dwarf_image.h"

enum { NR_LOOKUPS = 300, MAX_SYMBOLS = 64, MAX_TARGETS = 32, MAX_ROUND_MS = 5000 };

/* A piece of the file to be changed. */
struct target {
	size_t start, size;
};

struct fuzz {
	struct strbuf file, changed;
	struct target targets[MAX_TARGETS];
	size_t nr_targets;
	uint64_t code_start, code_size;
	uint64_t random;
	size_t opened, resolved;
};

static uint64_t random_below(struct fuzz *f, uint64_t limit)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % limit;
}

/* The sections of debug information, and the section headers. */
static int find_targets(struct fuzz *f)
{
	static const char *const names[] = {
		".debug_info",	      ".debug_abbrev", ".debug_line",	   ".debug_str",
		".debug_line_str",    ".debug_ranges", ".debug_addr",	   ".debug_rnglists",
		".debug_str_offsets", ".debug_types",  ".gnu_debugaltlink"
	};
	Elf *elf = elf_memory(f->file.buf, f->file.len);
	struct span text;

	if (!elf)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct span s = dwarf_image_section(elf, names[i]);

		if (s.start < s.end)
			f->targets[f->nr_targets++] = (struct target){
				(size_t)((char *)s.start - f->file.buf), (size_t)(s.end - s.start)
			};
	}
	text = dwarf_image_section(elf, ".text");
	/* Of a shared object or PIE that GNU ld or lld made: addresses of code are offsets. */
	f->code_start = (uint64_t)((char *)text.start - f->file.buf);
	f->code_size = (uint64_t)(text.end - text.start);
	f->targets[f->nr_targets++] = (struct target){ f->file.len - 64 * 40, 64 * 40 };
	elf_end(elf);
	return f->code_size ? 0 : -1;
}

static void change(struct fuzz *f)
{
	static const unsigned char edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x10, 0x24 };
	uint64_t nr = 1 + random_below(f, 12);

	memcpy(f->changed.buf, f->file.buf, f->file.len);
	while (nr--) {
		/* Half of all in the first two: what is wrong there shows most. */
		size_t which = random_below(f, 2) ? random_below(f, 2)
						  : random_below(f, f->nr_targets);
		const struct target *t = &f->targets[which < f->nr_targets ? which : 0];
		/* Headers stand first. */
		uint64_t limit = random_below(f, 4) || t->size < 64 ? t->size : 64;
		char *p = f->changed.buf + t->start + random_below(f, limit);
		size_t room = (size_t)(f->changed.buf + t->start + t->size - p);
		size_t size = 1 + random_below(f, 16);

		if (size > room)
			size = room;
		switch (random_below(f, 4)) {
		case 0:
			*p ^= (char)(1 << random_below(f, 8));
			break;
		case 1:
			*p = (char)edges[random_below(f, sizeof(edges))];
			break;
		case 2:
			memset(p, edges[random_below(f, sizeof(edges))], size);
			break;
		case 3: /* what is right elsewhere */
			memmove(p, f->changed.buf + t->start + random_below(f, t->size - size + 1),
				size);
			break;
		}
	}
}

static int attempt(struct fuzz *f)
{
	_cleanup_close_ int fd = memfd_create("changed", MFD_CLOEXEC);
	struct symbol symbols[MAX_SYMBOLS];
	struct dwarf *d;
	size_t read = 0;

	if (fd < 0 || write(fd, f->changed.buf, f->changed.len) != (ssize_t)f->changed.len)
		return -1;
	if (dwarf_open(&d, fd, random_below(f, 4) ? 0 : random_below(f, f->file.len)))
		return 0;
	f->opened++;
	for (int i = 0; i < NR_LOOKUPS; i++) {
		uint64_t at = f->code_start + random_below(f, f->code_size);
		size_t nr = dwarf_resolve(d, at, symbols, 1 + random_below(f, MAX_SYMBOLS));

		f->resolved += nr > 0;
		/* Every byte of what is returned can be read. */
		for (size_t k = 0; k < nr; k++) {
			read += symbols[k].name ? strlen(symbols[k].name) : 0;
			read += symbols[k].file ? strlen(symbols[k].file) : 0;
		}
	}
	if (read > (size_t)NR_LOOKUPS * MAX_SYMBOLS * f->file.len)
		return -1;
	if (dwarf_memory(d) > 64 * f->file.len) {
		fprintf(stderr, "%zu bytes are kept\n", dwarf_memory(d));
		return -1;
	}
	dwarf_close(d);
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
	uint64_t rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, longest = 0;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	struct fuzz f = { 0 };

	elf_version(EV_CURRENT);
	if (!rounds || file_read(argv[1], 64 << 20, &f.file) <= 0 || find_targets(&f)) {
		fprintf(stderr, "fuzz_dwarf FILE ROUNDS [SEED]\n");
		return 2;
	}
	strbuf_add(&f.changed, f.file.buf, f.file.len);
	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t from = now_ms(), took;

		/* So that a crash says which round it was. */
		if (getenv("FUZZ_VERBOSE"))
			fprintf(stderr, "seed %" PRIu64 "\n", seed + i);
		f.random = seed + i;
		change(&f);
		if (attempt(&f)) {
			fprintf(stderr, "seed %" PRIu64 " failed\n", seed + i);
			return 1;
		}
		took = now_ms() - from;
		if (took > longest)
			longest = took;
		if (took > MAX_ROUND_MS) {
			fprintf(stderr, "seed %" PRIu64 " took %" PRIu64 " ms\n", seed + i, took);
			return 1;
		}
	}
	printf("%" PRIu64 " rounds, %zu opened, %zu addresses resolved, the longest took %" PRIu64
	       " ms\n",
	       rounds, f.opened, f.resolved, longest);
	strbuf_done(&f.file);
	strbuf_done(&f.changed);
	/* A harness that reaches nothing proves nothing. */
	return f.opened > rounds / 4 && f.resolved > rounds ? 0 : 1;
}
