// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The tracker: the files behind the addresses. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "process/build_id.h"
#include "process/cgroup.h"
#include "tracker_fixture.h"

static void test_kinds(void **state)
{
	static const struct {
		const char *path;
		enum object_kind kind;
	} cases[] = {
		{ "", OBJECT_JIT },
		{ "//anon", OBJECT_JIT },
		{ "[heap]", OBJECT_JIT },
		{ "[anon:v8]", OBJECT_JIT },
		{ "[anon_shmem:x]", OBJECT_JIT },
		{ "[stack]", OBJECT_JIT },
		{ "/dev/zero", OBJECT_JIT },
		{ "/dev/zero (deleted)", OBJECT_JIT },
		{ "/memfd:doublemapper (deleted)", OBJECT_JIT },
		{ "/anon_hugepage (deleted)", OBJECT_JIT },
		{ "/SYSV00000000 (deleted)", OBJECT_JIT },
		{ "/bin/x", OBJECT_ELF },
		{ "/bin/x (deleted)", OBJECT_ELF },
		{ "/memfd:", OBJECT_ELF },
		{ "[uprobes]", OBJECT_ELF },
		{ "//toolong", OBJECT_ELF },
		{ "[vdso]", OBJECT_VDSO },
	};
	struct fixture *f = *state;
	uint64_t address = 0x7f0000000000;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++, address += 0x10000) {
		map(f, 100 + i, PID, address, 0x1000, 0x3000, cases[i].path);
		if (kind_at(f, PID, address) != cases[i].kind)
			fail_msg("%s", cases[i].path);
	}
	assert_string_equal(at(f, 1000, PID, 0x7f0000000000 + 16 * 0x10000 + 0x10), "[vdso]+10");
	assert_string_equal(at(f, 1000, PID, 0x7f0000000010), "//anon+7f0000000010");
	assert_string_equal(at(f, 1000, PID, 0x7f0000000000 + 8 * 0x10000), "//anon+7f0000080000");
	/* Without " (deleted)", which is no part of a name. */
	assert_string_equal(at(f, 1000, PID, 0x7f0000000000 + 12 * 0x10000), "/bin/x+3000");
	/* A vdso below 4 GiB is a 32-bit one, which we can't read. */
	map(f, 900, OTHER, 0xf7f00000, 0x1000, 0, "[vdso]");
	assert_int_equal(kind_at(f, OTHER, 0xf7f00010), OBJECT_NONE);
}

static int find_build_id(uint8_t *id, uint32_t *size)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	*size = build_id_read(fd, id);
	close(fd);
	return *size ? 0 : -1;
}

/* A file of our own root is only taken for a process's if it is surely the same. */
static void test_build_id_decides(void **state)
{
	struct fixture *f = *state;
	struct process_event e = { .kind = PROCESS_MAP,
				   .time = 100,
				   .tgid = PID,
				   .tid = PID,
				   .start = 0x10000,
				   .size = 0x1000 };
	uint64_t address = 0x10000;
	struct process_id id = { .tgid = PID, .time = 200 };
	struct raw_frame first, second, third;
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (find_build_id(e.build_id, &e.build_id_size))
		skip();
	assert_true(n > 0);
	path[n] = '\0';
	e.path = path;
	e.build_id[0] ^= 1;
	assert_int_equal(tracker_event(f->tracker, &e), 0);
	assert_int_equal(tracker_frames(f->tracker, &id, &address, 1, &first), 1);
	assert_int_equal(f->capture.objects[first.object].fd, -1);
	e.build_id[0] ^= 1;
	e.time = 300;
	id.time = 400;
	assert_int_equal(tracker_event(f->tracker, &e), 0);
	assert_int_equal(tracker_frames(f->tracker, &id, &address, 1, &second), 1);
	assert_int_not_equal(first.object, second.object);
	/* The first try through this space failed for another file: this one is its own. */
	assert_true(f->capture.objects[second.object].fd >= 0);
	/* Another path, the same file. */
	e.tgid = e.tid = id.tgid = OTHER;
	e.path = "/somewhere/else";
	assert_int_equal(tracker_event(f->tracker, &e), 0);
	assert_int_equal(tracker_frames(f->tracker, &id, &address, 1, &third), 1);
	assert_int_equal(second.object, third.object);
}

/* A copy of our own program, with its build-id, that anybody may write to. */
static void make_impostor(const char *path)
{
	_cleanup_close_ int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char buf[4096];
	ssize_t n;

	assert_true(from >= 0 && to >= 0);
	while ((n = read(from, buf, sizeof(buf))) > 0)
		assert_int_equal(write(to, buf, (size_t)n), n);
	assert_int_equal(fchmod(to, 0666), 0);
}

