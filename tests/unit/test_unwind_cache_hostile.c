// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Files and folders that a cache must not trust. */
#include "unwind_cache_fixture.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <zlib.h>

/* A cache with one small table, and that file's bytes. */
static struct unwind_cache *cache_of_one(uint8_t **ret_bytes, size_t *ret_size)
{
	struct unwind_cache *c = cache_at("c", PLENTY);
	struct unwind_table *t = table_of_pages(1, 5);

	assert_int_equal(put(c, 1, t), 0);
	*ret_bytes = read_bytes(file_of(1), ret_size);
	unwind_table_free(t);
	return c;
}

static void expect_stale(struct unwind_cache *c, const char *path, const uint8_t *bytes,
			 size_t size)
{
	write_bytes(path, bytes, size);
	assert_int_equal(get(c, 1), -ESTALE);
	assert_false(exists(path));
}

static void any_change_is_seen(void **state)
{
	uint8_t *bytes, more[2048];
	char path[512];
	size_t size;
	struct unwind_cache *c = cache_of_one(&bytes, &size);

	(void)state;
	strcpy(path, file_of(1));
	assert_true(size > 200 && size < 1000);
	for (size_t i = 0; i < size; i++) {
		for (unsigned bit = 0; bit < 9; bit++) {
			uint8_t flip = bit == 8 ? 0xff : (uint8_t)(1 << bit);

			bytes[i] ^= flip;
			expect_stale(c, path, bytes, size);
			bytes[i] ^= flip;
		}
		expect_stale(c, path, bytes, i);
	}
	memset(more, 0, sizeof(more));
	memcpy(more, bytes, size);
	expect_stale(c, path, more, size + 1);
	expect_stale(c, path, more, sizeof(more));
	/* The same bytes under another name are another file's. */
	strrchr(path, '/')[2] = '2';
	write_bytes(path, bytes, size);
	assert_int_equal(get(c, 2), -ESTALE);
	assert_false(exists(path));
	free(bytes);
	unwind_cache_close(c);
}

/* Lies that the checksum vouches for: what is_valid() lets pass is all that may come back. */
static void lies_with_a_right_checksum(void **state)
{
	enum { CRC_AT = 8, CRC_FROM = 12, HEADER = 72 };
	static const uint32_t tempting[] = { 0,		 1,	     2,		 0x7fffffff,
					     0x80000000, 0xffffffff, 0x40000000, 0x10000001 };
	uint8_t *bytes, *lie = malloc(1 << 16);
	unsigned nr_taken = 0, nr_refused = 0;
	char path[512];
	size_t size;
	struct unwind_cache *c = cache_of_one(&bytes, &size);

	(void)state;
	strcpy(path, file_of(1));
	srand(11);
	for (unsigned turn = 0; turn < 6000; turn++) {
		size_t length = rand() % 4 ? size : (size_t)(rand() % 2000);
		unsigned nr_lies = (unsigned)(rand() % 4);
		uint32_t crc;
		int r;

		memset(lie, 0, 2000);
		memcpy(lie, bytes, size);
		for (unsigned i = 0; i < nr_lies; i++) {
			size_t area = rand() % 2 ? HEADER : size;
			size_t place = CRC_FROM + (size_t)(rand() % (int)(area - CRC_FROM - 4));
			uint32_t v = rand() % 2 ? tempting[rand() % 8] : (uint32_t)(rand() % 64);

			memcpy(lie + place / 4 * 4, &v, 4);
		}
		crc = (uint32_t)crc32(0, lie + CRC_FROM, length > CRC_FROM ? length - CRC_FROM : 0);
		memcpy(lie + CRC_AT, &crc, 4);
		write_bytes(path, lie, length);
		r = get(c, 1);
		assert_true(!r || r == -ESTALE);
		assert_int_equal(exists(path), !r);
		nr_taken += !r;
		nr_refused += !!r;
	}
	/* The test knows where the checksum stands. */
	assert_true(nr_taken > 300);
	assert_true(nr_refused > 1000);
	free(bytes);
	free(lie);
	unwind_cache_close(c);
}

static void replace(const char *path, const uint8_t *bytes, size_t size)
{
	unlink(path);
	write_bytes(path, bytes, size);
}

static void files_of_others(void **state)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	uint8_t *bytes;
	char path[100];
	size_t size;
	struct unwind_cache *c = cache_of_one(&bytes, &size);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	strcpy(path, file_of(1));
	assert_int_equal(get(c, 1), 0);
	for (mode_t mode = 0620; mode; mode = mode == 0620 ? 0602 : 0) {
		replace(path, bytes, size);
		assert_int_equal(chmod(path, mode), 0);
		assert_int_equal(get(c, 1), -ESTALE);
		assert_false(exists(path));
	}
	replace(path, bytes, size);
	assert_int_equal(link(path, at("c/other")), 0);
	assert_int_equal(get(c, 1), -ESTALE);
	assert_false(exists(path));
	assert_int_equal(symlink("other", path), 0);
	assert_int_equal(get(c, 1), -ESTALE);
	assert_false(exists(path));
	assert_true(exists(at("c/other")));
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(20);
	assert_int_equal(get(c, 1), -ESTALE);
	alarm(0);
	assert_false(exists(path));
	strcpy(name.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	close(fd);
	assert_int_equal(get(c, 1), -ESTALE);
	assert_false(exists(path));
	/* A folder stays, and is no table. */
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(get(c, 1), -ESTALE);
	assert_int_equal(rmdir(path), 0);
	write_bytes(path, bytes, size);
	assert_int_equal(truncate(path, (64 << 20) + 1), 0);
	assert_int_equal(get(c, 1), -ESTALE);
	assert_int_equal(get(c, 1), -ENOENT);
	free(bytes);
	unwind_cache_close(c);
}

