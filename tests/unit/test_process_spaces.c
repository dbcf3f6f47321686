// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whole address spaces of the tracker: what they map, when that changes, what continues what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/elf_segments.h"
#include "tracker_fixture.h"

#define FILE_NAME "/proc/self/exe"

static struct space_version version(struct fixture *f, uint64_t time)
{
	struct process_id id = { .tgid = PID, .time = time };
	struct space_version v = { 0 };
	struct space_key key;

	assert_int_equal(tracker_space(f->tracker, &id, &key), 1);
	assert_true(tracker_space_version(f->tracker, &key, &v));
	return v;
}

static void test_version(void **state)
{
	struct fixture *f = *state;
	struct space_version a, b;

	map(f, 100, PID, 0x10000, 0x4000, 0x1000, "/bin/a");
	a = version(f, 110);
	/* A part of what is known. */
	map(f, 120, PID, 0x11000, 0x1000, 0x2000, "/bin/a");
	b = version(f, 130);
	assert_int_equal(b.changes, a.changes);
	assert_int_equal(b.replaced, a.replaced);
	assert_int_equal(b.nr, a.nr);
	assert_int_equal(b.family, a.family);
	/* More of it, and something beside. */
	map(f, 140, PID, 0x12000, 0x4000, 0x3000, "/bin/a");
	map(f, 141, PID, 0x20000, 0x1000, 0, "//anon");
	b = version(f, 150);
	assert_int_equal(b.changes, a.changes + 2);
	assert_int_equal(b.replaced, a.replaced);
	/* Another file, and the same one at another offset. */
	map(f, 160, PID, 0x15000, 0x2000, 0, "/bin/b");
	map(f, 161, PID, 0x10000, 0x1000, 0, "/bin/a");
	b = version(f, 170);
	assert_int_equal(b.changes, a.changes + 4);
	assert_int_equal(b.replaced, a.replaced + 2);
	/* Up to its first byte, and behind its last. */
	map(f, 180, PID, 0xf000, 0x1000, 0, "/bin/c");
	map(f, 181, PID, 0x17000, 0x1000, 0, "/bin/c");
	assert_int_equal(version(f, 190).replaced, b.replaced);
}

static void test_forgotten(void **state)
{
	struct fixture *f = *state;
	struct process_id id = { .tgid = PID, .time = 150 }, later = { .tgid = PID, .time = 250 };
	struct space_key first, second;
	struct space_version v;

	map(f, 100, PID, 0x10000, 0x4000, 0x1000, "/bin/a");
	happen(f, PROCESS_EXEC, 200, PID, PID, 0);
	assert_int_equal(tracker_space(f->tracker, &id, &first), 1);
	assert_int_equal(tracker_space(f->tracker, &later, &second), 1);
	assert_int_not_equal(first.seq, second.seq);
	tracker_forget(f->tracker, 2000000000);
	assert_false(tracker_space_version(f->tracker, &first, &v));
	assert_true(tracker_space_version(f->tracker, &second, &v));
}

struct listing {
	struct mapped m[16];
	uint32_t nr;
};

static int list(void *ctx, const struct mapped *m)
{
	struct listing *l = ctx;

	assert_true(l->nr < 16);
	l->m[l->nr++] = *m;
	return 0;
}

static struct listing listed(struct fixture *f, uint32_t pid)
{
	struct process_id id = { .tgid = pid, .time = 1000 };
	struct listing l = { .nr = 0 };
	struct space_key key;

	assert_int_equal(tracker_space(f->tracker, &id, &key), 1);
	assert_int_equal(tracker_each_mapped(f->tracker, &key, list, &l), 0);
	return l;
}

static void test_list(void **state)
{
	struct fixture *f = *state;
	struct process_id id = { .tgid = PID, .time = 1000 };
	struct space_key key;
	struct listing l;
	struct mapped m;

	map(f, 100, PID, 0x10000, 0x4000, 0x1000, "/bin/a");
	map(f, 101, PID, 0x20000, 0x1000, 0, "//anon");
	map(f, 102, PID, 0x30000, 0x1000, 0, "[uprobes]");
	map(f, 103, PID, 0x7f0000040000, 0x1000, 0, "[vdso]");
	l = listed(f, PID);
	assert_int_equal(l.nr, 4);
	assert_int_equal(l.m[0].kind, MAPPED_ELF);
	assert_int_equal(l.m[0].offset, 0x1000);
	assert_int_equal(l.m[0].object, UINT32_MAX);
	assert_int_equal(l.m[1].kind, MAPPED_JIT);
	assert_int_equal(l.m[2].kind, MAPPED_SPECIAL);
	assert_int_equal(l.m[3].kind, MAPPED_VDSO);
	assert_int_equal(tracker_space(f->tracker, &id, &key), 1);
	assert_int_equal(tracker_open_mapped(f->tracker, &key, 0x10010, &m), 1);
	assert_int_equal(m.kind, MAPPED_ELF);
	assert_string_equal(f->capture.objects[m.object].path, "/bin/a");
	assert_int_equal(listed(f, PID).m[0].object, m.object);
	assert_int_equal(tracker_open_mapped(f->tracker, &key, 0x18000, &m), 0);
	/* Another process that maps it knows it by now. */
	map(f, 104, OTHER, 0x50000, 0x1000, 0, "/bin/a");
	assert_int_equal(listed(f, OTHER).m[0].object, m.object);
}

