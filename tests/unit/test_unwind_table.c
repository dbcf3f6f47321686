// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "eh_fixture.h"

#include <stdio.h>

#define ROW(offset) (((offset) / 8) << CFI_OFFSET_SHIFT)
#define WIDE	    B(0x0e, 16)

static const uint8_t sigreturn[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };

static Elf64_Phdr *headers(struct eh_fixture *f)
{
	return (Elf64_Phdr *)(void *)(f->file.buf + sizeof(Elf64_Ehdr));
}

static void compile_again(struct eh_fixture *f)
{
	assert_int_equal(eh_try(f, 0), 0);
	assert_true(unwind_table_is_valid(f->table));
}

static void test_segments(void **state)
{
	struct eh_fixture f;
	uint64_t at;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	eh_fde(&f, 0, 16, WIDE);
	eh_compile(&f);
	assert_int_equal(f.table->nr_segments, 1);
	assert_true(unwind_table_address(f.table, EH_TEXT_OFFSET, &at));
	assert_int_equal(at, EH_TEXT);
	assert_true(unwind_table_address(f.table, EH_TEXT_OFFSET + 0x1234, &at));
	assert_int_equal(at, EH_TEXT + 0x1234);
	assert_false(unwind_table_address(f.table, EH_TEXT_OFFSET - 1, &at));
	assert_false(unwind_table_address(f.table, EH_TEXT_OFFSET + EH_TEXT_SIZE, &at));
	/* Not at a page's border, as lld has it: the whole page is mapped. */
	headers(&f)[0].p_offset += 0x234;
	headers(&f)[0].p_vaddr += 0x1234;
	compile_again(&f);
	assert_true(unwind_table_address(f.table, EH_TEXT_OFFSET, &at));
	assert_int_equal(at, EH_TEXT + 0x1000);
	assert_false(unwind_table_address(f.table, EH_TEXT_OFFSET - 1, &at));
	eh_done(&f);
}

/* Two, not in order; one more that lies over the first; one that is not in the file. */
static void test_many_segments(void **state)
{
	struct eh_fixture f;
	Elf64_Phdr *p;
	uint64_t at;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	eh_fde(&f, 0x100, 0x80, WIDE);
	eh_fde(&f, 0x1f00, 0x1000, WIDE); /* cut where its segment ends */
	eh_fde(&f, 0x12100, 0x80, B(0x0e, 24));
	eh_compile(&f);
	p = headers(&f);
	((Elf64_Ehdr *)(void *)f.file.buf)->e_phnum = 7;
	p[3] = p[0];
	p[3].p_filesz = 0x2000;
	p[0].p_offset += 0x10000;
	p[0].p_vaddr += 0x12000;
	p[0].p_filesz = 0x2000;
	p[4] = p[3];
	p[4].p_vaddr += 0x1000;
	p[5] = p[3];
	p[5].p_vaddr += 0x100000;
	p[5].p_offset = UINT64_MAX - 0x800;
	p[6] = p[3];
	p[6].p_vaddr = UINT64_MAX - 0x800;
	compile_again(&f);
	assert_int_equal(f.table->nr_segments, 2);
	assert_int_equal(f.table->segments[0].address, EH_TEXT);
	assert_int_equal(f.table->segments[1].address, EH_TEXT + 0x12000);
	assert_int_equal(eh_rule(&f, 0x100), ROW(16));
	assert_int_equal(eh_rule(&f, 0x1fff), ROW(16));
	assert_int_equal(eh_rule(&f, 0x2000), CFI_GAP);
	assert_int_equal(eh_rule(&f, 0x12100), ROW(24));
	assert_true(unwind_table_address(f.table, EH_TEXT_OFFSET + 0x10010, &at));
	assert_int_equal(at, EH_TEXT + 0x12010);
	eh_done(&f);
}

/* Addresses that need more than 32 bits, and pages without rows between those with. */
static void test_far(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	f.text_address = UINT64_C(0x7f0123450000);
	f.frame_address = f.text_address + EH_FRAME_OFFSET - EH_TEXT_OFFSET;
	eh_cie(&f);
	eh_fde(&f, 0x40, 16, WIDE);
	eh_fde(&f, 0x20040, 16, WIDE);
	eh_compile(&f);
	assert_int_equal(f.table->first_page, 0x7f012345);
	assert_int_equal(f.table->nr_pages, 3);
	assert_int_equal(f.table->pages[1], 0);
	assert_int_equal(f.table->nr_blocks, 3);
	assert_int_equal(eh_rule(&f, 0x40), ROW(16));
	assert_int_equal(eh_rule(&f, 0x10040), CFI_GAP);
	assert_int_equal(eh_rule(&f, 0x20040), ROW(16));
	assert_int_equal(eh_rule(&f, 0x30040), CFI_GAP);
	assert_int_equal(unwind_table_rule(f.table, 0, NULL), CFI_GAP);
	assert_int_equal(unwind_table_rule(f.table, UINT64_MAX, NULL), CFI_GAP);
	eh_done(&f);
}

