// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Call-frame information with some bytes changed, or made up as a whole, round after round, from a
 * fixed seed: no crash, no hang, no unbounded memory, and what is compiled is valid.
 * fuzz_eh_frame FILE ROUNDS [SEED]; a round that failed is seen again with ROUNDS 1 and the seed
 * that it printed.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "unwind/compile.h"

enum { MAX_TARGETS = 8, MAX_ROUND_MS = 2000, NR_LOOKUPS = 200, MADE_UP = 16384 };

/* A piece of the file to be changed. */
struct target {
	size_t start, size;
};

struct fuzz {
	struct strbuf file, changed;
	struct target targets[MAX_TARGETS]; /* the first one is .eh_frame */
	size_t nr_targets, section;	    /* .eh_frame's header */
	uint64_t text_address, text_size;
	uint64_t random;
	uint64_t compiled, tables, rows;
};

static uint64_t random_below(struct fuzz *f, uint64_t limit)
{
	uint64_t z = f->random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % limit;
}

static void add_target(struct fuzz *f, uint64_t start, uint64_t size)
{
	if (size && start < f->file.len && size <= f->file.len - start)
		f->targets[f->nr_targets++] = (struct target){ start, size };
}

/* The file is one of ours: its headers are right. */
static int find_targets(struct fuzz *f)
{
	const Elf64_Ehdr *h = (const void *)f->file.buf;
	const Elf64_Shdr *s = (const void *)(f->file.buf + h->e_shoff);
	const Elf64_Phdr *p = (const void *)(f->file.buf + h->e_phoff);
	const char *names = f->file.buf + s[h->e_shstrndx].sh_offset;

	for (int i = 0; i < h->e_shnum; i++)
		if (!strcmp(names + s[i].sh_name, ".eh_frame")) {
			add_target(f, s[i].sh_offset, s[i].sh_size);
			f->section = (size_t)((const char *)&s[i] - f->file.buf);
		}
	for (int i = 0; i < h->e_phnum; i++) {
		if (p[i].p_type == PT_GNU_EH_FRAME)
			add_target(f, p[i].p_offset, 12);
		if (p[i].p_type == PT_LOAD && p[i].p_flags & PF_X) {
			f->text_address = p[i].p_vaddr;
			f->text_size = p[i].p_filesz;
		}
	}
	add_target(f, 0, sizeof(*h));
	add_target(f, h->e_phoff, h->e_phnum * sizeof(*p));
	add_target(f, h->e_shoff, h->e_shnum * sizeof(*s));
	return f->nr_targets > 3 && f->text_size ? 0 : -1;
}

