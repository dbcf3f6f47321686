// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is read of ELF files: of this program itself, and of it cut short, changed and lying. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "own_file.h"
#include "runtime/image.h"

enum { NR_FLIPPED = 1500, MAX_FLIPS = 24 };

int image_test_data = 0x12345678;
const char image_test_text[] = "a constant";
int image_test_function(int n);

__attribute__((noinline)) int image_test_function(int n)
{
	return n * image_test_data;
}

static int open_self(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void finds_what_is_there(void **state)
{
	struct image_symbol s[] = { { .name = "image_test_data" },
				    { .name = "image_test_function" },
				    { .name = "image_test_text" },
				    { .name = "image_test_nothing" } };
	_cleanup_close_ int fd = open_self();
	struct image_function f;
	struct image im;
	char text[sizeof(image_test_text)];

	(void)state;
	assert_int_equal(image_open(&im, fd), 0);
	assert_int_equal(image_symbols(&im, SHT_SYMTAB, s, ARRAY_SIZE(s)), 3);
	assert_int_equal(s[0].size, sizeof(int));
	assert_false(s[0].is_code);
	assert_true(s[1].is_code);
	assert_int_equal(s[3].address, 0);
	/* The same distances as in memory. */
	assert_int_equal(s[1].address - s[0].address,
			 (uintptr_t)&image_test_function - (uintptr_t)&image_test_data);
	assert_true(image_is_code(&im, s[1].address));
	assert_false(image_is_code(&im, s[0].address));
	assert_true(image_is_data(&im, s[0].address));
	assert_int_equal(image_read(&im, s[2].address, text, sizeof(text)), 0);
	assert_string_equal(text, image_test_text);
	assert_true(image_function(&im, s[1].address + 1, &f));
	assert_int_equal(f.start, s[1].address);
	assert_int_equal(f.end, s[1].address + s[1].size);
	assert_false(f.is_part);
	assert_true(image_section(&im, ".text").size > 0);
	assert_int_equal(image_section(&im, ".nothing").address, 0);
	/* Not loaded: it has no address. */
	assert_int_equal(image_section(&im, ".symtab").address, 0);
	image_done(&im);
}

static int list(void *ctx, const Elf64_Sym *s, const char *name)
{
	strbuf_addf(ctx, "%s %#llx\n", name, (unsigned long long)s->st_value);
	return 0;
}

static void kept_symbols_are_the_same(void **state)
{
	_cleanup_(strbuf_done) struct strbuf before = STRBUF_INIT, after = STRBUF_INIT;
	_cleanup_close_ int fd = open_self();
	struct image im;

	(void)state;
	assert_int_equal(image_open(&im, fd), 0);
	assert_int_equal(image_each_symbol(&im, SHT_DYNSYM, list, &before), 0);
	assert_int_equal(image_keep_dynamic(&im), 0);
	assert_non_null(im.dynamic);
	assert_int_equal(image_each_symbol(&im, SHT_DYNSYM, list, &after), 0);
	assert_non_null(strstr(strbuf_str(&before), "cmocka"));
	assert_string_equal(strbuf_str(&before), strbuf_str(&after));
	/* Others are not meant. */
	strbuf_reset(&after);
	assert_int_equal(image_each_symbol(&im, SHT_SYMTAB, list, &after), 0);
	assert_non_null(strstr(strbuf_str(&after), "image_test_function"));
	image_done(&im);
}

static void reads_no_more_than_there_is(void **state)
{
	_cleanup_close_ int fd = open_self();
	struct image im;
	char bytes[16];

	(void)state;
	assert_int_equal(image_open(&im, fd), 0);
	assert_int_equal(image_read(&im, UINT64_MAX - 4, bytes, sizeof(bytes)), -EFAULT);
	assert_int_equal(image_read(&im, UINT64_MAX / 2, bytes, sizeof(bytes)), -EFAULT);
	for (size_t i = 0; i < im.nr_segments; i++) {
		const Elf64_Phdr *h = &im.segments[i];

		if (h->p_type != PT_LOAD)
			continue;
		assert_int_equal(image_read(&im, h->p_vaddr + h->p_filesz - 8, bytes, 8), 0);
		assert_int_equal(image_read(&im, h->p_vaddr + h->p_filesz - 8, bytes, 9), -EFAULT);
	}
	image_done(&im);
}

/* Asks all there is to ask. */
static void ask(int fd)
{
	struct image_symbol s[] = { { .name = "image_test_data" },
				    { .name = "image_test_function" } };
	struct image_function f;
	struct image im;
	int r = image_open(&im, fd);

	if (!r) {
		r = image_symbols(&im, SHT_DYNSYM, s, ARRAY_SIZE(s));
		assert_in_range(r, 0, 2);
		assert_int_equal(image_keep_dynamic(&im), 0);
		assert_int_equal(image_symbols(&im, SHT_DYNSYM, s, ARRAY_SIZE(s)), 0);
		r = image_symbols(&im, SHT_SYMTAB, s, ARRAY_SIZE(s));
		assert_true(r >= 0 && r <= 2);
		image_section(&im, ".eh_frame");
		for (uint64_t address = 0; address < original_size; address += 997)
			if (image_function(&im, address, &f))
				assert_true(address >= f.start && address < f.end);
		image_function(&im, s[1].address, &f);
	}
	image_done(&im);
}

static int copy_of(size_t size)
{
	int fd = memfd_create("hostile", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, original, size), size);
	return fd;
}

