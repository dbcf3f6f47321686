// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Build-ids, against readelf, and files that only look like ELF. */
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "process/build_id.h"

enum { HEAD = 8192 };

static void add_hex(char *to, const uint8_t *id, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		sprintf(to + 2 * i, "%02x", id[i]);
}

static void test_readelf(void **state)
{
	static const char *const files[] = { "/proc/self/exe", "/bin/sh", "/bin/true",
					     "/lib64/ld-linux-x86-64.so.2", "/usr/bin/perf" };
	unsigned nr = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[4096], command[4200], want[128] = "", got[2 * BUILD_ID_MAX + 1] = "";
		uint8_t id[BUILD_ID_MAX];
		FILE *p;
		int fd;

		if (!realpath(files[i], path))
			continue;
		snprintf(command, sizeof(command), "readelf -n %s 2>/dev/null", path);
		p = popen(command, "r");
		while (fgets(command, sizeof(command), p)) {
			if (sscanf(command, " Build ID: %127s", want) == 1)
				break;
		}
		pclose(p);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(build_id_is_elf(fd));
		add_hex(got, id, build_id_read(fd, id));
		close(fd);
		assert_string_equal(got, want);
		nr += want[0] != '\0';
	}
	if (!nr)
		skip();
}

static int file_with(const void *bytes, size_t size)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	assert_int_equal(pwrite(fd, bytes, size, 0), (ssize_t)size);
	return fd;
}

/* A file with one PT_NOTE, which holds these notes. */
static uint32_t read_notes(const void *notes, size_t size, uint64_t align, bool narrow, uint8_t *id)
{
	Elf64_Ehdr wide = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB },
			    .e_phoff = sizeof(wide),
			    .e_phentsize = sizeof(Elf64_Phdr),
			    .e_phnum = 1 };
	Elf64_Phdr segment = {
		.p_type = PT_NOTE, .p_offset = 256, .p_filesz = size, .p_align = align
	};
	Elf32_Ehdr wide32 = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB },
			      .e_phoff = sizeof(wide32),
			      .e_phentsize = sizeof(Elf32_Phdr),
			      .e_phnum = 1 };
	Elf32_Phdr segment32 = { .p_type = PT_NOTE,
				 .p_offset = 256,
				 .p_filesz = (uint32_t)size,
				 .p_align = (uint32_t)align };
	char file[1024] = { 0 };
	uint32_t n;
	int fd;

	if (narrow) {
		memcpy(file, &wide32, sizeof(wide32));
		memcpy(file + sizeof(wide32), &segment32, sizeof(segment32));
	} else {
		memcpy(file, &wide, sizeof(wide));
		memcpy(file + sizeof(wide), &segment, sizeof(segment));
	}
	memcpy(file + 256, notes, size);
	fd = file_with(file, 256 + size);
	n = build_id_read(fd, id);
	close(fd);
	return n;
}

static void test_notes(void **state)
{
	/* Another note before it, whose description has to be padded. */
	static const uint32_t notes[] = { 4, 5, 1, 0x00554e47, 0, 0, 4, 8, 3, 0x00554e47, 1, 2 };
	static const uint32_t notes8[] = { 4, 5, 1, 0x00554e47, 0, 0, 4, 8, 3, 0x00554e47, 1, 2 };
	uint32_t bad[12];
	uint8_t id[BUILD_ID_MAX];

	(void)state;
	for (int narrow = 0; narrow < 2; narrow++) {
		assert_int_equal(read_notes(notes, sizeof(notes), 4, narrow, id), 8);
		assert_int_equal(id[0], 1);
		assert_int_equal(id[4], 2);
		assert_int_equal(read_notes(notes8, sizeof(notes8), 8, narrow, id), 8);
		assert_int_equal(read_notes(notes, sizeof(notes) - 4, 4, narrow, id), 0);
	}
	for (size_t i = 0; i < 9; i++) {
		memcpy(bad, notes, sizeof(bad));
		bad[i] = UINT32_MAX - 3;
		if (i != 2 && i != 3 && i != 4 && i != 5) /* these are no sizes */
			assert_int_equal(read_notes(bad, sizeof(bad), 4, false, id), 0);
	}
	/* Longer than any that the kernel tells of. */
	memcpy(bad, notes, sizeof(bad));
	bad[7] = 0;
	assert_int_equal(read_notes(bad, sizeof(bad), 4, false, id), 0);
}

static void test_corrupt(void **state)
{
	int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	unsigned char head[HEAD], broken[HEAD];
	uint8_t id[BUILD_ID_MAX];
	ssize_t size = pread(exe, head, sizeof(head), 0);

	(void)state;
	close(exe);
	assert_true(size > 1000);
	srand(3);
	for (int i = 0; i < 3000; i++) {
		int fd;

		memcpy(broken, head, sizeof(broken));
		for (int j = 0; j < 8; j++)
			broken[rand() % (i % 2 ? 64 : 1024)] = (unsigned char)(rand() % 3 ? rand()
											  : 255);
		memcpy(broken, head, SELFMAG + 2);
		fd = file_with(broken, (size_t)(rand() % size));
		assert_true(build_id_read(fd, id) <= BUILD_ID_MAX);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readelf),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_corrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
