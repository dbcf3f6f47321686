// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Records that were made to hurt: bounded work and memory, and what is lost is counted. */
#include "eh_fixture.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define ROW(offset) (((offset) / 8) << CFI_OFFSET_SHIFT)
#define WIDE	    B(0x0e, 16)

enum { MAX_MS = 3000 }; /* with sanitizers, on a busy machine */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void test_long_augmentation(void **state)
{
	static char letters[1 << 20];
	struct eh_fixture f;
	uint64_t from = now_ms();

	(void)state;
	memset(letters, 'L', sizeof(letters) - 1);
	letters[0] = 'z';
	eh_init(&f);
	eh_cie_of(&f, 1, letters, sizeof(letters), B(0x1b), B(0x0c, 7, 8));
	for (int i = 0; i < 1000; i++)
		eh_fde(&f, 16 * i, 16, WIDE);
	/* Never ended. */
	f.cie = f.frame.len;
	eh_bytes(&f.frame, B(0, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 'R', 'R'));
	eh_close(&f.frame, f.cie);
	eh_fde(&f, 0x10000, 16, WIDE);
	eh_cie(&f);
	eh_fde(&f, 0x20000, 16, WIDE);
	eh_compile(&f);
	assert_int_equal(f.table->nr_fdes, 1);
	assert_int_equal(f.table->nr_bad, 1001);
	assert_int_equal(eh_rule(&f, 0x20000), ROW(16));
	assert_true(now_ms() - from < MAX_MS);
	eh_done(&f);
}

/* A length that passes the section's end ends the reading; what stands before it counts. */
static void test_lying_lengths(void **state)
{
	static const uint32_t lengths[] = { 1, 3, 0x7fffffff, 0xfffffff0, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct eh_fixture f;

		eh_init(&f);
		eh_cie(&f);
		eh_fde(&f, 0, 16, WIDE);
		eh_number(&f.frame, lengths[i], 4);
		eh_number(&f.frame, UINT64_MAX, 8);
		eh_fde(&f, 16, 16, WIDE);
		eh_compile(&f);
		assert_int_equal(f.table->nr_fdes, 1);
		assert_int_equal(f.table->nr_bad, 1);
		assert_int_equal(eh_rule(&f, 0), ROW(16));
		eh_done(&f);
	}
}

static void test_cut_everywhere(void **state)
{
	struct eh_fixture f;
	size_t whole;

	(void)state;
	eh_init(&f);
	eh_cie_of(&f, 1, "zPLR", 5, B(0x9b, 1, 2, 3, 4, 0x1b, 0x1b), B(0x0c, 7, 8, 0x90, 1));
	eh_fde(&f, 0, 16, B(0x41, 0x0f, 3, 0x77, 8, 6, 0x41, 0x0e, 0x80, 0x80, 1));
	whole = f.frame.len;
	for (size_t size = 0; size < whole; size++) {
		f.frame.len = size;
		eh_compile(&f);
		f.without_sections = !f.without_sections;
	}
	/* Records that say that they are shorter than what is in them. */
	for (uint32_t size = 4; size < f.frame.len; size++) {
		f.frame.len = whole;
		memcpy(f.frame.buf, &size, 4);
		eh_compile(&f);
	}
	/* The file, too. */
	eh_write(&f);
	for (size_t size = 0; size < f.file.len; size += size < 0x200 ? 1 : 61) {
		char *copy = malloc(size + !size);

		memcpy(copy, f.file.buf, size);
		unwind_table_free(f.table);
		f.table = NULL;
		if (!unwind_compile_memory(copy, size, 0, &f.table))
			assert_true(unwind_table_is_valid(f.table));
		free(copy);
	}
	eh_done(&f);
}

static void test_enormous_advances(void **state)
{
	struct eh_fixture f;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	eh_fde(&f, 0, 0x20, B(0x41, 0x0e, 16, 0x04, 0xff, 0xff, 0xff, 0xff, 0x0e, 24));
	eh_fde(&f, 0x20, 0x20,
	       B(0x41, 0x0e, 16, 0x1d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0e, 24));
	/* With a factor that overflows. */
	f.cie = f.frame.len;
	eh_bytes(&f.frame, B(0, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 0xff, 0xff, 0xff, 0xff, 0xff,
			     0xff, 0xff, 0xff, 0xff, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1));
	eh_close(&f.frame, f.cie);
	eh_fde(&f, 0x40, 0x20, B(0x0e, 16, 0x42, 0x0e, 24));
	eh_compile(&f);
	assert_int_equal(eh_rule(&f, 0x1f), ROW(16));
	assert_int_equal(eh_rule(&f, 0x3f), ROW(16));
	assert_int_equal(eh_rule(&f, 0x5f), ROW(16));
	assert_int_equal(eh_rule(&f, 0x60), CFI_GAP);
	eh_done(&f);
}

