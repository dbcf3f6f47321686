// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Real processes, seen by the real side-band. What a frame says is held
 * against the program itself: the bytes in the object's file at the frame's
 * offset have to be those that the program read from its own memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collect/build_id.h"
#include "watch.h"

enum { PAGES = 128, CHILDREN = 200 };

static char target[] = TARGETS "/process_target", target2[] = TARGETS "/process_target2",
	    target_static[] = TARGETS "/process_target_static",
	    plugin[] = TARGETS "/libprocess_plugin.so", folder[] = "/tmp/bpfprof-live-XXXXXX";

static int set_up(void **state)
{
	static struct watch w;

	*state = &w;
	return watch_open(&w, PAGES);
}

static int tear_down(void **state)
{
	struct watch *w = *state;

	assert_false(w->out_of_order);
	watch_close(w);
	return 0;
}

static char *in_folder(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return path;
}

static void copy(const char *from, const char *to)
{
	char command[1024];

	snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

static const struct object *frame_of(struct watch *w, const struct target *t, uint64_t time,
				     struct raw_frame *ret)
{
	struct process_id id = { .tgid = (uint32_t)t->pid, .time = time };

	assert_int_equal(tracker_frames(w->tracker, &id, &t->address, 1, ret), 1);
	return &w->capture.objects[ret->object];
}

/* The file that the frame is in holds the target's code. */
static void assert_code(const struct object *o, const struct raw_frame *f, const struct target *t)
{
	uint8_t code[sizeof(t->code)];

	assert_int_equal(o->kind, OBJECT_ELF);
	assert_true(o->fd >= 0);
	assert_int_equal(pread(o->fd, code, sizeof(code), (off_t)f->offset), sizeof(code));
	assert_memory_equal(code, t->code, sizeof(code));
}

static void assert_build_id(const struct object *o, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	uint8_t id[BUILD_ID_MAX];
	uint32_t size = build_id_read(fd, id);

	assert_true(fd >= 0 && size > 0);
	assert_int_equal(o->build_id_size, size);
	assert_memory_equal(o->build_id, id, size);
	close(fd);
}

struct life {
	pid_t pid;
	bool fork, exec, exit;
	unsigned program, library, vdso;
};

static struct life lives[CHILDREN];

static void note_life(struct watch *w, const struct process_event *e)
{
	(void)w;
	for (unsigned i = 0; i < CHILDREN; i++) {
		struct life *l = &lives[i];

		if (l->pid != (pid_t)e->tgid)
			continue;
		l->fork |= e->kind == PROCESS_FORK && e->parent == (uint32_t)getpid();
		l->exec |= e->kind == PROCESS_EXEC && l->fork;
		l->exit |= e->kind == PROCESS_EXIT && l->exec;
		if (e->kind == PROCESS_MAP && l->exec) {
			l->program += strstr(e->path, "/true") != NULL;
			l->library += strstr(e->path, "libc") != NULL;
			l->vdso += !strcmp(e->path, "[vdso]");
		}
	}
}

static void test_short_lives(void **state)
{
	char *argv[] = { (char[]){ "/bin/true" }, NULL };
	struct watch *w = *state;

	memset(lives, 0, sizeof(lives));
	w->saw = note_life;
	for (unsigned i = 0; i < CHILDREN; i++)
		assert_int_equal(posix_spawn(&lives[i].pid, argv[0], NULL, NULL, argv, NULL), 0);
	for (unsigned i = 0; i < CHILDREN; i++)
		waitpid(lives[i].pid, NULL, 0);
	assert_int_equal(watch_pump(w), 0);
	assert_int_equal(w->lost, 0);
	for (unsigned i = 0; i < CHILDREN; i++) {
		assert_true(lives[i].fork && lives[i].exec && lives[i].exit);
		assert_true(lives[i].program && lives[i].library && lives[i].vdso);
	}
}

static void test_short_life_resolves(void **state)
{
	char *argv[] = { target, (char[]){ "20" }, NULL };
	struct watch *w = *state;
	struct raw_frame f;
	struct target t;
	uint64_t time;

	assert_int_equal(target_start(&t, argv, NULL, NULL), 0);
	assert_int_equal(target_hear(&t), 0);
	time = watch_now();
	target_end(&t);
	/* It is gone before anybody looks. */
	assert_int_equal(watch_pump(w), 0);
	assert_code(frame_of(w, &t, time, &f), &f, &t);
	assert_build_id(frame_of(w, &t, time, &f), target);
}

static void test_deleted(void **state)
{
	char *path = in_folder("deleted"), *argv[] = { path, (char[]){ "20" }, NULL };
	struct watch *w = *state;
	const struct object *o;
	struct raw_frame f;
	struct target t;
	uint64_t time;

	copy(target, path);
	assert_int_equal(target_start(&t, argv, NULL, NULL), 0);
	assert_int_equal(target_hear(&t), 0);
	unlink(path);
	/* Another takes its name: it is not the one that ran. */
	copy(target2, path);
	time = watch_now();
	target_end(&t);
	assert_int_equal(watch_pump(w), 0);
	o = frame_of(w, &t, time, &f);
	assert_string_equal(o->path, path);
	assert_build_id(o, target);
	assert_int_equal(o->fd, -1);
	/* One that still lives is read all the same, and what was sampled before gets its file. */
	unlink(path);
	copy(target, path);
	argv[1] = (char[]){ "wait" };
	assert_int_equal(target_start(&t, argv, NULL, NULL), 0);
	assert_int_equal(target_hear(&t), 0);
	unlink(path);
	assert_int_equal(watch_pump(w), 0);
	assert_code(frame_of(w, &t, watch_now(), &f), &f, &t);
	assert_true(w->capture.objects[f.object].fd >= 0);
	target_end(&t);
	free(path);
}

static void test_dlopen(void **state)
{
	char *argv[] = { target, (char[]){ "dlopen" }, plugin, NULL };
	struct watch *w = *state;
	struct raw_frame f;
	struct target t;

	assert_int_equal(target_start(&t, argv, NULL, NULL), 0);
	assert_int_equal(watch_pump(w), 0);
	assert_int_equal(write(t.in, "\n", 1), 1);
	assert_int_equal(target_hear(&t), 0);
	assert_int_equal(watch_pump(w), 0);
	assert_code(frame_of(w, &t, watch_now(), &f), &f, &t);
	assert_string_equal(frame_of(w, &t, watch_now(), &f)->path, plugin);
	target_end(&t);
}

/* Runs already when the watching begins: known by /proc alone. */
static void test_scan(void **state)
{
	char *argv[] = { target, (char[]){ "dlopen" }, plugin, NULL };
	struct watch *w = *state;
	struct raw_frame f;
	struct target t;

	watch_close(w);
	assert_int_equal(target_start(&t, argv, NULL, NULL), 0);
	assert_int_equal(write(t.in, "\n", 1), 1);
	assert_int_equal(target_hear(&t), 0);
	assert_int_equal(watch_open(w, PAGES), 0);
	assert_int_equal(tracker_scan(w->tracker, NULL, 0), 0);
	assert_int_equal(watch_pump(w), 0);
	assert_code(frame_of(w, &t, watch_now(), &f), &f, &t);
	assert_build_id(frame_of(w, &t, watch_now(), &f), plugin);
	target_end(&t);
}

static void enter_namespace(void *ctx)
{
	const char *const *paths = ctx;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(paths[0], paths[1], NULL, MS_BIND, NULL))
		_exit(126);
}