static void change(struct fuzz *f)
{
	static const unsigned char edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x0f, 0x10, 0x1b };
	uint64_t nr = 1 + random_below(f, 12);

	while (nr--) {
		/* Three of four in .eh_frame. */
		size_t which = random_below(f, 4) ? 0 : random_below(f, f->nr_targets);
		const struct target *t = &f->targets[which];
		char *p = f->changed.buf + t->start + random_below(f, t->size);
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

static void put(struct strbuf *s, uint64_t value, size_t size)
{
	strbuf_add(s, &value, size);
}

/* Instructions, most of which are some. */
static void make_program(struct fuzz *f, struct strbuf *s)
{
	static const uint8_t likely[] = { 0x41, 0x44, 0x0e, 0x0c, 0x86, 0x90, 0x0a, 0x0b,
					  0x02, 0x03, 0x04, 0x0f, 0x10, 0x16, 0x9d, 0x9e,
					  0x2d, 0x12, 0x13, 0x14, 0x07, 0x08, 0x09, 0xc6,
					  0x01, 0x2e, 0x0d, 0x70, 0x77, 0x06 };
	uint64_t nr = random_below(f, 60);

	while (nr--) {
		if (random_below(f, 3))
			put(s, likely[random_below(f, sizeof(likely))], 1);
		put(s, random_below(f, random_below(f, 4) ? 32 : 256), 1);
	}
}

static void make_record(struct fuzz *f, struct strbuf *s, uint64_t address, size_t *cie)
{
	static const char *const letters[] = {
		"zR", "zPLR", "zRS", "zRB", "", "eh", "zRX", "zRGBSL"
	};
	size_t begin = s->len;
	uint32_t length;

	put(s, 0, 4);
	if (*cie == SIZE_MAX || !random_below(f, 8)) {
		const char *which = letters[random_below(f, 4) ? 0 : random_below(f, 8)];

		*cie = begin;
		put(s, 0, 4);
		put(s, random_below(f, 10) ? 1 : random_below(f, 6), 1);
		strbuf_add(s, which, strlen(which) + 1);
		put(s, 1 + random_below(f, 4), 1);
		put(s, random_below(f, 4) ? 0x78 : random_below(f, 256), 1);
		put(s, random_below(f, 20) ? 16 : 30, 1);
		put(s, 1, 1);
		put(s, random_below(f, 4) ? 0x1b : random_below(f, 256), 1);
	} else {
		put(s, s->len - *cie, 4);
		put(s, f->text_address + random_below(f, f->text_size) - address - s->len, 4);
		put(s, random_below(f, random_below(f, 8) ? 256 : f->text_size * 2), 4);
		put(s, 0, 1);
	}
	make_program(f, s);
	length = (uint32_t)(s->len - begin - 4);
	if (!random_below(f, 100))
		length = (uint32_t)random_below(f, 3) - 1;
	memcpy(s->buf + begin, &length, 4);
}

/* At the file's end, in place of what the section has. */
static void make_up(struct fuzz *f)
{
	Elf64_Shdr *section = (void *)(f->changed.buf + f->section);
	struct strbuf s = { 0 };
	size_t cie = SIZE_MAX, size = 64 + random_below(f, MADE_UP - 64);

	section->sh_offset = f->file.len;
	section->sh_addr = f->text_address + 0x100000;
	section->sh_size = size;
	while (s.len < size)
		make_record(f, &s, section->sh_addr, &cie);
	memcpy(f->changed.buf + f->file.len, s.buf, size);
	strbuf_done(&s);
}

static int attempt(struct fuzz *f)
{
	struct unwind_table *t = NULL;
	size_t max_bytes = random_below(f, 4) ? 0 : random_below(f, 8 * f->file.len);
	int r = unwind_compile_memory(f->changed.buf, f->changed.len, max_bytes, &t);

	if (r) {
		if (r != -ENOEXEC && r != -EFBIG && r != -EIO)
			return -1;
		return t ? -1 : 0;
	}
	f->compiled++;
	f->tables += t->kind == UNWIND_TABLE;
	f->rows += t->nr_rows;
	/* A block of 12 bytes a page, and of the rest not more than the file holds. */
	if (!unwind_table_is_valid(t) ||
	    unwind_table_memory(t) > 8 * f->file.len + 4 * (size_t)t->nr_pages) {
		fprintf(stderr, "%zu bytes, %u rows\n", unwind_table_memory(t), t->nr_rows);
		return -1;
	}
	for (int i = 0; i < NR_LOOKUPS; i++) {
		struct cfi_rule rule = { 0 };
		uint64_t at = f->text_address + random_below(f, f->text_size + 64), ignored;
		uint32_t code = unwind_table_rule(t, at, &rule);

		if (code >= CFI_FULL && !rule.cfa && !rule.how && !rule.cfa_offset)
			return -1;
		unwind_table_address(t, at, &ignored);
	}
	unwind_table_free(t);
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void prepare(struct fuzz *f)
{
	Elf64_Ehdr *h = (void *)f->changed.buf;

	memcpy(f->changed.buf, f->file.buf, f->file.len);
	if (random_below(f, 2))
		make_up(f);
	else if (!random_below(f, 4))
		h->e_shoff = 0;
	if (random_below(f, 2))
		change(f);
	if (!random_below(f, 4))
		h->e_machine = EM_AARCH64;
}

int main(int argc, char **argv)
{
	uint64_t rounds = argc > 2 ? strtoull(argv[2], NULL, 10) : 0, longest = 0;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	struct fuzz f = { 0 };

	if (!rounds || file_read(argv[1], 64 << 20, &f.file) <= 0 || find_targets(&f)) {
		fprintf(stderr, "fuzz_eh_frame FILE ROUNDS [SEED]\n");
		return 2;
	}
	strbuf_reserve(&f.changed, f.file.len + MADE_UP);
	f.changed.len = f.file.len + MADE_UP;
	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t from = now_ms(), took;

		/* So that a crash says which round it was. */
		if (getenv("FUZZ_VERBOSE"))
			fprintf(stderr, "seed %" PRIu64 "\n", seed + i);
		f.random = (seed + i) * 0x2545f4914f6cdd1du;
		prepare(&f);
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
	printf("%" PRIu64 " rounds, %" PRIu64 " compiled, %" PRIu64 " tables of %" PRIu64
	       " rows, the longest took %" PRIu64 " ms\n",
	       rounds, f.compiled, f.tables, f.rows, longest);
	strbuf_done(&f.file);
	strbuf_done(&f.changed);
	/* A harness that reaches nothing proves nothing. */
	return f.tables > rounds / 4 && f.rows > rounds ? 0 : 1;
}
