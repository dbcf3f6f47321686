// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The tracker: who listens is told of each file that is newly mapped. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tracker_fixture.h"

struct told {
	bool enough; /* of a file that was told */
	unsigned nr;
	struct space_key key;
	uint64_t start;
	char path[64];
	char opened[64]; /* how often it was told since: */
	unsigned nr_opened;
};

static bool on_mapped(void *ctx, const struct space_key *key, const struct mapped *m)
{
	struct told *t = ctx;

	t->nr++;
	t->nr_opened += !strcmp(m->path, t->opened);
	t->key = *key;
	t->start = m->start;
	snprintf(t->path, sizeof(t->path), "%s", m->path);
	return t->enough;
}

static void test_once_a_file(void **state)
{
	struct told t = { .enough = true };
	struct fixture *f = *state;

	tracker_listen(f->tracker, on_mapped, &t);
	map(f, 100, PID, 0x10000, 0x1000, 0, "/bin/a");
	assert_int_equal(t.nr, 1);
	assert_string_equal(t.path, "/bin/a");
	assert_int_equal(t.key.tgid, PID);
	assert_int_equal(t.start, 0x10000);
	/* Another part of it, another process, and after an exec. */
	map(f, 101, PID, 0x20000, 0x1000, 0x1000, "/bin/a");
	map(f, 102, OTHER, 0x10000, 0x1000, 0, "/bin/a");
	happen(f, PROCESS_EXEC, 103, OTHER, OTHER, 0);
	map(f, 104, OTHER, 0x10000, 0x1000, 0, "/bin/a");
	assert_int_equal(t.nr, 1);
	map(f, 105, OTHER, 0x30000, 0x1000, 0, "/lib/b");
	assert_int_equal(t.nr, 2);
	assert_string_equal(t.path, "/lib/b");
	assert_int_equal(t.key.tgid, OTHER);
	tracker_listen(f->tracker, NULL, NULL);
	map(f, 106, OTHER, 0x40000, 0x1000, 0, "/lib/c");
	assert_int_equal(t.nr, 2);
}

/* Whoever does not want it now may want it of another process. */
static void test_again(void **state)
{
	struct told t = { .enough = false };
	struct fixture *f = *state;

	tracker_listen(f->tracker, on_mapped, &t);
	map(f, 100, PID, 0x10000, 0x1000, 0, "/bin/a");
	map(f, 101, OTHER, 0x10000, 0x1000, 0, "/bin/a");
	assert_int_equal(t.nr, 2);
	t.enough = true;
	map(f, 102, THIRD, 0x10000, 0x1000, 0, "/bin/a");
	map(f, 103, PID, 0x20000, 0x1000, 0x1000, "/bin/a");
	assert_int_equal(t.nr, 3);
}

/* Its process was gone before the file could be opened: that of another one may be there. */
static void test_gone(void **state)
{
	struct told t = { .enough = true };
	struct fixture *f = *state;
	char path[64];

	tracker_listen(f->tracker, on_mapped, &t);
	map(f, 100, PID, 0x10000, 0x1000, 0, "/nowhere/a");
	assert_int_equal(t.nr, 1);
	assert_true(tracker_open_at(f->tracker, &t.key, t.start, path, sizeof(path)) < 0);
	map(f, 101, OTHER, 0x10000, 0x1000, 0, "/nowhere/a");
	assert_int_equal(t.nr, 1);
	usleep(250000);
	map(f, 102, OTHER, 0x20000, 0x1000, 0, "/nowhere/a");
	assert_int_equal(t.nr, 2);
	assert_int_equal(t.key.tgid, OTHER);
}

/* It was opened: no other process's is told, however late. */
static void test_opened(void **state)
{
	const uint32_t pid = (uint32_t)getpid();
	struct told t = { .enough = true };
	struct fixture *f = *state;
	char path[4096];
	int fd;

	tracker_listen(f->tracker, on_mapped, &t);
	assert_int_equal(tracker_scan(f->tracker, &pid, 1), 0);
	fd = tracker_open_at(f->tracker, &t.key, t.start, path, sizeof(path));
	assert_true(fd >= 0);
	close(fd);
	snprintf(t.opened, sizeof(t.opened), "%.63s", path);
	t.nr = 0;
	usleep(250000);
	assert_int_equal(tracker_rescan(f->tracker), 0);
	assert_true(t.nr > 0);
	assert_int_equal(t.nr_opened, 0);
}

static struct space_version version_of(struct fixture *f, const struct space_key *key)
{
	struct space_version v = { 0 };

	assert_true(tracker_space_version(f->tracker, key, &v));
	return v;
}

