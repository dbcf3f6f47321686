// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Probes follow what is mapped: each hit is held against how often the program called. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

enum { CODE = 32768 };

static char folder[] = "/tmp/bpfprof-probes-XXXXXX";

static void copy(const char *from, const char *to)
{
	char command[1024];

	snprintf(command, sizeof(command), "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

static char *in_folder(const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
	return path;
}

static void test_exact(void **state)
{
	struct bench b = { .wanted = { .prefix = "counted", .returns = true } };
	uint8_t before[CODE], during[CODE], after[CODE];
	struct target t;

	(void)state;
	target_start(&t, TARGET, NULL, NULL, NULL);
	target_code(t.pid, before, sizeof(before));
	bench_open(&b);
	bench_scan(&b);
	assert_int_equal(probes_nr(b.probes), 2);
	target_code(t.pid, during, sizeof(during));
	assert_memory_not_equal(before, during, sizeof(before));
	target_call(&t, "one 12345");
	assert_int_equal(bench_hits(&b), 2 * 12345);
	probes_stop(b.probes);
	target_call(&t, "one 1");
	assert_int_equal(bench_hits(&b), 2 * 12345);
	target_code(t.pid, after, sizeof(after));
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(b.capture.quality.n[QUALITY_UNPROBED], 0);
	bench_close(&b);
	target_end(&t);
}

static void test_started_later(void **state)
{
	struct bench b = { .wanted = { .prefix = "counted" } };
	struct target t[2];

	(void)state;
	bench_open(&b);
	bench_scan(&b);
	target_start(&t[0], TARGET, NULL, NULL, NULL);
	bench_await(&b, 1);
	target_call(&t[0], "one 100");
	assert_int_equal(bench_hits(&b), 100);
	/* The file is known: its probes are there before the second one's first instruction. */
	target_start(&t[1], TARGET, "one 77", NULL, NULL);
	assert_int_equal(bench_hits(&b), 177);
	bench_pump(&b, 10);
	assert_int_equal(probes_nr(b.probes), 1);
	bench_close(&b);
	target_end(&t[0]);
	target_end(&t[1]);
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x > *y ? 1 : *x < *y ? -1 : 0;
}

/* How long after it was mapped for the first time a file has its probes. */
static void test_at_once(void **state)
{
	char *path = in_folder("probes_new");
	uint64_t ns[15];

	(void)state;
	for (size_t i = 0; i < sizeof(ns) / sizeof(*ns); i++) {
		struct bench b = { .wanted = { .prefix = "counted", .returns = true } };
		struct target t;

		copy(TARGET, path);
		bench_open(&b);
		bench_scan(&b);
		target_spawn(&t, path, NULL, NULL, NULL);
		bench_await(&b, 2);
		target_ready(&t, NULL);
		assert_true(b.attached_ns > b.mapped_ns && b.mapped_ns);
		ns[i] = b.attached_ns - b.mapped_ns;
		bench_close(&b);
		target_end(&t);
		unlink(path);
	}
	qsort(ns, sizeof(ns) / sizeof(*ns), sizeof(*ns), by_value);
	print_message("probed %.2f ms after it was mapped (%.2f to %.2f)\n", (double)ns[7] / 1e6,
		      (double)ns[0] / 1e6, (double)ns[14] / 1e6);
	assert_true(ns[7] < 50000000);
	free(path);
}

/* A program that is started for measuring is probed from its first instruction on. */
static void test_expected(void **state)
{
	struct bench b = { .wanted = { .prefix = "counted", .returns = true } };
	char *path = in_folder("probes_new");
	struct target t;

	(void)state;
	copy(TARGET, path);
	bench_open(&b);
	assert_int_equal(probes_expect(b.probes, path), 0);
	assert_int_equal(probes_nr(b.probes), 2);
	/* Its C library was looked at too. */
	assert_true(b.wanted.seen > 1);
	target_start(&t, path, "one 777", NULL, NULL);
	bench_pump(&b, 10);
	assert_int_equal(bench_hits(&b), 2 * 777);
	assert_int_equal(probes_nr(b.probes), 2);
	bench_close(&b);
	target_end(&t);
	unlink(path);
	free(path);
}

static void test_replaced(void **state)
{
	struct bench b = { .wanted = { .prefix = "counted" } };
	char *path = in_folder("probes_copy");
	struct target old, new;

	(void)state;
	copy(TARGET, path);
	bench_open(&b);
	target_start(&old, path, NULL, NULL, NULL);
	/* What is seen only after it was deleted is found all the same. */
	unlink(path);
	bench_await(&b, 1);
	target_call(&old, "one 10");
	copy(TARGET, path);
	target_start(&new, path, NULL, NULL, NULL);
	bench_await(&b, 2);
	target_call(&new, "one 200");
	target_call(&old, "one 3000");
	assert_int_equal(bench_hits(&b), 3210);
	bench_close(&b);
	target_end(&old);
	target_end(&new);
	unlink(path);
	free(path);
}

static void enter_namespace(void *ctx)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", ctx, "tmpfs", 0, NULL))
		_exit(126);
	copy(TARGET, strcat(strcpy((char[4096]){ 0 }, ctx), "/probes_there"));
}

static void test_mount_namespace(void **state)
{
	struct bench b = { .wanted = { .prefix = "counted" } };
	char *path = in_folder("probes_there");
	struct target t;

	(void)state;
	for (int scan = 0; scan < 2; scan++) {
		b.wanted.prefix = "counted";
		if (!scan)
			bench_open(&b);
		target_start(&t, path, NULL, enter_namespace, folder);
		assert_int_not_equal(access(path, F_OK), 0);
		if (scan) {
			bench_open(&b);
			bench_scan(&b);
		}
		bench_await(&b, 1);
		target_call(&t, "one 500");
		assert_int_equal(bench_hits(&b), 500);
		bench_close(&b);
		target_end(&t);
	}
	free(path);
}

struct overlay {
	char *lower, *empty, *at;
};

static void enter_overlay(void *ctx)
{
	const struct overlay *o = ctx;
	char options[512];

	snprintf(options, sizeof(options), "lowerdir=%s:%s", o->lower, o->empty);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("overlay", o->at, "overlay", 0, options))
		_exit(126);
}

