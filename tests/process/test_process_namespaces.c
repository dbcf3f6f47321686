// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Processes whose paths are not ours. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "live_fixture.h"

static char target_static[] = TARGETS "/process_target_static";

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mount_namespace),
		TEST(test_gone_from_namespace),
		TEST(test_chroot),
		TEST(test_overlay),
	};
	int r = live_begin();

	return r ? r : live_end(cmocka_run_group_tests(tests, NULL, NULL));
}
