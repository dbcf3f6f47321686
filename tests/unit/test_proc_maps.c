// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/strbuf.h"
#include "process/proc_maps.h"
#include "process/proc_stat.h"

struct seen {
	struct proc_map maps[4096];
	char paths[4096][300];
	unsigned nr;
};

static int keep(void *ctx, const struct proc_map *m)
{
	struct seen *s = ctx;

	assert_true(s->nr < ARRAY_SIZE(s->maps));
	s->maps[s->nr] = *m;
	snprintf(s->paths[s->nr], sizeof(s->paths[0]), "%s", m->path);
	s->nr++;
	return 0;
}

static struct seen seen;

static int read_text(const char *text, size_t size, uint32_t *ret_bad)
{
	int fd = memfd_create("maps", MFD_CLOEXEC), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), (ssize_t)size);
	lseek(fd, 0, SEEK_SET);
	seen.nr = 0;
	r = proc_maps_read(fd, keep, &seen, ret_bad);
	close(fd);
	return r;
}

static void test_forms(void **state)
{
	static const char text[] =
		"555500000000-555500001000 r--p 00000000 fe:00 1234                       /bin/a "
		"b\n"
		"555500001000-555500003000 r-xp 00001000 fe:00 1234                       /bin/a "
		"b\n"
		"7f0000000000-7f0000001000 r-xp 00000000 00:05 99                         "
		"/tmp/x\\012y"
		" (deleted)\n"
		"7f0000002000-7f0000003000 rwxp 00000000 00:00 0 \n"
		"7f0000003000-7f0000004000 rwxp 00000000 00:00 0\n"
		"7f0000005000-7f0000006000 r-xp 00000000 00:00 0                          [vdso]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  "
		"[vsyscall]\n"
		"7f0000007000-7f0000008000 --xs 7fffffffff000 103:11 184467440737095 /x\\0123\\13";
	uint32_t bad = 9;

	(void)state;
	assert_int_equal(read_text(text, sizeof(text) - 1, &bad), 7);
	assert_int_equal(bad, 0);
	assert_int_equal(seen.maps[0].start, 0x555500001000);
	assert_int_equal(seen.maps[0].end, 0x555500003000);
	assert_int_equal(seen.maps[0].offset, 0x1000);
	assert_int_equal(seen.maps[0].dev, makedev(0xfe, 0));
	assert_int_equal(seen.maps[0].ino, 1234);
	assert_string_equal(seen.paths[0], "/bin/a b");
	assert_string_equal(seen.paths[1], "/tmp/x\ny (deleted)");
	assert_string_equal(seen.paths[2], "");
	assert_string_equal(seen.paths[3], "");
	assert_string_equal(seen.paths[4], "[vdso]");
	assert_string_equal(seen.paths[5], "[vsyscall]");
	assert_int_equal(seen.maps[6].dev, makedev(0x103, 0x11));
	assert_int_equal(seen.maps[6].ino, 184467440737095);
	assert_string_equal(seen.paths[6], "/x\n3\\13");
}

static void test_malformed(void **state)
{
	static const char *const lines[] = {
		"",
		"-",
		"zz-1000 r-xp 0 0:0 0",
		"1000 r-xp 0 0:0 0",
		"2000-1000 r-xp 0 0:0 0",
		"1000-1000 r-xp 0 0:0 0",
		"10000000000000000-20000000000000000 r-xp 0 0:0 0",
		"1000-2000 r-x",
		"1000-2000 r-xp",
		"1000-2000 r-xp ",
		"1000-2000 r-xp 0",
		"1000-2000 r-xp 0 0",
		"1000-2000 r-xp 0 0:",
		"1000-2000 r-xp 0 0:0",
		"1000-2000 r-xp 0 0:0 99999999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct proc_map m;
		char line[100];

		snprintf(line, sizeof(line), "%s", lines[i]);
		assert_int_equal(proc_maps_line(line, strlen(line), &m), -EINVAL);
	}
}