/* Two containers of one image: one inode below, two above. */
static void test_overlays(void **state)
{
	struct bench b = { .wanted = { .prefix = "counted" } };
	struct overlay o = { in_folder("lower"), in_folder("empty"), in_folder("at") };
	char *path = in_folder("lower/probes_image"), *seen = in_folder("at/probes_image");
	struct target t[2];

	(void)state;
	mkdir(o.lower, 0755);
	mkdir(o.empty, 0755);
	mkdir(o.at, 0755);
	copy(TARGET, path);
	bench_open(&b);
	for (int i = 0; i < 2; i++)
		target_start(&t[i], seen, NULL, enter_overlay, &o);
	bench_await(&b, 1);
	bench_pump(&b, 20);
	bench_pump(&b, 20);
	assert_int_equal(probes_nr(b.probes), 1);
	target_call(&t[0], "one 1000");
	target_call(&t[1], "one 234");
	assert_int_equal(bench_hits(&b), 1234);
	bench_close(&b);
	target_end(&t[0]);
	target_end(&t[1]);
	unlink(path);
	rmdir(o.lower);
	rmdir(o.empty);
	rmdir(o.at);
	free(path);
	free(seen);
	free(o.lower);
	free(o.empty);
	free(o.at);
}

static void test_by_pid(void **state)
{
	struct bench b = { .wanted = { .prefix = "counted", .returns = true } };
	uint8_t before[CODE], during[CODE];
	struct target mine, other;

	(void)state;
	target_start(&mine, TARGET, NULL, NULL, NULL);
	target_start(&other, TARGET, NULL, NULL, NULL);
	target_code(other.pid, before, sizeof(before));
	b.filter.pids[b.filter.nr_pids++] = (uint32_t)mine.pid;
	bench_open(&b);
	bench_scan(&b);
	assert_int_equal(probes_nr(b.probes), 2);
	target_call(&other, "one 100");
	target_call(&mine, "one 20");
	/* Others don't even have a breakpoint. */
	target_code(other.pid, during, sizeof(during));
	assert_memory_equal(before, during, sizeof(before));
	assert_int_equal(bench_hits(&b), 40);
	bench_close(&b);
	target_end(&mine);
	target_end(&other);
}