/* The path that it was started by is another file to everybody else. */
static void test_mount_namespace(void **state)
{
	char *path = in_folder("bound"), *argv[] = { path, (char[]){ "wait" }, NULL };
	const char *paths[] = { target2, path };
	struct watch *w = *state;
	const struct object *o;
	struct raw_frame f;
	struct target t;
	struct stat host, mapped;

	copy(target, path);
	assert_int_equal(target_start(&t, argv, enter_namespace, paths), 0);
	assert_int_equal(target_hear(&t), 0);
	assert_int_equal(watch_pump(w), 0);
	o = frame_of(w, &t, watch_now(), &f);
	assert_string_equal(o->path, path);
	assert_build_id(o, target2);
	assert_code(o, &f, &t);
	assert_int_equal(stat(path, &host), 0);
	assert_int_equal(fstat(o->fd, &mapped), 0);
	assert_int_not_equal(host.st_ino, mapped.st_ino);
	target_end(&t);
	unlink(path);
	free(path);
}

static void start_child_there(void *ctx)
{
	char *const *args = ctx;
	pid_t child;

	enter_namespace(ctx);
	child = fork();
	if (child) {
		/* Stays, as a shell would, after its child has gone. */
		waitpid(child, NULL, 0);
		sleep(5);
		_exit(0);
	}
	dprintf(STDOUT_FILENO, "%x \n", getpid());
	execv(args[1], (char *[]){ args[1], (char[]){ "1" }, NULL });
	_exit(127);
}