/* A line that fits no buffer costs only itself, wherever the pieces are cut. */
static void test_long_line(void **state)
{
	static const char good[] = "1000-2000 r-xp 00000000 00:00 0 /good\n";
	struct strbuf text = STRBUF_INIT;
	uint32_t bad;

	(void)state;
	for (int i = 0; i < 300; i++)
		strbuf_adds(&text, good);
	strbuf_adds(&text, "1000-2000 r-xp 00000000 00:00 0 /");
	for (int i = 0; i < 100000; i++)
		strbuf_addch(&text, 'x');
	strbuf_addch(&text, '\n');
	for (int i = 0; i < 300; i++)
		strbuf_adds(&text, good);
	assert_int_equal(read_text(text.buf, text.len, &bad), 600);
	assert_int_equal(bad, 1);
	for (unsigned i = 0; i < seen.nr; i++)
		assert_string_equal(seen.paths[i], "/good");
	strbuf_done(&text);
}

static int check_object(struct dl_phdr_info *info, size_t size, void *data)
{
	unsigned *nr = data;

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uint64_t at = info->dlpi_addr + p->p_vaddr;
		const struct proc_map *found = NULL;
		struct stat st;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		for (unsigned j = 0; j < seen.nr; j++) {
			if (at >= seen.maps[j].start && at < seen.maps[j].end)
				found = &seen.maps[j];
		}
		assert_non_null(found);
		if (info->dlpi_name[0] == '/') {
			assert_int_equal(stat(info->dlpi_name, &st), 0);
			assert_int_equal(st.st_ino, found->ino);
		}
		if (found->ino)
			assert_int_equal(at - found->start + found->offset, p->p_offset);
		++*nr;
	}
	return 0;
}

static void test_self(void **state)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	unsigned nr = 0;
	uint32_t bad;

	(void)state;
	seen.nr = 0;
	assert_true(proc_maps_read(fd, keep, &seen, &bad) > 0);
	assert_int_equal(bad, 0);
	close(fd);
	dl_iterate_phdr(check_object, &nr);
	assert_true(nr >= 3); /* ourselves, the C library, the vdso or the loader */
}

static void test_stat(void **state)
{
	static const char text[] = "77 (a) b (c) R 1) S 12 77 77 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 "
				   "42 0 123456 1000 1 18446744073709551615\n";
	struct proc_stat s, other;

	(void)state;
	assert_int_equal(proc_stat_parse(text, &s), 0);
	assert_int_equal(s.state, 'S');
	assert_int_equal(s.parent, 12);
	assert_int_equal(s.nr_threads, 42);
	assert_int_equal(s.start_ns, 1234560000000);
	assert_true(proc_same_start(s.start_ns, s.start_ns + 9999999));
	assert_false(proc_same_start(s.start_ns, s.start_ns + 20000000));
	assert_int_equal(proc_stat_parse("77 (x", &other), -EINVAL);
	assert_int_equal(proc_stat_parse("77 (x) S 1 2", &other), -EINVAL);
	assert_int_equal(proc_stat_parse("", &other), -EINVAL);
}

static void test_status(void **state)
{
	struct proc_status s;
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(
		proc_status_parse("Name:\tx\nUid:\t1\t2\t3\t4\nNSpid:\t700\t30\t5\nX:\t9\n", &s),
		0);
	assert_int_equal(s.uid, 2);
	assert_int_equal(s.ns_pid, 5);
	assert_int_equal(proc_status_parse("Name:\tx\nUid:\t1\t2\t3\t4\n", &s), -EINVAL);
	assert_int_equal(proc_status_parse("Name:\tx\nUid:\t1\nNSpid:\t7\n", &s), -EINVAL);
	assert_int_equal(proc_status_read(proc, (uint32_t)getpid(), &s), 0);
	assert_int_equal(s.uid, geteuid());
	assert_int_equal(s.ns_pid, getpid());
	close(proc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),	  cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_long_line), cmocka_unit_test(test_self),
		cmocka_unit_test(test_stat),	  cmocka_unit_test(test_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