/* Of a file that is followed each process is told, also one that is forked. */
static void test_followed(void **state)
{
	struct told t = { .enough = true };
	struct fixture *f = *state;
	struct space_version v;

	tracker_listen(f->tracker, on_mapped, &t);
	map(f, 100, PID, 0x10000, 0x1000, 0, "/bin/a");
	map(f, 101, OTHER, 0x10000, 0x1000, 0, "/bin/a");
	map(f, 102, OTHER, 0x30000, 0x1000, 0, "/lib/b");
	assert_int_equal(t.nr, 2);
	/* At once of those that map it already. */
	t = (struct told){ .enough = true, .key = t.key };
	tracker_follow(f->tracker, &t.key, 0x10000);
	assert_int_equal(t.nr, 2);
	assert_string_equal(t.path, "/bin/a");
	tracker_follow(f->tracker, &t.key, 0x10000);
	tracker_follow(f->tracker, &t.key, 0x50000);
	assert_int_equal(t.nr, 2);
	happen(f, PROCESS_FORK, 110, THIRD, THIRD, PID);
	assert_int_equal(t.nr, 3);
	assert_int_equal(t.key.tgid, THIRD);
	assert_int_equal(t.start, 0x10000);
	v = version_of(f, &t.key);
	assert_true(v.forked && v.from == 110 && v.parent == PID && !v.until);
	/* A thread is none; after an exec it is another space. */
	happen(f, PROCESS_FORK, 111, PID, PID + 1, PID);
	happen(f, PROCESS_EXEC, 112, THIRD, THIRD, 0);
	assert_int_equal(t.nr, 3);
	assert_true(version_of(f, &t.key).until == 112);
	map(f, 113, THIRD, 0x30000, 0x1000, 0, "/lib/b");
	assert_int_equal(t.nr, 3);
	map(f, 114, THIRD, 0x10000, 0x1000, 0, "/bin/a");
	assert_int_equal(t.nr, 4);
	v = version_of(f, &t.key);
	assert_true(!v.forked && v.from == 112 && !v.until);
}

static void test_files_only(void **state)
{
	static const char *const others[] = { "", "//anon", "[heap]", "[vdso]", "[uprobes]" };
	struct told t = { .enough = true };
	struct fixture *f = *state;

	tracker_listen(f->tracker, on_mapped, &t);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		map(f, 100 + i, PID, 0x10000 * (i + 1), 0x1000, 0, others[i]);
	assert_int_equal(t.nr, 0);
	/* An executable may have been started from memory. */
	map(f, 200, PID, 0x100000, 0x1000, 0, "/memfd:x (deleted)");
	assert_int_equal(t.nr, 1);
}

struct marks {
	uint32_t nr, tgid, mark;
};

static void on_mark(void *ctx, uint32_t tgid, uint32_t mark)
{
	struct marks *m = ctx;

	m->nr++;
	m->tgid = tgid;
	m->mark = mark;
}

static struct marks marks_of(const struct fixture *f)
{
	struct marks m = { 0 };

	tracker_each_marked(f->tracker, on_mark, &m);
	return m;
}

/* Who maps a file with a number now: also those that were forked, and none that are gone. */
static void test_marks(void **state)
{
	struct told t = { .enough = true };
	struct fixture *f = *state;
	struct marks m;

	tracker_listen(f->tracker, on_mapped, &t);
	map(f, 100, PID, 0x10000, 0x1000, 0, "/bin/a");
	map(f, 101, PID, 0x20000, 0x1000, 0, "/lib/b");
	assert_int_equal(marks_of(f).nr, 0);
	tracker_mark(f->tracker, &t.key, 0x20000, 7);
	/* Nothing is there. */
	tracker_mark(f->tracker, &t.key, 0x50000, 8);
	m = marks_of(f);
	assert_int_equal(m.nr, 1);
	assert_int_equal(m.tgid, PID);
	assert_int_equal(m.mark, 7);
	map(f, 102, OTHER, 0x20000, 0x1000, 0, "/lib/b");
	happen(f, PROCESS_FORK, 103, THIRD, THIRD, PID);
	assert_int_equal(marks_of(f).nr, 3);
	/* It is another program now. */
	happen(f, PROCESS_EXEC, 104, PID, PID, 0);
	assert_int_equal(marks_of(f).nr, 2);
	happen(f, PROCESS_EXIT, 105, THIRD, THIRD, 0);
	m = marks_of(f);
	assert_int_equal(m.nr, 1);
	assert_int_equal(m.tgid, OTHER);
}

/* What ran before is told of by the scan, and can be opened. */
static void test_scan_and_open(void **state)
{
	struct told t = { .enough = false };
	struct fixture *f = *state;
	const uint32_t pid = (uint32_t)getpid();
	struct stat own, opened;
	char path[4096], link[4096];
	ssize_t size = readlink("/proc/self/exe", link, sizeof(link) - 1);
	int fd;

	assert_true(size > 0);
	link[size] = '\0';
	tracker_listen(f->tracker, on_mapped, &t);
	assert_int_equal(tracker_scan(f->tracker, &pid, 1), 0);
	assert_true(t.nr > 2);
	assert_int_equal(t.key.tgid, pid);
	fd = tracker_open_at(f->tracker, &t.key, (uintptr_t)on_mapped, path, sizeof(path));
	assert_true(fd >= 0);
	assert_string_equal(path, link);
	assert_int_equal(fstat(fd, &opened), 0);
	assert_int_equal(stat("/proc/self/exe", &own), 0);
	assert_int_equal(opened.st_ino, own.st_ino);
	close(fd);
	assert_true(tracker_open_at(f->tracker, &t.key, 4096, path, sizeof(path)) < 0);
	t.key.seq++;
	assert_true(tracker_open_at(f->tracker, &t.key, (uintptr_t)on_mapped, path, sizeof(path)) <
		    0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_once_a_file), TEST(test_again),	  TEST(test_gone),
		TEST(test_opened),	TEST(test_followed),	  TEST(test_files_only),
		TEST(test_marks),	TEST(test_scan_and_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
