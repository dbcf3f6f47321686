// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a cache keeps, in which order it leaves, and that two may use it at once. */
#include "unwind_cache_fixture.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void round_trip(struct unwind_cache *c, const uint8_t *id, uint32_t size,
		       struct unwind_table *t)
{
	struct unwind_table *back = NULL;

	assert_int_equal(unwind_cache_get(c, id, size, &back), -ENOENT);
	assert_null(back);
	assert_int_equal(unwind_cache_put(c, id, size, t), 0);
	assert_int_equal(unwind_cache_get(c, id, size, &back), 0);
	assert_same(t, back);
	unwind_table_free(back);
	unwind_table_free(t);
}

static void gives_back_what_was_put(void **state)
{
	struct unwind_cache *c = cache_at("deep/er/c", PLENTY);
	struct unwind_table *none = NULL, *t = table_of_pages(1, 1);
	uint8_t id[65];
	struct stat st;

	(void)state;
	for (unsigned i = 0; i < sizeof(id); i++)
		id[i] = (uint8_t)(0x5a + i * 11);
	round_trip(c, id, 1, table_of_pages(1, 3));
	round_trip(c, id, 2, table_of_kind(UNWIND_FRAME_POINTER));
	round_trip(c, id, 20, table_of_pages(5000, 4));
	round_trip(c, id, 63, table_of_kind(UNWIND_NOTHING));
	round_trip(c, id, 64, table_of_pages(3, 4));
	assert_int_equal(unwind_cache_put(c, id, 0, t), -EINVAL);
	assert_int_equal(unwind_cache_put(c, id, 65, t), -EINVAL);
	assert_int_equal(unwind_cache_get(c, id, 0, &none), -EINVAL);
	assert_int_equal(unwind_cache_get(c, id, 65, &none), -EINVAL);
	unwind_table_free(t);
	unwind_cache_close(c);
	unwind_cache_close(NULL);
	assert_int_equal(stat(at("deep"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(at("deep/er/c"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void keeps_between_runs_and_replaces(void **state)
{
	struct unwind_table *a = table_of_pages(1, 1), *b = table_of_pages(2, 2), *back = NULL;
	struct unwind_cache *c = cache_at("c", PLENTY);
	const mode_t mask = umask(0277);
	uint8_t id = 7;
	struct stat st;
	unsigned nr;

	(void)state;
	assert_int_equal(put(c, id, a), 0);
	assert_int_equal(put(c, id, b), 0);
	umask(mask);
	assert_int_equal(stat(file_of(id), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	unwind_cache_close(c);
	c = cache_at("c//.///", PLENTY);
	assert_int_equal(unwind_cache_get(c, &id, 1, &back), 0);
	assert_same(b, back);
	bytes_of_folder(&nr);
	assert_int_equal(nr, 1);
	unwind_cache_close(c);
	unwind_table_free(back);
	unwind_table_free(a);
	unwind_table_free(b);
}

static void least_recently_used_leaves_first(void **state)
{
	struct unwind_table *t = table_of_pages(10, 1), *big = table_of_pages(25, 1);
	struct unwind_cache *c = cache_at("c", PLENTY);
	unsigned nr;

	(void)state;
	for (uint8_t id = 0; id < 5; id++) {
		assert_int_equal(put(c, id, t), 0);
		set_age(file_of(id), 1000 - id);
	}
	unwind_cache_close(c);
	c = cache_at("c", bytes_of_folder(&nr));
	assert_int_equal(nr, 5);
	/* A hit makes the oldest one the youngest. */
	assert_int_equal(get(c, 0), 0);
	assert_int_equal(put(c, 5, t), 0);
	assert_null(file_of(1));
	assert_int_equal(get(c, 1), -ENOENT);
	/* What is put again makes no room but its own. */
	assert_int_equal(put(c, 3, t), 0);
	bytes_of_folder(&nr);
	assert_int_equal(nr, 5);
	assert_int_equal(put(c, 6, t), 0);
	assert_null(file_of(2));
	assert_int_equal(put(c, 7, big), 0);
	assert_null(file_of(4));
	assert_null(file_of(0));
	assert_non_null(file_of(6));
	assert_non_null(file_of(7));
	unwind_cache_close(c);
	/* A lower bound holds at once. */
	set_age(file_of(7), 100);
	c = cache_at("c", 1000);
	assert_true(bytes_of_folder(&nr) <= 1000);
	assert_int_equal(nr, 1);
	assert_int_equal(put(c, 8, big), -EFBIG);
	/* What can't fit at all makes no room. */
	assert_non_null(file_of(6));
	unwind_cache_close(c);
	unwind_table_free(t);
	unwind_table_free(big);
}

static void bound_of_nothing(void **state)
{
	struct unwind_table *t = table_of_pages(1, 1);
	struct unwind_cache *c = cache_at("c", PLENTY);
	unsigned nr;

	(void)state;
	assert_int_equal(put(c, 1, t), 0);
	unwind_cache_close(c);
	c = cache_at("c", 0);
	assert_int_equal(bytes_of_folder(&nr), 0);
	assert_int_equal(get(c, 1), -ENOENT);
	assert_int_equal(put(c, 1, t), -EFBIG);
	bytes_of_folder(&nr);
	assert_int_equal(nr, 0);
	unwind_cache_close(c);
	unwind_table_free(t);
}

static void leftovers_go_and_others_stay(void **state)
{
	static const struct {
		const char *name;
		time_t age;
		bool stays;
	} files[] = {
		{ "c/aa.cfi1.tmp0123456789abcdef", 61, false },
		{ "c/aa.cfi0.tmp0123456789abcdea", 100000, false },
		{ "c/aa.cfi1.tmp0123456789abcdeb", -100, false },
		{ "c/aa.cfi1.tmp0123456789abcdec", 5, true },
		{ "c/aa.cfi1.tmp0123456789abcdefg", 100, true },
		{ "c/aa.cfi1.tmp0123456789abcde", 100, true },
		{ "c/aa.cfi1.TMP0123456789abcde", 100, true },
		{ "c/aa.cfi", 100, true },
		{ "c/aaa.cfi1", 100, true },
		{ "c/.cfi1", 100, true },
		{ "c/AA.cfi1", 100, true },
		{ "c/notes.txt", 100, true },
		{ "c/aa.cfi99", 100, false }, /* another format: a table like others */
	};

	(void)state;
	unwind_cache_close(cache_at("c", PLENTY));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		write_bytes(at(files[i].name), "12345", 5);
		set_age(at(files[i].name), files[i].age);
	}
	/* Room for what is being written, no more. */
	unwind_cache_close(cache_at("c", 6));
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (exists(at(files[i].name)) != files[i].stays)
			fail_msg("%s %s", files[i].name, files[i].stays ? "is gone" : "stayed");
}

/* Puts and gets what others put and get; the exit status says what went wrong. */
static int write_and_read(unsigned turn, uint64_t max_bytes)
{
	struct unwind_table *t[4];
	struct unwind_cache *c;

	for (uint32_t i = 0; i < 4; i++)
		t[i] = table_of_pages(1 + i * 20, i);
	if (unwind_cache_open(&c, at("c"), max_bytes) < 0)
		return 1;
	srand(turn);
	for (unsigned i = 0; i < 1500; i++) {
		struct unwind_table *back = NULL;
		uint8_t id = (uint8_t)(rand() % 12);
		int r = rand() % 2 ? put(c, id, t[id % 4]) : unwind_cache_get(c, &id, 1, &back);

		/* With what the other is writing the bound may be reached. */
		if (r && r != -ENOENT && r != -ENOSPC)
			return 2;
		if (back)
			assert_same(back, t[id % 4]);
		unwind_table_free(back);
	}
	for (uint32_t i = 0; i < 4; i++)
		unwind_table_free(t[i]);
	unwind_cache_close(c);
	return 0;
}

static void two_at_once(void **state)
{
	const uint64_t max_bytes = 20000;
	pid_t pids[2];
	unsigned nr;
	int status;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (!pids[i])
			_exit(write_and_read(i, max_bytes));
	}
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	unwind_cache_close(cache_at("c", max_bytes));
	assert_true(bytes_of_folder(&nr) <= max_bytes);
	assert_true(nr > 2 && nr <= 12);
}

static void failed_write_leaves_nothing(void **state)
{
	const struct rlimit small = { 300, RLIM_INFINITY };
	struct unwind_table *a = table_of_pages(1, 1), *b = table_of_pages(100, 2);
	struct unwind_cache *c = cache_at("c", PLENTY);
	struct rlimit old;
	unsigned nr;

	(void)state;
	assert_int_equal(put(c, 1, a), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(put(c, 1, b), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	bytes_of_folder(&nr);
	assert_int_equal(nr, 1);
	assert_int_equal(get(c, 1), 0);
	unwind_cache_close(c);
	unwind_table_free(a);
	unwind_table_free(b);
}

/* In a mount namespace of its own. 0, or the line that went wrong; -1: it can't be tried. */
static int fill_disk(void)
{
	struct unwind_table *a = table_of_pages(1, 1), *b = table_of_pages(2000, 2);
	struct unwind_cache *c = NULL;

	if (mkdir(at("c"), 0700) || unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", at("c"), "tmpfs", 0, "size=64k,mode=0700"))
		return -1;
	if (unwind_cache_open(&c, at("c"), PLENTY) || put(c, 1, a))
		return __LINE__;
	if (put(c, 2, b) != -ENOSPC || get(c, 1) || get(c, 2) != -ENOENT)
		return __LINE__;
	if (mount("none", at("c"), "tmpfs", MS_REMOUNT | MS_RDONLY, NULL))
		return -1;
	if (get(c, 1) || put(c, 3, a) != -EROFS)
		return __LINE__;
	unwind_cache_close(c);
	if (unwind_cache_open(&c, at("c"), PLENTY) || get(c, 1))
		return __LINE__;
	unwind_cache_close(c);
	if (unwind_cache_open(&c, at("c/d"), PLENTY) != -EROFS)
		return __LINE__;
	unwind_table_free(a);
	unwind_table_free(b);
	return 0;
}

static void full_and_read_only_disks(void **state)
{
	int status, said = 0, fds[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		said = fill_disk();
		_exit(write(fds[1], &said, sizeof(said)) != sizeof(said));
	}
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(read(fds[0], &said, sizeof(said)), sizeof(said));
	close(fds[0]);
	if (said < 0) {
		print_message("skipped: only root can mount a disk to fill\n");
		skip();
	}
	if (said)
		fail_msg("line %d", said);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(gives_back_what_was_put, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_between_runs_and_replaces, setup, teardown),
		cmocka_unit_test_setup_teardown(least_recently_used_leaves_first, setup, teardown),
		cmocka_unit_test_setup_teardown(bound_of_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(leftovers_go_and_others_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(two_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(failed_write_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(full_and_read_only_disks, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