static void files_of_another_owner(void **state)
{
	uint8_t *bytes;
	size_t size;
	struct unwind_cache *c;

	(void)state;
	if (geteuid()) {
		print_message("skipped: only root can give a file away\n");
		skip();
	}
	c = cache_of_one(&bytes, &size);
	assert_int_equal(chown(file_of(1), NOBODY, 0), 0);
	assert_int_equal(get(c, 1), -ESTALE);
	assert_null(file_of(1));
	free(bytes);
	unwind_cache_close(c);
}

static void expect_open(const char *path, int expected)
{
	struct unwind_cache *c = NULL;
	int r = unwind_cache_open(&c, path, PLENTY);

	if (r != expected)
		fail_msg("%s: %d, not %d", path, r, expected);
	assert_true(!r == !!c);
	unwind_cache_close(c);
}

static void folders_that_others_write(void **state)
{
	(void)state;
	assert_int_equal(mkdir(at("p"), 0700), 0);
	expect_open(at("p/c"), 0);
	assert_int_equal(chmod(at("p/c"), 0755), 0);
	expect_open(at("p/c"), 0);
	assert_int_equal(chmod(at("p/c"), 0770), 0);
	expect_open(at("p/c"), -EPERM);
	assert_int_equal(chmod(at("p/c"), 0702), 0);
	expect_open(at("p/c"), -EPERM);
	assert_int_equal(chmod(at("p/c"), 01777), 0);
	expect_open(at("p/c"), -EPERM);
	assert_int_equal(chmod(at("p/c"), 0700), 0);
	assert_int_equal(chmod(at("p"), 0770), 0);
	expect_open(at("p/c"), -EPERM);
	expect_open(at("p/new"), -EPERM);
	assert_false(exists(at("p/new")));
	/* Sticky counts if it is root's. */
	assert_int_equal(chmod(at("p"), 01777), 0);
	expect_open(at("p/c"), geteuid() ? -EPERM : 0);
}

static void folders_that_are_none(void **state)
{
	char here[512], name[300];

	(void)state;
	write_bytes(at("file"), "x", 1);
	expect_open(at("file"), -ENOTDIR);
	expect_open(at("file/c"), -ENOTDIR);
	expect_open("", -EINVAL);
	expect_open("/dev/null", -ENOTDIR);
	assert_int_equal(symlink("b", at("a")), 0);
	assert_int_equal(symlink("a", at("b")), 0);
	expect_open(at("a"), -ELOOP);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	expect_open(at(name), -ENAMETOOLONG);
	/* Links of ours to folders of ours are as good as these. */
	assert_int_equal(symlink("real/deep", at("relative")), 0);
	expect_open(at("relative/c"), 0);
	assert_true(exists(at("real/deep/c")));
	assert_int_equal(symlink(at("real"), at("absolute")), 0);
	expect_open(at("absolute/deep/../other"), 0);
	assert_true(exists(at("real/other")));
	assert_int_equal(mkdir(at("open"), 0700), 0);
	assert_int_equal(chmod(at("open"), 0777), 0);
	assert_int_equal(symlink("open/c", at("into")), 0);
	expect_open(at("into"), -EPERM);
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(at("real")), 0);
	expect_open("by/name", 0);
	assert_int_equal(chdir(here), 0);
	assert_true(exists(at("real/by/name")));
}

static void folders_of_another_owner(void **state)
{
	(void)state;
	if (geteuid()) {
		print_message("skipped: only root can give a folder away\n");
		skip();
	}
	expect_open(at("p/c"), 0);
	assert_int_equal(symlink("p", at("link")), 0);
	expect_open(at("link/c"), 0);
	assert_int_equal(lchown(at("link"), NOBODY, 0), 0);
	expect_open(at("link/c"), -EPERM);
	assert_int_equal(chown(at("p/c"), NOBODY, 0), 0);
	expect_open(at("p/c"), -EPERM);
	assert_int_equal(chown(at("p/c"), 0, 0), 0);
	assert_int_equal(chown(at("p"), NOBODY, 0), 0);
	expect_open(at("p/c"), -EPERM);
	/* One who is not root takes root's folders on the way, but not as the last. */
	assert_int_equal(chown(base, 0, 0), 0);
	assert_int_equal(chmod(base, 0755), 0);
	assert_int_equal(mkdir(at("roots"), 0755), 0);
	assert_int_equal(seteuid(NOBODY), 0);
	expect_open(at("p/c2"), 0);
	expect_open(at("roots"), -EPERM);
	assert_int_equal(seteuid(0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(any_change_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(lies_with_a_right_checksum, setup, teardown),
		cmocka_unit_test_setup_teardown(files_of_others, setup, teardown),
		cmocka_unit_test_setup_teardown(files_of_another_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(folders_that_others_write, setup, teardown),
		cmocka_unit_test_setup_teardown(folders_that_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(folders_of_another_owner, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