/* One function over pages: the rule in force is repeated, and pages that are the same shared. */
static void test_over_pages(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	eh_fde(&f, 0x100, 0x2ff00, B(0x0e, 16, 0x04, 0xff, 0xfe, 2, 0, 0x0e, 24));
	eh_compile(&f);
	assert_int_equal(eh_rule(&f, 0xff), CFI_GAP);
	for (uint64_t at = 0x100; at < 0x2ffff; at += 0xff)
		assert_int_equal(eh_rule(&f, at), ROW(16));
	assert_int_equal(eh_rule(&f, 0x2fffe), ROW(16));
	assert_int_equal(eh_rule(&f, 0x2ffff), ROW(24));
	assert_int_equal(eh_rule(&f, 0x30000), CFI_GAP);
	/* It ends with its page: no other one for the gap behind. */
	assert_int_equal(f.table->nr_pages, 3);
	assert_int_equal(f.table->nr_rows, 3);
	eh_done(&f);
}

/* Every address looked up, with all sizes of buckets. */
static void test_buckets(void **state)
{
	(void)state;
	for (uint32_t step = 16; step <= 0x8000; step *= 2) {
		struct eh_fixture f;
		uint32_t nr = 0x10000 / step;

		eh_init(&f);
		eh_cie(&f);
		for (uint32_t i = 0; i < nr; i++)
			eh_fde(&f, (int64_t)i * step + 3, step,
			       B(0x0e, (uint8_t)(8 + 8 * (i % 10))));
		eh_compile(&f);
		assert_int_equal(f.table->nr_rows, nr + 1);
		for (uint64_t at = 3; at < 3 + (uint64_t)nr * step; at++)
			if (eh_rule(&f, at) != ROW(8 + 8 * ((at - 3) / step % 10)))
				fail_msg("step %u, address %#x", step, (unsigned)at);
		assert_int_equal(eh_rule(&f, 2), CFI_GAP);
		eh_done(&f);
	}
}

static void test_trampoline(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	strbuf_reserve(&f.text, EH_TEXT_SIZE);
	for (int i = 0; i < EH_TEXT_SIZE; i++)
		strbuf_addch(&f.text, (char)0x90);
	memcpy(f.text.buf + 0x81, sigreturn, sizeof(sigreturn));     /* in a gap */
	memcpy(f.text.buf + 0x81 + 9, sigreturn, sizeof(sigreturn)); /* right behind */
	memcpy(f.text.buf + 0x208, sigreturn, sizeof(sigreturn));    /* in a function */
	memcpy(f.text.buf + 0x2fc, sigreturn, sizeof(sigreturn));    /* half in one */
	memcpy(f.text.buf + 0x400, sigreturn, sizeof(sigreturn));    /* fills its gap */
	memcpy(f.text.buf + 0x10ffc, sigreturn, sizeof(sigreturn));  /* where the window ends */
	memcpy(f.text.buf + EH_TEXT_SIZE - 9, sigreturn, sizeof(sigreturn));
	eh_cie(&f);
	eh_fde(&f, 0x00, 0x80, WIDE);
	eh_fde(&f, 0x200, 0x100, WIDE);
	eh_fde(&f, 0x380, 0x80, WIDE);
	eh_fde(&f, 0x409, 0x80, WIDE);
	eh_compile(&f);
	/* What a handler returns to is looked up less 1; a system call returns behind the last. */
	for (uint64_t at = 0x80; at <= 0x81 + 18; at++)
		assert_int_equal(eh_rule(&f, at), CFI_SIGNAL);
	assert_int_equal(eh_rule(&f, 0x81 + 19), CFI_GAP);
	assert_int_equal(eh_rule(&f, 0x208), ROW(16));
	assert_int_equal(eh_rule(&f, 0x300), CFI_GAP);
	assert_int_equal(eh_rule(&f, 0x3ff), ROW(16));
	assert_int_equal(eh_rule(&f, 0x400), CFI_SIGNAL);
	assert_int_equal(eh_rule(&f, 0x409), ROW(16));
	assert_int_equal(eh_rule(&f, 0x10ffc), CFI_SIGNAL);
	assert_int_equal(eh_rule(&f, 0x11005), CFI_SIGNAL);
	assert_int_equal(eh_rule(&f, 0x11006), CFI_GAP);
	assert_int_equal(eh_rule(&f, EH_TEXT_SIZE - 1), CFI_SIGNAL);
	assert_int_equal(eh_rule(&f, EH_TEXT_SIZE), CFI_GAP);
	/* Of a library without any CFI it is all that is known. */
	strbuf_reset(&f.frame);
	eh_compile(&f);
	assert_int_equal(f.table->kind, UNWIND_TABLE);
	assert_int_equal(eh_rule(&f, 0x208), CFI_SIGNAL);
	assert_int_equal(eh_rule(&f, 0x220), CFI_GAP);
	eh_done(&f);
}

