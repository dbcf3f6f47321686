// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"

static char folder[] = "/tmp/bpfprof-test-file-XXXXXX";

static char *at(const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", folder, name);
	return p;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void assert_holds(const char *name, const char *text)
{
	struct strbuf sb = STRBUF_INIT;

	assert_int_equal(file_read(at(name), 1000, &sb), strlen(text));
	assert_string_equal(strbuf_str(&sb), text);
	strbuf_done(&sb);
}

static unsigned nr_files(void)
{
	_cleanup_closedir_ DIR *d = opendir(folder);
	unsigned n = 0;

	while (readdir(d))
		n++;
	return n - 2;
}

static void reads_whole_and_bounded(void **state)
{
	struct strbuf sb = STRBUF_INIT;
	char *big = malloc(100001);

	(void)state;
	memset(big, 'b', 100000);
	big[100000] = '\0';
	put("big", big);
	strbuf_adds(&sb, "<");
	assert_int_equal(file_read(at("big"), 100000, &sb), 100000);
	assert_int_equal(sb.len, 100001);
	strbuf_reset(&sb);
	assert_int_equal(file_read(at("big"), 99999, &sb), -EFBIG);
	assert_int_equal(sb.len, 99999);
	strbuf_reset(&sb);
	/* /proc says size 0. */
	assert_true(file_read("/proc/self/status", 1 << 20, &sb) > 100);
	assert_non_null(strstr(sb.buf, "test_file"));
	assert_int_equal(file_read(at("none"), 10, &sb), -ENOENT);
	assert_int_equal(file_read(folder, 10, &sb), -EISDIR);
	unlink(at("big"));
	free(big);
	strbuf_done(&sb);
}

static void reads_numbers_only(void **state)
{
	static const char *const bad[] = { "",	   "\n",    "x",
					   "-1\n", "12x\n", " 5",
					   "+5\n", "1 2\n", "99999999999999999999\n" };
	unsigned long long v = 7;

	(void)state;
	put("number", "18446744073709551615\n");
	assert_int_equal(file_read_u64(at("number"), &v), 0);
	assert_true(v == UINT64_MAX);
	put("number", "0");
	assert_int_equal(file_read_u64(at("number"), &v), 0);
	assert_int_equal(v, 0);
	v = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put("number", bad[i]);
		assert_true(file_read_u64(at("number"), &v) < 0);
		assert_int_equal(v, 7);
	}
	unlink(at("number"));
}

static void old_file_stays_until_commit(void **state)
{
	struct file_out f;

	(void)state;
	put("out", "old");
	assert_int_equal(file_out_open(&f, at("out")), 0);
	fputs("new", f.stream);
	fflush(f.stream);
	assert_holds("out", "old");
	file_out_abort(&f);
	assert_holds("out", "old");
	assert_int_equal(nr_files(), 1);
	assert_int_equal(file_out_open(&f, at("out")), 0);
	fputs("new", f.stream);
	assert_int_equal(file_out_commit(&f), 0);
	file_out_abort(&f);
	assert_holds("out", "new");
	assert_int_equal(nr_files(), 1);
	unlink(at("out"));
}

static void mode_is_the_users(void **state)
{
	struct file_out f;
	struct stat st;
	mode_t old = umask(027);

	(void)state;
	assert_int_equal(file_out_open(&f, at("out")), 0);
	assert_int_equal(file_out_commit(&f), 0);
	umask(old);
	assert_int_equal(stat(at("out"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	/* What is written anew is as private as before. */
	assert_int_equal(chmod(at("out"), 0600), 0);
	assert_int_equal(file_out_open(&f, at("out")), 0);
	assert_int_equal(file_out_commit(&f), 0);
	assert_int_equal(stat(at("out"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	unlink(at("out"));
}

static void links_stay_links(void **state)
{
	struct file_out f;
	struct stat st;

	(void)state;
	put("target", "old");
	assert_int_equal(symlink("target", at("link")), 0);
	assert_int_equal(file_out_open(&f, at("link")), 0);
	fputs("new", f.stream);
	assert_int_equal(file_out_commit(&f), 0);
	assert_int_equal(lstat(at("link"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_holds("target", "new");
	unlink(at("link"));
	unlink(at("target"));
}

/* A profile sent to /dev/null by root must not put a file in its place. */
static void devices_stay_devices(void **state)
{
	struct file_out f;
	struct stat st;

	(void)state;
	assert_int_equal(file_out_open(&f, "/dev/null"), 0);
	fputs("gone", f.stream);
	assert_int_equal(file_out_commit(&f), 0);
	assert_int_equal(stat("/dev/null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

static void bad_places_are_told_at_once(void **state)
{
	struct file_out f;

	(void)state;
	assert_int_equal(file_out_open(&f, at("none/out")), -ENOENT);
	assert_int_equal(file_out_open(&f, folder), -EISDIR);
	assert_int_equal(nr_files(), 0);
}

static void full_disk_is_told(void **state)
{
	struct file_out f;

	(void)state;
	assert_int_equal(file_out_open(&f, "/dev/full"), 0);
	fputs("lost", f.stream);
	assert_int_equal(file_out_commit(&f), -ENOSPC);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_whole_and_bounded),
		cmocka_unit_test(reads_numbers_only),
		cmocka_unit_test(old_file_stays_until_commit),
		cmocka_unit_test(mode_is_the_users),
		cmocka_unit_test(links_stay_links),
		cmocka_unit_test(devices_stay_devices),
		cmocka_unit_test(bad_places_are_told_at_once),
		cmocka_unit_test(full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
