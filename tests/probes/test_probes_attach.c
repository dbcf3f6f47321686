// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Attaching to one file in each way that kernels have, and what stays of it. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "kernel/place_programs.h"

enum { CODE = 32768, FEW = 8, MANY = 40, STEP = 16 };

struct kernel_half {
	struct uprobe_kernel kernel;
	struct uprobe_way way;
	struct bpf_object *obj;
};

static void open_half(struct kernel_half *k, bool multi, bool cookies)
{
	struct bpf_program *p;

	assert_int_equal(uprobe_kernel_read(&k->kernel), 0);
	k->kernel.cookies = cookies;
	k->obj = bpf_object__open_file(HITS, NULL);
	assert_non_null(k->obj);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(k->obj, "probe_hits"), 4096);
	p = bpf_object__find_program_by_name(k->obj, cookies ? "on_probe" : "on_any_probe");
	assert_non_null(p);
	bpf_program__set_autoload(p, true);
	if (multi)
		bpf_program__set_expected_attach_type(p, (enum bpf_attach_type)UPROBE_MULTI);
	assert_int_equal(bpf_object__load(k->obj), 0);
	k->way = (struct uprobe_way){ .kernel = &k->kernel, .multi = multi, .program = p };
	if (!cookies)
		assert_int_equal(place_programs_new(&k->way.places, k->obj), 0);
}

static void close_half(struct kernel_half *k)
{
	place_programs_free(k->way.places);
	bpf_object__close(k->obj);
}

static uint64_t hits_of(const struct kernel_half *k, uint32_t place)
{
	int fd = bpf_object__find_map_fd_by_name(k->obj, "probe_hits");
	uint64_t values[1024], sum = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &place, values), 0);
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		sum += values[cpu];
	return sum;
}

/* Entry and return of the first of the target's many functions, by turns. */
static void list(struct uprobe *to, uint32_t nr)
{
	uint64_t first = target_offset("many_0");

	for (uint32_t i = 0; i < nr; i++)
		to[i] = (struct uprobe){ .offset = first + i / 2 * STEP,
					 .place = i,
					 .is_return = i % 2 };
}

/* Each place was hit so often more, but those of the function that was detached. */
static void check_hits(const struct kernel_half *k, uint64_t *hits, uint32_t nr, uint64_t more,
		       uint32_t detached)
{
	for (uint32_t i = 0; i < nr; i++) {
		hits[i] += i / 2 == detached ? 0 : more;
		assert_int_equal(hits_of(k, i), hits[i]);
	}
}

static void check_way(bool multi, bool cookies, uint32_t nr)
{
	int fd = open(TARGET, O_RDONLY | O_CLOEXEC);
	uint8_t before[CODE], after[CODE];
	struct uprobe probes[MANY];
	uint64_t hits[MANY] = { 0 };
	struct uprobe_file *u;
	struct kernel_half k;
	struct target t, other;

	target_start(&t, TARGET, NULL, NULL, NULL);
	target_start(&other, TARGET, NULL, NULL, NULL);
	target_code(t.pid, before, sizeof(before));
	open_half(&k, multi, cookies);
	list(probes, nr);
	for (int by_pid = 0; by_pid < 2; by_pid++) {
		assert_int_equal(
			uprobe_file_new(&u, &k.way, fd, by_pid ? (uint32_t)t.pid : 0, probes, nr),
			0);
		assert_int_equal(uprobe_attach(u), 0);
		assert_int_equal(u->nr_attached, nr);
		target_call(&t, "many 2");
		target_call(&other, "many 3");
		check_hits(&k, hits, nr, by_pid ? 2 : 5, UINT32_MAX);
		/* One function less. */
		u->probes[2].unwanted = u->probes[3].unwanted = true;
		assert_int_equal(uprobe_attach_beside(u), 0);
		uprobe_detach_old(u);
		assert_int_equal(u->nr_attached, nr - 2);
		target_call(&t, "many 1");
		check_hits(&k, hits, nr, 1, 1);
		uprobe_file_free(u);
		target_call(&t, "many 1");
	}
	target_code(t.pid, after, sizeof(after));
	assert_memory_equal(before, after, sizeof(before));
	close_half(&k);
	close(fd);
	target_end(&t);
	target_end(&other);
}

static void test_perf(void **state)
{
	(void)state;
	check_way(false, true, FEW);
}

static void test_without_cookies(void **state)
{
	(void)state;
	check_way(false, false, MANY);
}

static void test_multi(void **state)
{
	struct uprobe_kernel kernel;

	(void)state;
	assert_int_equal(uprobe_kernel_read(&kernel), 0);
	if (!kernel.multi_pid) {
		print_message("this kernel has no uprobe_multi that filters by process\n");
		skip();
	}
	check_way(true, true, FEW);
}

static void attach_and_wait(int tell)
{
	struct uprobe_file *u;
	struct uprobe probes[FEW];
	struct kernel_half k;

	open_half(&k, false, true);
	list(probes, FEW);
	assert_int_equal(
		uprobe_file_new(&u, &k.way, open(TARGET, O_RDONLY | O_CLOEXEC), 0, probes, FEW), 0);
	assert_int_equal(uprobe_attach(u), 0);
	assert_int_equal(write(tell, "", 1), 1);
	for (;;)
		pause();
}

/* Whoever attached is killed, and can tidy up nothing. */
static void test_killed(void **state)
{
	uint8_t before[CODE], now[CODE];
	struct target t;
	int fds[2], tries;
	pid_t pid;
	char c;

	(void)state;
	target_start(&t, TARGET, NULL, NULL, NULL);
	target_code(t.pid, before, sizeof(before));
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		attach_and_wait(fds[1]);
		_exit(1);
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	target_code(t.pid, now, sizeof(now));
	assert_memory_not_equal(before, now, sizeof(before));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (tries = 0; tries < 200; tries++) {
		target_code(t.pid, now, sizeof(now));
		if (!memcmp(before, now, sizeof(before)))
			break;
		usleep(50000);
	}
	assert_memory_equal(before, now, sizeof(before));
	target_call(&t, "many 1");
	close(fds[0]);
	close(fds[1]);
	target_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_perf),
		cmocka_unit_test(test_without_cookies),
		cmocka_unit_test(test_multi),
		cmocka_unit_test(test_killed),
	};

	bench_check();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