/* This program's own code: where in the file, and where in memory. */
static struct elf_segment own_text(char path[4096])
{
	_cleanup_free_ struct elf_segment *all = NULL;
	int fd = open(FILE_NAME, O_RDONLY | O_CLOEXEC);
	uint32_t nr = elf_segments_read(fd, &all);
	ssize_t size = readlink(FILE_NAME, path, 4095);

	assert_true(size > 0);
	path[size] = '\0';
	close(fd);
	for (uint32_t i = 0; i < nr; i++)
		if (all[i].type == PT_LOAD && all[i].flags & PF_X)
			return all[i];
	fail();
	return (struct elf_segment){ 0 };
}

static void map_own(struct fixture *f, uint64_t start, uint64_t size, uint64_t offset,
		    const char *path)
{
	struct process_event e = { .kind = PROCESS_MAP,
				   .time = 100,
				   .tgid = PID,
				   .tid = PID,
				   .start = start,
				   .size = size,
				   .file_offset = offset,
				   .path = path };
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	e.dev = st.st_dev;
	e.ino = st.st_ino;
	assert_int_equal(tracker_event(f->tracker, &e), 0);
}

/* Text that was copied to anonymous memory, in its middle, and up to its end. */
static void test_continued(void **state)
{
	static char path[4096], want[4200];
	struct fixture *f = *state;
	struct elf_segment text = own_text(path);
	uint64_t size = (text.size + 4095) & ~4095ull, base = 0x7f0000000000;
	struct listing l;

	assert_int_equal(text.offset % 4096, 0);
	assert_true(size >= 0x8000);
	map_own(f, base, size, text.offset, path);
	map(f, 101, PID, base + 0x2000, 0x1000, 0, "//anon");
	map(f, 102, PID, base + 0x4000, size - 0x4000 + 0x3000, 0, "//anon");
	/* Not where it has code, whatever it touches. */
	map(f, 103, PID, base - 0x1000, 0x1000, 0, "//anon");
	snprintf(want, sizeof(want), "%s+%lx", path, (unsigned long)text.offset + 0x2010);
	assert_string_equal(at(f, 500, PID, base + 0x2010), want);
	snprintf(want, sizeof(want), "%s+%lx", path, (unsigned long)(text.offset + size - 1));
	assert_string_equal(at(f, 500, PID, base + size - 1), want);
	assert_int_equal(kind_at(f, PID, base + size), OBJECT_JIT);
	assert_int_equal(kind_at(f, PID, base - 1), OBJECT_JIT);
	l = listed(f, PID);
	assert_int_equal(l.nr, 6);
	assert_int_equal(l.m[0].kind, MAPPED_JIT);
	for (uint32_t i = 1; i < 5; i++) {
		assert_int_equal(l.m[i].kind, MAPPED_ELF);
		assert_int_equal(l.m[i].object, l.m[1].object);
		assert_int_equal(l.m[i].offset - text.offset, l.m[i].start - base);
	}
	assert_int_equal(l.m[4].end, base + size);
	assert_int_equal(l.m[5].kind, MAPPED_JIT);
	assert_int_equal(l.m[5].end, base + size + 0x3000);
}

/* A JIT's memory that lies near a file, but does not touch it. */
static void test_not_continued(void **state)
{
	static char path[4096];
	struct fixture *f = *state;
	struct elf_segment text = own_text(path);
	uint64_t base = 0x7f0000000000;

	map_own(f, base, 0x2000, text.offset, path);
	map(f, 101, PID, base + 0x3000, 0x1000, 0, "//anon");
	assert_int_equal(kind_at(f, PID, base + 0x3000), OBJECT_JIT);
	/* Between two parts of it, it need not. */
	map_own(f, base + 0x6000, 0x1000, text.offset + 0x6000, path);
	assert_int_equal(kind_at(f, PID, base + 0x3000), OBJECT_ELF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_version),   TEST(test_forgotten),	TEST(test_list),
		TEST(test_continued), TEST(test_not_continued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