/* A build-id that anybody can have made up gives nobody else's file another one's code. */
static void test_impostor(void **state)
{
	struct fixture *f = *state;
	char folder[] = "/tmp/bpfprof-test-XXXXXX", fake[64], path[4096] = "";
	struct process_event e = { .kind = PROCESS_MAP,
				   .time = 100,
				   .tgid = PID,
				   .tid = PID,
				   .start = 0x10000,
				   .size = 0x1000,
				   .path = fake };
	struct process_id id = { .tgid = PID, .time = 200 };
	struct raw_frame first, second;
	uint64_t address = 0x10000;
	struct stat st;

	if (find_build_id(e.build_id, &e.build_id_size) || stat("/proc/self/exe", &st) ||
	    st.st_mode & (S_IWGRP | S_IWOTH))
		skip();
	assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	assert_non_null(mkdtemp(folder));
	snprintf(fake, sizeof(fake), "%s/fake", folder);
	make_impostor(fake);
	assert_int_equal(tracker_event(f->tracker, &e), 0);
	assert_int_equal(tracker_frames(f->tracker, &id, &address, 1, &first), 1);
	assert_true(f->capture.objects[first.object].fd >= 0);
	e.tgid = e.tid = id.tgid = OTHER;
	e.path = path;
	assert_int_equal(tracker_event(f->tracker, &e), 0);
	assert_int_equal(tracker_frames(f->tracker, &id, &address, 1, &second), 1);
	assert_int_not_equal(first.object, second.object);
	assert_true(f->capture.objects[second.object].fd >= 0);
	assert_string_equal(f->capture.objects[second.object].path, path);
	unlink(fake);
	rmdir(folder);
}

/* By device and inode, where there is no build-id; a pipe of that name is never read. */
static void test_hostile_paths(void **state)
{
	struct fixture *f = *state;
	struct process_event e = { .kind = PROCESS_MAP,
				   .time = 100,
				   .tgid = PID,
				   .tid = PID,
				   .start = 0x10000,
				   .size = 0x1000 };
	char folder[] = "/tmp/bpfprof-test-XXXXXX", fifo[64], link[64], text[64];
	const char *paths[] = { fifo,
				link,
				text,
				"/dev/null",
				"/proc/self/mem",
				"/",
				"relative",
				"/nonexistent/\n\x1b[31m" };
	FILE *file;

	assert_non_null(mkdtemp(folder));
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	snprintf(link, sizeof(link), "%s/link", folder);
	snprintf(text, sizeof(text), "%s/text", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(symlink(fifo, link), 0);
	file = fopen(text, "w");
	fputs("not a program", file);
	fclose(file);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++, e.start += 0x10000) {
		struct process_id id = { .tgid = PID, .time = 200 };
		struct raw_frame frame;
		struct stat st;

		e.path = paths[i];
		e.dev = e.ino = 0;
		if (!stat(paths[i], &st)) {
			e.dev = st.st_dev;
			e.ino = st.st_ino;
		}
		assert_int_equal(tracker_event(f->tracker, &e), 0);
		assert_int_equal(tracker_frames(f->tracker, &id, &e.start, 1, &frame), 1);
		assert_int_equal(f->capture.objects[frame.object].fd >= 0,
				 paths[i] == text || !strcmp(paths[i], "/proc/self/mem"));
	}
	unlink(fifo);
	unlink(link);
	unlink(text);
	rmdir(folder);
}

static void test_self(void **state)
{
	struct fixture *f = *state;
	uint32_t pid = (uint32_t)getpid();
	struct process_id id = { .tgid = pid, .time = 1 };
	uint64_t address = (uint64_t)(uintptr_t)test_self, jit;
	struct raw_frame frame;
	const struct object *o;
	struct stat mine, theirs;
	void *code;

	assert_int_equal(tracker_scan(f->tracker, &pid, 1), 0);
	assert_int_equal(tracker_frames(f->tracker, &id, &address, 1, &frame), 1);
	o = &f->capture.objects[frame.object];
	assert_int_equal(o->kind, OBJECT_ELF);
	assert_true(o->fd >= 0);
	assert_int_equal(fstat(o->fd, &theirs), 0);
	assert_int_equal(stat("/proc/self/exe", &mine), 0);
	assert_int_equal(mine.st_ino, theirs.st_ino);
	/* Mapped since: found by reading again. */
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(code, MAP_FAILED);
	jit = (uint64_t)(uintptr_t)code;
	assert_int_equal(tracker_frames(f->tracker, &id, &jit, 1, &frame), 1);
	o = &f->capture.objects[frame.object];
	assert_int_equal(o->kind, OBJECT_JIT);
	assert_int_equal(o->uid, geteuid());
	assert_int_equal(o->fd, -1);
	assert_int_equal(frame.offset, jit);
	munmap(code, 4096);
}