/* What looks like a trampoline among the constants of an executable segment. */
static void test_constants(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	strbuf_reserve(&f.text, EH_TEXT_SIZE);
	for (int i = 0; i < EH_TEXT_SIZE; i++)
		strbuf_addch(&f.text, (char)0x90);
	memcpy(f.text.buf + 0x1000, sigreturn, sizeof(sigreturn));
	memcpy(f.text.buf + 0x2000, sigreturn, sizeof(sigreturn));
	memcpy(f.text.buf + 0x3000 - 9, sigreturn, sizeof(sigreturn));
	memcpy(f.text.buf + 0x3000, sigreturn, sizeof(sigreturn));
	for (int with = 0; with < 2; with++) {
		f.code_begin = with ? 0x2000 : 0;
		f.code_end = with ? 0x3000 : 0;
		eh_compile(&f);
		assert_int_equal(eh_rule(&f, 0x1000), with ? CFI_GAP : CFI_SIGNAL);
		assert_int_equal(eh_rule(&f, 0x2000), CFI_SIGNAL);
		assert_int_equal(eh_rule(&f, 0x3000 - 9), CFI_SIGNAL);
		assert_int_equal(eh_rule(&f, 0x3008), with ? CFI_GAP : CFI_SIGNAL);
	}
	/* Sections that lie: nothing of what they name is here. */
	f.code_begin = EH_TEXT_SIZE;
	f.code_end = EH_TEXT_SIZE + 0x1000;
	eh_compile(&f);
	assert_int_equal(f.table->kind, UNWIND_NOTHING);
	eh_done(&f);
}

static void test_go(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	f.is_go = true;
	eh_compile(&f);
	assert_int_equal(f.table->kind, UNWIND_FRAME_POINTER);
	assert_int_equal(f.table->nr_pages, 0);
	assert_int_equal(f.table->nr_segments, 1);
	/* cgo: the C parts have FDEs, Go's own code is the largest hole between them. */
	eh_cie(&f);
	eh_fde(&f, 0, 0x40, WIDE);
	eh_fde(&f, 0x50, 0x40, WIDE);
	eh_fde(&f, 0x2ff00, 0x40, WIDE);
	eh_compile(&f);
	assert_int_equal(f.table->kind, UNWIND_TABLE);
	assert_int_equal(eh_rule(&f, 0x10), ROW(16));
	assert_int_equal(eh_rule(&f, 0x48), CFI_GAP);
	assert_int_equal(eh_rule(&f, 0x90), CFI_KEPT_FP);
	assert_int_equal(eh_rule(&f, 0x2feff), CFI_KEPT_FP);
	assert_int_equal(eh_rule(&f, 0x2ff00), ROW(16));
	assert_int_equal(eh_rule(&f, 0x2ff40), CFI_GAP);
	eh_done(&f);
	/* By its note, where sections are gone. */
	eh_init(&f);
	f.without_sections = true;
	eh_write(&f);
	headers(&f)[2] =
		(Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = EH_TEXT_OFFSET, .p_filesz = 36 };
	eh_put(&f, EH_TEXT_OFFSET,
	       "\4\0\0\0\4\0\0\0\1\0\0\0GNU\0\1\2\3\4\4\0\0\0\0\0\0\0\4\0\0\0Go\0\0", 36);
	compile_again(&f);
	assert_int_equal(f.table->kind, UNWIND_FRAME_POINTER);
	eh_done(&f);
}

static void test_other_files(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = {
		{ 0, 0 },
		{ EI_CLASS, ELFCLASS32 },
		{ EI_DATA, ELFDATA2MSB },
		{ 16, ET_REL },
		{ 16, ET_CORE },
		{ 18, EM_386 },
		{ 18, EM_RISCV },
		{ 54, 32 },
		{ 56, 0 },
		{ 34, 0x7f /* e_phoff */ },
	};
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	eh_fde(&f, 0, 16, WIDE);
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		eh_write(&f);
		f.file.buf[changes[i].at] = (char)changes[i].value;
		assert_int_equal(eh_try(&f, 0), -ENOEXEC);
		assert_null(f.table);
	}
	assert_int_equal(unwind_compile_memory("", 0, 0, &f.table), -ENOEXEC);
	eh_done(&f);
}