/* Gone before it was read, but whoever started it sees the same files. */
static void test_gone_from_namespace(void **state)
{
	char *path = in_folder("bound"), *argv[] = { path, NULL }, *paths[] = { target2, path };
	struct watch *w = *state;
	struct target t;
	struct raw_frame f;
	pid_t parent;

	copy(target, path);
	assert_int_equal(target_start(&t, argv, start_child_there, paths), 0);
	parent = t.pid;
	assert_int_equal(target_hear(&t), 0);
	t.pid = (pid_t)t.address;
	assert_int_equal(target_hear(&t), 0);
	while (!kill(t.pid, 0))
		usleep(1000);
	assert_int_equal(watch_pump(w), 0);
	/* The time is that of a stack: before its end. */
	assert_code(frame_of(w, &t, w->last_time, &f), &f, &t);
	assert_build_id(&w->capture.objects[f.object], target2);
	kill(parent, SIGKILL);
	t.pid = parent;
	target_end(&t);
	unlink(path);
	free(path);
}

static void enter_root(void *ctx)
{
	if (chroot(ctx) || chdir("/"))
		_exit(126);
}

static void test_chroot(void **state)
{
	char *path = in_folder("target"),
	     *argv[] = { (char[]){ "/target" }, (char[]){ "wait" }, NULL };
	struct watch *w = *state;
	struct raw_frame f;
	struct target t;

	copy(target_static, path);
	for (int scan = 0; scan < 2; scan++) {
		assert_int_equal(target_start(&t, argv, enter_root, folder), 0);
		assert_int_equal(target_hear(&t), 0);
		if (scan) {
			watch_close(w);
			assert_int_equal(watch_open(w, PAGES), 0);
			assert_int_equal(tracker_scan(w->tracker, (uint32_t *)&t.pid, 1), 0);
		}
		assert_int_equal(watch_pump(w), 0);
		assert_code(frame_of(w, &t, watch_now(), &f), &f, &t);
		target_end(&t);
	}
	unlink(path);
	free(path);
}

static void enter_overlay(void *ctx)
{
	char options[512];

	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s/upper,workdir=%s/work",
		 (const char *)ctx, folder, folder);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("overlay", ctx, "overlay", 0, options))
		_exit(126);
}