static void test_remembered(void **state)
{
	struct eh_fixture f;
	uint8_t program[256];

	(void)state;
	for (unsigned depth = 60; depth < 70; depth++) {
		unsigned limit = 64;

		eh_init(&f);
		eh_cie(&f);
		memset(program, 0x0a, sizeof(program));
		program[depth] = 0x41;
		eh_fde(&f, 0, 0x40, program, depth + 1);
		eh_compile(&f);
		assert_int_equal(eh_rule(&f, 0), depth > limit ? CFI_BROKEN : ROW(8));
		assert_int_equal(f.table->nr_bad, depth > limit);
		eh_done(&f);
	}
}

/* A page has room for some 16,000 rows; the others are said to be broken, not forgotten. */
static void test_row_per_byte(void **state)
{
	struct strbuf program = { 0 };
	struct eh_fixture f;
	uint64_t broken = 0;

	(void)state;
	for (int i = 0; i < 0x10000 - 1; i++)
		eh_bytes(&program, B(0x41, 0x0e, (uint8_t)(16 + 8 * (i % 8))));
	eh_init(&f);
	eh_cie(&f);
	eh_fde(&f, 0, 0x10010, (uint8_t *)program.buf, program.len);
	eh_compile(&f);
	assert_int_equal(f.table->blocks[1].size, CFI_BLOCK_WORDS);
	for (uint64_t at = 1; at < 0x10000; at++) {
		uint32_t rule = eh_rule(&f, at);

		if (rule == CFI_BROKEN)
			broken++;
		else
			assert_int_equal(rule, ROW(16 + 8 * ((at - 1) % 8)));
	}
	assert_true(broken > 0x10000 - CFI_BLOCK_WORDS && broken < 0x10000 - CFI_BLOCK_WORDS + 100);
	assert_int_equal(f.table->nr_bad, broken);
	/* The next page knows again what is in force. */
	assert_int_equal(eh_rule(&f, 0x10008), ROW(16 + 8 * ((0x10000 - 2) % 8)));
	strbuf_done(&program);
	eh_done(&f);
}

static void test_too_many_rules(void **state)
{
	struct strbuf program = { 0 };
	struct eh_fixture f;
	uint64_t full = 0, broken = 0, from = now_ms();

	(void)state;
	for (int i = 0; i < 0x4000; i++) {
		eh_bytes(&program, B(0x41, 0x0c, 10));
		eh_uleb(&program, (uint64_t)i);
	}
	eh_init(&f);
	eh_cie(&f);
	eh_fde(&f, 0, 0x10000, (uint8_t *)program.buf, program.len);
	eh_compile(&f);
	for (uint64_t at = 1; at <= 0x4000; at++) {
		struct cfi_rule rule;
		uint32_t code = unwind_table_rule(f.table, EH_TEXT + at, &rule);

		if (code >= CFI_FULL) {
			full++;
			assert_int_equal(rule.cfa_offset, at - 1);
		} else {
			assert_int_equal(code, CFI_BROKEN);
			broken++;
		}
	}
	assert_int_equal(full, CFI_MAX_RULES);
	assert_int_equal(f.table->nr_full, CFI_MAX_RULES);
	assert_int_equal(f.table->nr_bad, broken);
	assert_true(now_ms() - from < MAX_MS);
	strbuf_done(&program);
	eh_done(&f);
}

static void test_memory_limit(void **state)
{
	struct eh_fixture f;
	size_t limit = 1 << 10;
	int r;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	for (int i = 0; i < 10000; i++)
		eh_fde(&f, 16 * i, 16, B(0x41, 0x0e, 16, 0x41, 0x0e, 24));
	eh_write(&f);
	do {
		r = eh_try(&f, limit);
		if (r)
			assert_int_equal(r, -EFBIG);
		limit *= 2;
	} while (r);
	/* It is not refused for nothing either. */
	assert_true(limit > f.frame.len && limit < 16 * f.frame.len);
	assert_true(unwind_table_memory(f.table) < limit);
	eh_done(&f);
}

static int as_file(const struct eh_fixture *f)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->file.buf, f->file.len), f->file.len);
	return fd;
}

