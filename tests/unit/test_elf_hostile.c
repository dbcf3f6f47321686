// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* ELF files that were cut short or changed: no crash and no hang, whatever they name. */
#include "symbol_fixture.h"

#include <elf.h>
#include <sys/mman.h>

enum { MAX_FILE = 256 << 10, NR_FLIPPED = 4000 };

static char original[MAX_FILE];
static size_t original_size;

static int load(void **state)
{
	FILE *f = fopen(WORKLOADS "/symbols_small.so", "re");

	(void)state;
	if (!f)
		return -1;
	original_size = fread(original, 1, sizeof(original), f);
	fclose(f);
	return original_size ? 0 : -1;
}

static int file_of(const char *bytes, size_t size)
{
	int fd = memfd_create("hostile", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	return fd;
}

/* How many of the file's offsets have a name. */
static unsigned ask_all(int fd)
{
	struct subject s;
	unsigned named = 0;

	if (subject_open_fd(&s, fd, "/hostile") < 0) {
		subject_close(&s);
		return 0;
	}
	for (uint64_t offset = 0; offset < original_size; offset += 8) {
		struct symbol symbol = { 0 };
		uint64_t address;

		if (resolver_elf.resolve(s.state, offset, &address, &symbol, 1)) {
			assert_non_null(symbol.name);
			named += symbol.name[0] != '\0';
		}
	}
	subject_close(&s);
	return named;
}

static void test_whole(void **state)
{
	(void)state;
	assert_true(ask_all(file_of(original, original_size)) > 20);
}

static void test_cut_short(void **state)
{
	(void)state;
	for (size_t size = 0; size < original_size; size += 64)
		ask_all(file_of(original, size));
}

/* It is cut after its headers were read, which a process may do at any time. */
static void test_cut_while_open(void **state)
{
	(void)state;
	for (size_t size = 0; size < original_size; size += 512) {
		struct subject s;
		struct symbol symbol = { 0 };
		uint64_t address;

		assert_int_equal(subject_open_fd(&s, file_of(original, original_size), "/x"), 0);
		assert_int_equal(ftruncate(s.fd, (off_t)size), 0);
		resolver_elf.resolve(s.state, s.about.offset + 0x20, &address, &symbol, 1);
		subject_close(&s);
	}
}

static uint32_t random_next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Most of a file is code: half of the changes hit headers, tables and dynamic sections. */
static void test_flipped(void **state)
{
	static char bytes[MAX_FILE];
	Elf64_Ehdr h;
	uint32_t seed = 20240917;
	unsigned still_named = 0;

	(void)state;
	memcpy(&h, original, sizeof(h));
	for (int i = 0; i < NR_FLIPPED; i++) {
		unsigned nr = 1 + random_next(&seed) % 16;

		memcpy(bytes, original, original_size);
		while (nr--) {
			size_t at = random_next(&seed) % original_size;

			if (nr % 2)
				at = h.e_shoff + at % (original_size - h.e_shoff);
			else if (nr % 3 == 0)
				at %= 0x1000;
			bytes[at] = (char)(nr % 5 ? random_next(&seed) : 0xff);
		}
		still_named += ask_all(file_of(bytes, original_size)) > 0;
	}
	/* Else the changes were too many for anything behind the headers to be tried. */
	assert_true(still_named > NR_FLIPPED / 4);
}

/* A sparse file may claim any size for a section; memory must not be taken for it. */
static void test_sparse(void **state)
{
	static char bytes[MAX_FILE];
	Elf64_Ehdr h;

	(void)state;
	memcpy(bytes, original, original_size);
	memcpy(&h, bytes, sizeof(h));
	for (unsigned i = 1; i < h.e_shnum; i++) {
		Elf64_Shdr section;
		char *at = bytes + h.e_shoff + i * sizeof(section);
		int fd;

		memcpy(&section, at, sizeof(section));
		section.sh_size = (uint64_t)1 << 40;
		memcpy(at, &section, sizeof(section));
		fd = file_of(bytes, original_size);
		assert_int_equal(ftruncate(fd, (off_t)1 << 41), 0);
		ask_all(fd);
	}
}

static void test_many_sections(void **state)
{
	static char bytes[MAX_FILE];
	Elf64_Ehdr h;
	Elf64_Shdr first = { .sh_size = (uint64_t)1 << 32 };
	int fd;

	(void)state;
	memcpy(bytes, original, original_size);
	memcpy(&h, bytes, sizeof(h));
	h.e_shnum = 0;
	memcpy(bytes, &h, sizeof(h));
	memcpy(bytes + h.e_shoff, &first, sizeof(first));
	fd = file_of(bytes, original_size);
	assert_int_equal(ftruncate(fd, (off_t)1 << 41), 0);
	assert_int_equal(ask_all(fd), 0);
}

static void test_not_a_file(void **state)
{
	int ends[2];
	struct subject s;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(subject_open_fd(&s, ends[0], "/pipe"), -ENOEXEC);
	subject_close(&s);
	close(ends[1]);
	assert_int_equal(subject_open_fd(&s, open("/dev/zero", O_RDONLY), "/dev/zero"), -ENOEXEC);
	subject_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),	       cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_cut_while_open), cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_sparse),	       cmocka_unit_test(test_many_sections),
		cmocka_unit_test(test_not_a_file),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