/* The kernel's own, which only lies in memory. */
static void test_vdso(void **state)
{
	struct unwind_table *t = NULL;
	char line[256], *vdso = NULL;
	unsigned long begin, end, rows = 0;
	FILE *maps = fopen("/proc/self/maps", "re");

	(void)state;
	while (maps && !vdso && fgets(line, sizeof(line), maps))
		vdso = strstr(line, "[vdso]");
	if (maps)
		fclose(maps);
	if (!vdso || sscanf(line, "%lx-%lx", &begin, &end) != 2) {
		print_message("skipped: no vdso\n");
		skip();
	}
	assert_int_equal(unwind_compile_memory((void *)begin, end - begin, 0, &t), 0);
	assert_int_equal(t->kind, UNWIND_TABLE);
	assert_true(unwind_table_is_valid(t));
	for (uint64_t at = 0; at < end - begin; at++)
		rows += unwind_table_rule(t, t->segments[0].address + at,
					  &(struct cfi_rule){ 0 }) != CFI_GAP;
	assert_true(rows > 100);
	unwind_table_free(t);
}

/* What can be wrong with a table that came from a disk. */
static void test_validity(void **state)
{
	struct eh_fixture f;
	struct unwind_table *t, good;
	uint32_t *rows, nr_rows;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	for (int i = 0; i < 20; i++)
		eh_fde(&f, 0x400 * i, 0x80, B(0x41, 0x0e, 16, 0x41, 0x0c, 10, 0));
	t = eh_compile(&f);
	good = *t;
	rows = t->words + t->blocks[1].index + CFI_INDEX_WORDS(t->blocks[1].shift);
	nr_rows = t->blocks[1].begin + t->blocks[1].size - (uint32_t)(rows - t->words);
	assert_true(nr_rows > 60);
#define WRONG(place, value)                             \
	do {                                            \
		__typeof__(place) was_ = (place);       \
		(place) = (value);                      \
		assert_false(unwind_table_is_valid(t)); \
		(place) = was_;                         \
		assert_true(unwind_table_is_valid(t));  \
	} while (0)
	WRONG(t->kind, UNWIND_NOTHING);
	WRONG(t->kind, 7);
	WRONG(t->machine, EM_386);
	WRONG(t->nr_words, good.nr_words - 1);
	WRONG(t->nr_words, UINT32_MAX);
	WRONG(t->nr_blocks, 1);
	WRONG(t->nr_pages, 0);
	WRONG(t->first_page, UINT64_MAX);
	WRONG(t->pages[0], good.nr_blocks);
	WRONG(t->segments[0].size, 0);
	WRONG(t->segments[0].address, UINT64_MAX - 1);
	WRONG(t->blocks[0].begin, t->blocks[1].begin);
	WRONG(t->blocks[1].begin, UINT32_MAX - 4);
	WRONG(t->blocks[1].begin, t->blocks[1].begin + 1);
	WRONG(t->blocks[1].size, CFI_BLOCK_WORDS + 1);
	WRONG(t->blocks[1].size, t->blocks[1].size - 1);
	WRONG(t->blocks[1].size, 0);
	WRONG(t->blocks[1].index, t->blocks[1].index - 1);
	WRONG(t->blocks[1].index, t->blocks[1].index + CFI_RULE_WORDS);
	WRONG(t->blocks[1].index, UINT32_MAX);
	WRONG(t->blocks[1].shift, t->blocks[1].shift ^ 1);
	WRONG(t->blocks[1].shift, 8);
	WRONG(t->words[t->blocks[1].index], t->words[t->blocks[1].index] + 1);
	WRONG(t->words[t->blocks[1].begin], UINT32_MAX);
	WRONG(rows[0], rows[0] | 1 << 16);
	WRONG(rows[1], rows[2]);
	WRONG(rows[nr_rows - 1], (rows[nr_rows - 1] & ~0xffffu) | (CFI_OTHER_STACK + 1));
	WRONG(rows[nr_rows - 1], (rows[nr_rows - 1] & ~0xffffu) | (CFI_FULL + 2));
	WRONG(rows[nr_rows - 1], rows[nr_rows - 1] & 0xffff);
	eh_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments),    cmocka_unit_test(test_many_segments),
		cmocka_unit_test(test_far),	    cmocka_unit_test(test_over_pages),
		cmocka_unit_test(test_buckets),	    cmocka_unit_test(test_trampoline),
		cmocka_unit_test(test_constants),   cmocka_unit_test(test_go),
		cmocka_unit_test(test_other_files), cmocka_unit_test(test_validity),
		cmocka_unit_test(test_vdso),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