static void test_many(void **state)
{
	struct bench b = { .wanted = { .prefix = "many_", .returns = true } };
	struct target t;

	(void)state;
	bench_open(&b);
	target_start(&t, TARGET, NULL, NULL, NULL);
	if (b.flags & ABI_MULTI) {
		bench_await(&b, 4000);
		target_call(&t, "many 3");
		assert_int_equal(bench_hits(&b), 3 * 4000);
	}
	bench_close(&b);
	target_end(&t);
}

/* More than there is room for: the rest is counted, and said. */
static void test_no_room(void **state)
{
	struct bench b = { .wanted = { .prefix = "many_" }, .settings = { .max_probes = 100 } };
	struct target t;

	(void)state;
	bench_open(&b);
	target_start(&t, TARGET, NULL, NULL, NULL);
	bench_await(&b, 100);
	assert_int_equal(b.capture.quality.n[QUALITY_UNPROBED], 1900);
	assert_string_equal(
		probes_note(b.probes, 0),
		"probes_target: 1900 of 2000 probes are not attached: there is room for "
		"100; name fewer functions");
	assert_null(probes_note(b.probes, 1));
	bench_close(&b);
	target_end(&t);
}

/* One that can't be attached costs no other. */
static void test_bad_site(void **state)
{
	struct bench b = { .wanted = { .prefix = "many_1", .bad = 1ull << 40 } };
	struct target t;
	size_t nr;

	(void)state;
	bench_open(&b);
	target_start(&t, TARGET, NULL, NULL, NULL);
	bench_await(&b, 1111);
	nr = bench_hits(&b);
	target_call(&t, "many 2");
	assert_int_equal(bench_hits(&b) - nr, 2222);
	assert_int_equal(b.capture.quality.n[QUALITY_UNPROBED], 1);
	assert_string_equal(probes_note(b.probes, 0),
			    "probes_target: bad: cannot attach at 0x10000000000: no code that can "
			    "be probed lies there");
	bench_close(&b);
	target_end(&t);
}

static void test_overhead(void **state)
{
	struct bench b = { .wanted = { .prefix = "counted", .returns = true },
			   .settings = { .max_overhead = 0.05 } };
	const char *note;
	struct target t;

	(void)state;
	bench_open(&b);
	target_start(&t, TARGET, NULL, NULL, NULL);
	bench_await(&b, 2);
	fputs("one 3000000\n", t.in);
	fflush(t.in);
	for (time_t end = time(NULL) + 4; probes_nr(b.probes) && time(NULL) < end;)
		bench_pump(&b, 10);
	assert_int_equal(probes_nr(b.probes), 0);
	assert_int_equal(b.capture.quality.n[QUALITY_DETACHED], 2);
	note = probes_note(b.probes, 0);
	assert_non_null(note);
	print_message("%s\n", note);
	assert_non_null(strstr(note, "counted (probes_target): "));
	assert_non_null(strstr(note, " calls a second would cost "));
	bench_close(&b);
	target_end(&t);
}

/* Who looks at nothing but a little more than the limit stays attached. */
static void test_overhead_kept(void **state)
{
	struct bench b = { .wanted = { .prefix = "counted" },
			   .settings = { .max_overhead = 0.05 } };
	struct target t;

	(void)state;
	bench_open(&b);
	target_start(&t, TARGET, NULL, NULL, NULL);
	bench_await(&b, 1);
	for (int i = 0; i < 120; i++) {
		target_call(&t, "one 5");
		bench_pump(&b, 10);
	}
	assert_int_equal(probes_nr(b.probes), 1);
	assert_int_equal(b.capture.quality.n[QUALITY_DETACHED], 0);
	bench_close(&b);
	target_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),	      cmocka_unit_test(test_started_later),
		cmocka_unit_test(test_at_once),	      cmocka_unit_test(test_expected),
		cmocka_unit_test(test_replaced),      cmocka_unit_test(test_mount_namespace),
		cmocka_unit_test(test_overlays),      cmocka_unit_test(test_by_pid),
		cmocka_unit_test(test_many),	      cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_bad_site),      cmocka_unit_test(test_overhead),
		cmocka_unit_test(test_overhead_kept),
	};
	int r;

	bench_check();
	if (!mkdtemp(folder))
		return 1;
	r = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return r;
}
