// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a program will map, told before it is started. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "site/needed.h"

static int temporary(const void *bytes, size_t size)
{
	char path[] = "/tmp/bpfprof-needed-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, bytes, size), size);
	return fd;
}

static bool has(const struct strbuf *list, const char *part)
{
	for (size_t at = 0; at < list->len; at += strlen(list->buf + at) + 1)
		if (strstr(list->buf + at, part))
			return true;
	return false;
}

/* The libraries that this very program maps. */
static void test_own_libraries(void **state)
{
	struct strbuf list = STRBUF_INIT;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), nr;

	(void)state;
	nr = needed_libraries(fd, "/proc/self/exe", &list);
	assert_true(nr > 1);
	assert_true(has(&list, "/libcmocka.so"));
	assert_true(has(&list, "/libc.so.6"));
	for (size_t at = 0; at < list.len; at += strlen(list.buf + at) + 1, nr--)
		assert_int_equal(access(list.buf + at, R_OK), 0);
	assert_int_equal(nr, 0);
	strbuf_done(&list);
	close(fd);
}

static void test_scripts(void **state)
{
	static const struct {
		const char *text, *program;
	} cases[] = {
		{ "#!/bin/sh\necho\n", "/bin/sh" },
		{ "#!/bin/sh -e", "/bin/sh" },
		{ "#! /bin/sh\n", "/bin/sh" },
		{ "#!/usr/bin/env sh\n", "/sh" },
		{ "#!/usr/bin/env -S sh -e\n", "/sh" },
		{ "#!/usr/bin/env\n", NULL },
		{ "#!/no/such/program\n", NULL },
		{ "#!\n", NULL },
		{ "#!", NULL },
		{ "echo\n", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct strbuf list = STRBUF_INIT;
		int fd = temporary(cases[i].text, strlen(cases[i].text));

		assert_int_equal(needed_interpreter(fd, &list), cases[i].program != NULL);
		if (cases[i].program)
			assert_true(has(&list, cases[i].program));
		strbuf_done(&list);
		close(fd);
	}
}

static void test_programs(void **state)
{
	struct strbuf list = STRBUF_INIT;

	(void)state;
	assert_int_equal(needed_program("sh", &list), 1);
	assert_true(has(&list, "/sh"));
	assert_int_equal(needed_program("/bin/sh", &list), 1);
	assert_int_equal(needed_program("/no/such/program", &list), 0);
	assert_int_equal(needed_program("bpfprof-no-such-program", &list), 0);
	assert_int_equal(needed_program("", &list), 0);
	strbuf_done(&list);
}

/* Any bytes: cut and changed copies of an executable. */
static void test_garbage(void **state)
{
	static uint8_t bytes[65536];
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ssize_t size = pread(self, bytes, sizeof(bytes), 0);
	uint32_t seed = 5;

	(void)state;
	assert_true(size > 4096);
	for (int i = 0; i < 200; i++) {
		struct strbuf list = STRBUF_INIT;
		int fd;

		for (int k = 0; k < 20; k++) {
			seed = seed * 1664525 + 1013904223;
			bytes[seed % (uint32_t)(k % 2 ? size : 1024)] = (uint8_t)(seed >> 24);
		}
		memcpy(bytes, "\177ELF", 4);
		fd = temporary(bytes, (size_t)size - seed % 4096);
		assert_true(needed_libraries(fd, "/proc/self/exe", &list) <= NEEDED_MAX);
		strbuf_done(&list);
		close(fd);
	}
	close(self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_libraries),
		cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
