// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Processes that come and go, load code, and make more of it than one can follow. */
#include <spawn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "live_fixture.h"

enum { CHILDREN = 200 };

static char plugin[] = TARGETS "/libprocess_plugin.so";

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
	assert_true(tracker_scan(w->tracker, NULL, 0) >= 0);
	assert_int_equal(watch_pump(w), 0);
	assert_code(frame_of(w, &t, watch_now(), &f), &f, &t);
	assert_build_id(frame_of(w, &t, watch_now(), &f), plugin);
	target_end(&t);
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

static bool write_to(const char *path, long number)
{
	FILE *f = fopen(path, "w");
	bool fine;

	if (!f)
		return false;
	fprintf(f, "%ld", number);
	fine = !fflush(f);
	fclose(f);
	return fine;
}

/* A group as docker's systemd driver names it, made where this machine has version 2. */
static void test_container(void **state)
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	char *argv[] = { target, (char[]){ "wait" }, NULL }, group[256] = "", procs[300];
	struct watch *w = *state;
	uint32_t container, cgroup;
	bool moved = false;
	struct target t;

	assert_int_equal(target_start(&t, argv, NULL, NULL), 0);
	assert_int_equal(target_hear(&t), 0);
	for (int i = 0; i < 2 && !moved; i++) {
		snprintf(procs, sizeof(procs), "%s/cgroup.procs", roots[i]);
		snprintf(group, sizeof(group), "%s/docker-%s.scope", roots[i], id);
		if (access(procs, F_OK) || mkdir(group, 0755))
			continue;
		snprintf(procs, sizeof(procs), "%s/cgroup.procs", group);
		moved = write_to(procs, t.pid);
		if (!moved)
			rmdir(group);
	}
	if (moved) {
		assert_int_equal(watch_pump(w), 0);
		assert_int_equal(tracker_cgroup(w->tracker, (uint32_t)t.pid, &container, &cgroup),
				 0);
	}
	target_end(&t);
	for (int i = 0; moved && i < 100 && rmdir(group); i++)
		usleep(10000);
	if (!moved)
		skip();
	assert_string_equal(capture_string_at(&w->capture, container), "0123456789ab");
	assert_non_null(strstr(capture_string_at(&w->capture, cgroup), "/docker-0123456789abcdef"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_short_lives),	 TEST(test_short_life_resolves),
		TEST(test_deleted),	 TEST(test_dlopen),
		TEST(test_scan),	 TEST(test_lost),
		TEST(test_hostile_maps), TEST(test_container),
	};
	int r = live_begin();

	return r ? r : live_end(cmocka_run_group_tests(tests, NULL, NULL));
}