static void files_that_were_cut(void **state)
{
	size_t step = original_size / 199 + 1;

	(void)state;
	for (size_t size = 0; size < original_size; size += size < 64 ? 1 : step) {
		_cleanup_close_ int fd = copy_of(size);

		ask(fd);
	}
}

/* Bytes of headers, tables of sections, of symbols and of functions, at random. */
static void files_that_were_changed(void **state)
{
	_cleanup_close_ int fd = copy_of(original_size);
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)original;
	const Elf64_Shdr *sections = (const Elf64_Shdr *)(original + h->e_shoff);
	unsigned seed = 4;

	(void)state;
	for (int i = 0; i < NR_FLIPPED; i++) {
		size_t changed[MAX_FLIPS];

		for (int j = 0; j < MAX_FLIPS; j++) {
			const Elf64_Shdr *s = &sections[(unsigned)rand_r(&seed) % h->e_shnum];
			size_t at = (size_t)rand_r(&seed) % 512;
			char byte = (char)rand_r(&seed);

			if (j % 3 == 0 && s->sh_type != SHT_NOBITS)
				at += s->sh_offset;
			else if (j % 3 == 1)
				at = h->e_shoff +
				     (size_t)rand_r(&seed) % (h->e_shnum * sizeof(*sections));
			changed[j] = at < original_size ? at : 0;
			/* What makes it no ELF file would hide the rest. */
			if (changed[j] >= EI_NIDENT)
				assert_int_equal(pwrite(fd, &byte, 1, (off_t)changed[j]), 1);
		}
		ask(fd);
		for (int j = 0; j < MAX_FLIPS; j++)
			assert_int_equal(pwrite(fd, original + changed[j], 1, (off_t)changed[j]),
					 1);
	}
}

/* Sections that claim what the file does not have: tables that are not there. */
static void sections_that_lie(void **state)
{
	const Elf64_Ehdr *h = (const Elf64_Ehdr *)original;
	static const uint64_t sizes[] = { 0, 1, 1ull << 32, UINT64_MAX, UINT64_MAX - 23 };

	(void)state;
	for (unsigned i = 0; i < h->e_shnum; i++) {
		for (size_t j = 0; j < 2 * ARRAY_SIZE(sizes); j++) {
			_cleanup_close_ int fd = copy_of(original_size);
			size_t field = j & 1 ? offsetof(Elf64_Shdr, sh_size)
					     : offsetof(Elf64_Shdr, sh_offset);

			pwrite(fd, &sizes[j / 2], 8,
			       (off_t)(h->e_shoff + i * sizeof(Elf64_Shdr) + field));
			ask(fd);
		}
	}
}

/* Neither a directory nor a pipe, nor a file of another machine's words. */
static void what_is_no_elf_file(void **state)
{
	_cleanup_close_ int folder = open("/", O_RDONLY | O_CLOEXEC), fd = copy_of(original_size);
	struct image im;
	char narrow = ELFCLASS32;

	(void)state;
	assert_int_equal(image_open(&im, folder), -ENOEXEC);
	image_done(&im);
	assert_int_equal(pwrite(fd, &narrow, 1, EI_CLASS), 1);
	assert_int_equal(image_open(&im, fd), -ENOEXEC);
	image_done(&im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_is_there),
		cmocka_unit_test(kept_symbols_are_the_same),
		cmocka_unit_test(reads_no_more_than_there_is),
		cmocka_unit_test(files_that_were_cut),
		cmocka_unit_test(files_that_were_changed),
		cmocka_unit_test(sections_that_lie),
		cmocka_unit_test(what_is_no_elf_file),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