/* An overlay's inodes are not what /proc/PID/maps says on every kernel. */
static void test_overlay(void **state)
{
	char *lower = in_folder("lower"), *upper = in_folder("upper"), *work = in_folder("work"),
	     *path = in_folder("lower/target"), *argv[] = { path, (char[]){ "wait" }, NULL };
	struct watch *w = *state;
	struct raw_frame f;
	struct target t;

	mkdir(lower, 0755);
	mkdir(upper, 0755);
	mkdir(work, 0755);
	copy(target, path);
	assert_int_equal(target_start(&t, argv, enter_overlay, lower), 0);
	if (target_hear(&t)) {
		print_message("no overlayfs here\n");
		target_end(&t);
		skip();
	}
	for (int scan = 0; scan < 2; scan++) {
		if (scan) {
			watch_close(w);
			assert_int_equal(watch_open(w, PAGES), 0);
			assert_int_equal(tracker_scan(w->tracker, (uint32_t *)&t.pid, 1), 0);
		}
		assert_int_equal(watch_pump(w), 0);
		assert_code(frame_of(w, &t, watch_now(), &f), &f, &t);
	}
	target_end(&t);
	free(lower);
	free(upper);
	free(work);
	free(path);
}

/* A ring that is too small: the loss is told, and /proc mends what can be mended. */
static void test_lost(void **state)
{
	char *argv[] = { (char[]){ "/bin/true" }, NULL },
	     *last[] = { target, (char[]){ "wait" }, NULL };
	struct watch *w = *state;
	struct raw_frame f;
	struct target t;
	pid_t pid;

	watch_close(w);
	assert_int_equal(watch_open(w, 1), 0);
	for (unsigned i = 0; i < CHILDREN; i++) {
		assert_int_equal(posix_spawn(&pid, argv[0], NULL, NULL, argv, NULL), 0);
		waitpid(pid, NULL, 0);
	}
	assert_int_equal(target_start(&t, last, NULL, NULL), 0);
	assert_int_equal(target_hear(&t), 0);
	assert_int_equal(watch_pump(w), 0);
	/* Each /bin/true makes six records at least, of which a page holds few. */
	assert_true(w->lost > CHILDREN);
	assert_code(frame_of(w, &t, watch_now(), &f), &f, &t);
	target_end(&t);
	w->out_of_order = false;
}

/* 30,000 mappings, and more made and undone all the time. */
static void test_hostile_maps(void **state)
{
	char *argv[] = { target, (char[]){ "maps" }, (char[]){ "30000" }, NULL };
	struct watch *w = *state;
	uint64_t begin, spent = 0, until;
	struct raw_frame f;
	struct target t;

	assert_int_equal(target_start(&t, argv, NULL, NULL), 0);
	assert_int_equal(target_hear(&t), 0);
	until = watch_now() + 1000000000;
	while (watch_now() < until) {
		usleep(50000);
		begin = watch_now();
		assert_int_equal(watch_pump(w), 0);
		spent += watch_now() - begin;
	}
	print_message("hostile maps: %lu ms of 1000, %lu events, %lu lost, %zu KiB\n",
		      (unsigned long)(spent / 1000000), (unsigned long)w->nr_events,
		      (unsigned long)w->lost, tracker_memory(w->tracker) / 1024);
	assert_int_equal(frame_of(w, &t, watch_now(), &f)->kind, OBJECT_JIT);
	assert_true(tracker_memory(w->tracker) < 80u << 20);
	target_end(&t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_short_lives),
		TEST(test_short_life_resolves),
		TEST(test_deleted),
		TEST(test_dlopen),
		TEST(test_scan),
		TEST(test_mount_namespace),
		TEST(test_gone_from_namespace),
		TEST(test_chroot),
		TEST(test_overlay),
		TEST(test_lost),
		TEST(test_hostile_maps),
	};
	_cleanup_(sideband_closep) struct sideband *probe = NULL;
	char command[256];
	int r = sideband_open(&probe, 1);

	if (r == -EACCES || r == -EPERM || geteuid()) {
		printf("skipped: perf_event_open of the whole system needs root: %s\n",
		       strerror(-r));
		return 77;
	}
	if (!mkdtemp(folder))
		return 1;
	/* A program may be started from here by anybody's namespace. */
	chmod(folder, 0755);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) ? 1 : r;
}