static void test_perf_map(void **state)
{
	struct fixture *f = *state;
	uint32_t pid = (uint32_t)getpid();
	struct process_id id = { .tgid = pid, .time = 1 };
	void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t address = (uint64_t)(uintptr_t)code;
	struct raw_frame frame;
	char path[64], text[16] = { 0 };
	uint32_t object;
	FILE *file;

	snprintf(path, sizeof(path), "/tmp/perf-%u.map", pid);
	unlink(path);
	/* A link is not followed, wherever it leads. */
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(tracker_frames(f->tracker, &id, &address, 1, &frame), 1);
	object = frame.object;
	assert_int_equal(f->capture.objects[object].fd, -1);
	unlink(path);
	file = fopen(path, "w");
	fputs("1000 10 name\n", file);
	fclose(file);
	/* Written later than the first sample: found on a later one. */
	usleep(150000);
	assert_int_equal(tracker_frames(f->tracker, &id, &address, 1, &frame), 1);
	assert_int_equal(frame.object, object);
	assert_true(f->capture.objects[object].fd >= 0);
	assert_int_equal(pread(f->capture.objects[object].fd, text, 4, 0), 4);
	assert_string_equal(text, "1000");
	unlink(path);
	munmap(code, 4096);
}

static void test_scan_all(void **state)
{
	struct fixture *f = *state;
	uint64_t address = (uint64_t)(uintptr_t)test_scan_all;
	uint32_t container, cgroup;
	struct raw_frame frame;
	struct process_id id;
	pid_t child = fork();

	if (!child) {
		pause();
		_exit(0);
	}
	assert_true(tracker_scan(f->tracker, NULL, 0) >= 0);
	id = (struct process_id){ .tgid = (uint32_t)child, .time = 1 };
	/* As a scan is done before the first stack, what it saw holds for all stacks. */
	assert_int_equal(tracker_frames(f->tracker, &id, &address, 1, &frame), 1);
	assert_int_equal(f->capture.objects[frame.object].kind, OBJECT_ELF);
	assert_int_equal(tracker_cgroup(f->tracker, (uint32_t)child, &container, &cgroup), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	/* Its end was lost; a rescan sees it. */
	assert_int_equal(tracker_rescan(f->tracker), 0);
	tracker_forget(f->tracker, UINT64_MAX);
	address = 0x7000;
	assert_int_equal(tracker_frames(f->tracker, &id, &address, 1, &frame), 0);
	assert_int_equal(f->capture.quality.n[QUALITY_NO_PROCESS], 1);
}

/* Descriptors run out: files are without names then, but ours can still be opened. */
static void test_few_descriptors(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, few = { 100, 100 };
	char folder[] = "/tmp/bpfprof-test-XXXXXX", path[64];
	unsigned opened = 0, kept = 0;
	int fds[40];

	assert_non_null(mkdtemp(folder));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (unsigned i = 0; i < 200; i++) {
		struct process_event e = { .kind = PROCESS_MAP,
					   .time = 100,
					   .tgid = PID,
					   .start = 0x10000,
					   .size = 0x1000,
					   .path = path };
		struct process_id id = { .tgid = PID, .time = 200 };
		struct raw_frame frame;
		struct stat st;

		snprintf(path, sizeof(path), "%s/%u", folder, i);
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		assert_int_equal(stat(path, &st), 0);
		e.dev = st.st_dev;
		e.ino = st.st_ino;
		assert_int_equal(tracker_event(f->tracker, &e), 0);
		assert_int_equal(tracker_frames(f->tracker, &id, &e.start, 1, &frame), 1);
		opened += f->capture.objects[frame.object].fd >= 0;
		unlink(path);
	}
	rmdir(folder);
	for (; kept < 40; kept++) {
		fds[kept] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fds[kept] < 0)
			break;
	}
	for (unsigned i = 0; i < kept; i++)
		close(fds[i]);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(kept, 40);
	assert_in_range(opened, 20, 50);
}

/* One that is gone is where the one that made it is. */
static void test_cgroup_of_parent(void **state)
{
	struct fixture *f = *state;
	uint32_t mine[2], theirs[2], pid = (uint32_t)getpid();
	struct strbuf text = STRBUF_INIT, path = STRBUF_INIT, container = STRBUF_INIT;

	assert_true(file_read("/proc/self/cgroup", 1 << 16, &text) > 0);
	cgroup_parse(strbuf_str(&text), &path, &container);
	happen(f, PROCESS_FORK, 100, PID, PID, pid);
	happen(f, PROCESS_FORK, 110, OTHER, OTHER, PID);
	assert_int_equal(tracker_cgroup(f->tracker, OTHER, &theirs[0], &theirs[1]), 0);
	assert_string_equal(capture_string_at(&f->capture, theirs[1]), strbuf_str(&path));
	assert_string_equal(capture_string_at(&f->capture, theirs[0]), strbuf_str(&container));
	assert_int_equal(tracker_cgroup(f->tracker, pid, &mine[0], &mine[1]), 0);
	assert_memory_equal(mine, theirs, sizeof(mine));
	strbuf_done(&text);
	strbuf_done(&path);
	strbuf_done(&container);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kinds),
		TEST(test_build_id_decides),
		TEST(test_impostor),
		TEST(test_hostile_paths),
		TEST(test_self),
		TEST(test_perf_map),
		TEST(test_scan_all),
		TEST(test_few_descriptors),
		TEST(test_cgroup_of_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