/* A file is the same as memory; one that claims more than it has is not. */
static void test_files(void **state)
{
	struct eh_fixture f;
	struct unwind_table *t = NULL;
	int fd, r;

	(void)state;
	eh_init(&f);
	eh_cie(&f);
	for (int i = 0; i < 100; i++)
		eh_fde(&f, 64 * i, 60, WIDE);
	eh_compile(&f);
	fd = as_file(&f);
	assert_int_equal(unwind_compile(fd, 0, &t), 0);
	assert_int_equal(t->nr_words, f.table->nr_words);
	assert_memory_equal(t->words, f.table->words, 4 * (size_t)t->nr_words);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), f.file.len);
	unwind_table_free(t);
	for (off_t size = 0; size < (off_t)f.file.len; size += 997) {
		assert_int_equal(ftruncate(fd, size), 0);
		t = NULL;
		r = unwind_compile(fd, 0, &t);
		assert_true(r == 0 || r == -ENOEXEC || r == -EIO);
		assert_true(r || unwind_table_is_valid(t));
		unwind_table_free(t);
	}
	close(fd);
	assert_int_equal(unwind_compile(-1, 0, &t), -EIO);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(unwind_compile(fd, 0, &t), -ENOEXEC);
	close(fd);
	eh_done(&f);
}

/* A sparse file can be as large as it likes, and its code as well. */
static void test_sparse(void **state)
{
	struct eh_fixture f;
	struct unwind_table *t = NULL;
	Elf64_Phdr *p;
	uint64_t from = now_ms();
	size_t begin;
	int fd, r;

	(void)state;
	eh_init(&f);
	f.text_address = UINT64_C(1) << 50;
	f.frame_address = f.text_address - 0x100000;
	/* FDEs of eight bytes a number. */
	eh_cie_of(&f, 1, "zR", 3, B(0x00), B(0x0c, 7, 8, 0x90, 1));
	begin = f.frame.len;
	eh_number(&f.frame, 0, 4);
	eh_number(&f.frame, begin + 4 - f.cie, 4);
	eh_number(&f.frame, f.text_address, 8);
	eh_number(&f.frame, UINT64_C(1) << 49, 8);
	eh_bytes(&f.frame, B(0, 0x0c, 10, 0));
	eh_close(&f.frame, begin);
	eh_write(&f);
	p = (Elf64_Phdr *)(void *)(f.file.buf + sizeof(Elf64_Ehdr));
	p->p_filesz = p->p_memsz = UINT64_C(1) << 49;
	fd = as_file(&f);
	if (ftruncate(fd, INT64_C(1) << 50)) {
		print_message("no sparse files here\n");
	} else {
		r = unwind_compile(fd, 64 << 20, &t);
		assert_true(r == -EFBIG);
		assert_true(now_ms() - from < MAX_MS);
	}
	close(fd);
	eh_done(&f);
}

/* As many program headers as there can be, each of which wants a look at all others. */
static void test_many_headers(void **state)
{
	static const uint32_t types[] = { PT_GNU_EH_FRAME, PT_LOAD, PT_NOTE };

	(void)state;
	for (size_t k = 0; k < sizeof(types) / sizeof(*types); k++) {
		struct eh_fixture f;
		Elf64_Ehdr *h;
		Elf64_Phdr p;
		uint64_t from = now_ms(), at;

		eh_init(&f);
		eh_cie(&f);
		for (int i = 0; i < 1000; i++)
			eh_fde(&f, 32 * i, 16, WIDE);
		f.without_sections = true;
		eh_write(&f);
		at = eh_append(&f, f.file.buf + sizeof(*h), 3 * sizeof(p));
		p = (Elf64_Phdr){ .p_type = types[k], .p_flags = PF_R | PF_X, .p_filesz = 64 };
		for (int i = 3; i < PN_XNUM - 1; i++) {
			p.p_vaddr = types[k] == PT_LOAD ? 0x10000000 + 128 * (uint64_t)i : 0;
			eh_bytes(&f.file, &p, sizeof(p));
		}
		h = (void *)f.file.buf;
		h->e_phoff = at;
		h->e_phnum = PN_XNUM - 1;
		assert_int_equal(eh_try(&f, 0), 0);
		assert_true(unwind_table_is_valid(f.table));
		assert_int_equal(eh_rule(&f, 0), ROW(16));
		assert_true(now_ms() - from < MAX_MS);
		eh_done(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_augmentation),
		cmocka_unit_test(test_lying_lengths),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_enormous_advances),
		cmocka_unit_test(test_remembered),
		cmocka_unit_test(test_row_per_byte),
		cmocka_unit_test(test_too_many_rules),
		cmocka_unit_test(test_memory_limit),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_many_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
