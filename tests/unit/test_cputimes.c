// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* CPU times of children that say themselves what they used. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "abi.h"
#include "base/now.h"
#include "collect/cputimes.h"
#include "process/proc_stat.h"

enum { MS = 1000000 };

/* A child that uses so much CPU time for each byte it gets, answers with what it used in all. */
struct child {
	pid_t pid;
	int in, out;
	uint64_t start_ns;
};

static void __attribute__((noreturn)) run_child(int in, int out, uint64_t ns)
{
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(in, &c, 1) == 1) {
		uint64_t used = now_of(CLOCK_PROCESS_CPUTIME_ID), until = used + ns;

		while (used < until)
			used = now_of(CLOCK_PROCESS_CPUTIME_ID);
		if (write(out, &used, sizeof(used)) != sizeof(used))
			break;
	}
	_exit(0);
}

static struct child start_child(uint64_t ns)
{
	int to[2], from[2];
	struct child c;

	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	/* Between the tick in /proc and the nanoseconds that the kernel half has. */
	c.start_ns = now_of(CLOCK_BOOTTIME);
	c.pid = fork();
	if (!c.pid) {
		close(to[1]);
		close(from[0]);
		run_child(to[0], from[1], ns);
	}
	assert_true(c.pid > 0);
	close(to[0]);
	close(from[1]);
	c.in = to[1];
	c.out = from[0];
	return c;
}

static uint64_t burn(const struct child *c)
{
	uint64_t used = 0;

	assert_int_equal(write(c->in, "", 1), 1);
	assert_int_equal(read(c->out, &used, sizeof(used)), sizeof(used));
	return used;
}

/* It ends; `bury`: and is gone. */
static void end_child(const struct child *c, bool bury)
{
	siginfo_t info;

	close(c->in);
	close(c->out);
	kill(c->pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)c->pid, &info, WEXITED | (bury ? 0 : WNOWAIT)), 0);
}

struct fixture {
	struct capture capture;
	struct tracker *tracker;
	struct cputimes *times;
	uint64_t began;
};

static void begin_with(struct fixture *f, int ends_fd)
{
	assert_int_equal(capture_init(&f->capture), 0);
	assert_int_equal(tracker_new(&f->tracker, &f->capture), 0);
	f->began = now_ns();
	assert_int_equal(cputimes_new(&f->times, &f->capture, f->tracker, ends_fd, f->began), 0);
}

static void begin(struct fixture *f)
{
	begin_with(f, -1);
}

static void end(struct fixture *f)
{
	cputimes_free(f->times);
	tracker_free(f->tracker);
	capture_done(&f->capture);
}

static void look(struct fixture *f, bool last)
{
	assert_int_equal(cputimes_read(f->times, now_ns(), last), 0);
}

static const struct process_time *time_of(const struct fixture *f, const struct child *c)
{
	return process_times_find(&f->capture.times, (uint32_t)c->pid);
}

static void see(struct fixture *f, const struct child *c)
{
	assert_int_equal(cputimes_see(f->times, (uint32_t)c->pid, c->start_ns), 0);
}

/* Within what a look and a pipe may cost. */
static void assert_near(uint64_t got, uint64_t want)
{
	if (got + 3 * MS < want || got > want + 3 * MS)
		fail_msg("%llu ns, not %llu", (unsigned long long)got, (unsigned long long)want);
}

static void what_ran_before_counts_from_the_beginning(void **state)
{
	struct child c = start_child(20 * MS);
	uint64_t before = burn(&c), used;
	struct fixture f;

	(void)state;
	begin(&f);
	burn(&c);
	see(&f, &c);
	look(&f, false);
	used = burn(&c);
	see(&f, &c);
	look(&f, true);
	assert_near(time_of(&f, &c)->cpu_ns, used - before);
	assert_false(time_of(&f, &c)->began);
	assert_true(time_of(&f, &c)->wall_ns >= 40 * MS);
	end_child(&c, true);
	end(&f);
}

static void what_began_meanwhile_counts_whole(void **state)
{
	struct fixture f;
	struct child c;
	uint64_t used;

	(void)state;
	begin(&f);
	usleep(20000);
	c = start_child(30 * MS);
	used = burn(&c);
	see(&f, &c);
	look(&f, false);
	assert_near(time_of(&f, &c)->cpu_ns, used);
	assert_true(time_of(&f, &c)->began);
	/* Nobody waited for it yet: its clock can still be read. */
	used = burn(&c);
	end_child(&c, false);
	look(&f, true);
	assert_near(time_of(&f, &c)->cpu_ns, used);
	assert_int_equal(waitpid(c.pid, NULL, 0), c.pid);
	end(&f);
}

/* The kernel half says when a process was made, /proc only in which tick. */
static void both_starts_are_of_one_process(void **state)
{
	struct fixture f;
	struct child c;
	uint64_t used;

	(void)state;
	begin(&f);
	usleep(30000);
	c = start_child(30 * MS);
	used = burn(&c);
	for (int i = 0; i < 4; i++) {
		struct child seen = c;

		if (i % 2)
			seen.start_ns -= seen.start_ns % (10 * MS);
		see(&f, &seen);
		look(&f, false);
	}
	assert_near(time_of(&f, &c)->cpu_ns, used);
	assert_true(time_of(&f, &c)->wall_ns <= now_ns() - f.began);
	end_child(&c, true);
	end(&f);
}

static void what_is_gone_is_known_if_little_is_missing(void **state)
{
	struct child c = start_child(60 * MS);
	struct fixture f;
	uint64_t known;

	(void)state;
	begin(&f);
	burn(&c);
	see(&f, &c);
	look(&f, false);
	known = time_of(&f, &c)->cpu_ns;
	assert_true(known >= 60 * MS);
	/* As long again as it was looked at. */
	burn(&c);
	end_child(&c, true);
	look(&f, true);
	assert_true(time_of(&f, &c)->cpu_ns == TIME_UNKNOWN);
	assert_true(time_of(&f, &c)->wall_ns >= 120 * MS);
	end(&f);
	/* Right behind a look: the clock that tells is ours. */
	c = start_child(0);
	begin(&f);
	burn(&c);
	see(&f, &c);
	assert_int_equal(cputimes_read(f.times, f.began + 10000 * (uint64_t)MS, false), 0);
	known = time_of(&f, &c)->cpu_ns;
	end_child(&c, true);
	assert_int_equal(cputimes_read(f.times, f.began + 10100 * (uint64_t)MS, true), 0);
	assert_int_equal(time_of(&f, &c)->cpu_ns, known);
	/* It is not looked for again, whoever has the pid. */
	capture_restart(&f.capture);
	look(&f, false);
	assert_null(time_of(&f, &c));
	end(&f);
}

/* The kernel half saw what it had used in all: nothing is missing, however long nobody looked. */
static void what_is_gone_is_known_by_its_end(void **state)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "ends", sizeof(uint32_t),
				sizeof(struct abi_process_end), 8, NULL);
	struct child c = start_child(60 * MS);
	struct abi_process_end e = { .start_ns = c.start_ns, .cpu_ns = 3600 * (uint64_t)MS };
	uint32_t pid = (uint32_t)c.pid;
	struct fixture f;
	uint64_t used;

	(void)state;
	if (fd < 0) {
		end_child(&c, true);
		print_message("skipped: no map can be made here, which needs root\n");
		skip();
	}
	used = burn(&c);
	begin_with(&f, fd);
	see(&f, &c);
	look(&f, false);
	end_child(&c, true);
	assert_int_equal(bpf_map_update_elem(fd, &pid, &e, BPF_ANY), 0);
	usleep(100000);
	look(&f, true);
	assert_near(time_of(&f, &c)->cpu_ns, e.cpu_ns - used);
	/* It is taken out. */
	assert_int_not_equal(bpf_map_lookup_elem(fd, &pid, &e), 0);
	end(&f);
	close(fd);
}

/* An end of another process that had the pid says nothing, nor does one that isn't known yet. */
static void ends_that_say_nothing(void **state)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "ends", sizeof(uint32_t),
				sizeof(struct abi_process_end), 8, NULL);

	(void)state;
	if (fd < 0) {
		print_message("skipped: no map can be made here, which needs root\n");
		skip();
	}
	for (int i = 0; i < 2; i++) {
		struct child c = start_child(20 * MS);
		struct abi_process_end e = { .start_ns = c.start_ns + (i == 0),
					     .cpu_ns = i == 0 ? 1000 * (uint64_t)MS : 0 };
		uint32_t pid = (uint32_t)c.pid;
		struct fixture f;

		begin_with(&f, fd);
		see(&f, &c);
		burn(&c);
		end_child(&c, true);
		assert_int_equal(bpf_map_update_elem(fd, &pid, &e, BPF_ANY), 0);
		look(&f, true);
		assert_true(time_of(&f, &c)->cpu_ns == TIME_UNKNOWN);
		end(&f);
	}
	close(fd);
}

static void intervals_stand_apart(void **state)
{
	struct child c = start_child(20 * MS), late = start_child(20 * MS);
	uint64_t before, used, looked;
	struct fixture f;

	(void)state;
	begin(&f);
	see(&f, &c);
	before = burn(&c);
	looked = now_ns();
	look(&f, false);
	capture_restart(&f.capture);
	used = burn(&c);
	burn(&late);
	/* Nobody looked at it when this interval began: only the next is known. */
	see(&f, &late);
	look(&f, false);
	assert_near(time_of(&f, &c)->cpu_ns, used - before);
	assert_true(time_of(&f, &late)->cpu_ns == TIME_UNKNOWN);
	assert_false(time_of(&f, &late)->began);
	assert_true(time_of(&f, &late)->wall_ns < now_ns() - looked);
	capture_restart(&f.capture);
	before = 20 * MS;
	used = burn(&late);
	look(&f, true);
	assert_near(time_of(&f, &late)->cpu_ns, 20 * MS);
	assert_true(used >= 2 * before);
	end_child(&c, true);
	end_child(&late, true);
	end(&f);
}

/* What is used while a measuring is brought to its end is no part of it. */
static void the_end_is_when_it_stopped(void **state)
{
	struct child c = start_child(20 * MS), late = start_child(20 * MS);
	struct fixture f;
	uint64_t stopped;

	(void)state;
	begin(&f);
	see(&f, &c);
	burn(&c);
	stopped = now_ns();
	cputimes_stop(f.times, stopped);
	burn(&c);
	burn(&late);
	/* Its record was still in the ring. */
	see(&f, &late);
	look(&f, true);
	assert_near(time_of(&f, &c)->cpu_ns, 20 * MS);
	assert_int_equal(time_of(&f, &c)->wall_ns, stopped - f.began);
	assert_int_equal(time_of(&f, &c)->wall_ns, time_of(&f, &late)->wall_ns);
	end_child(&c, true);
	end_child(&late, true);
	end(&f);
}

/* A pid that means another process now. */
static void another_process_is_not_it(void **state)
{
	struct child c = start_child(5 * MS);
	struct fixture f;

	(void)state;
	begin(&f);
	burn(&c);
	assert_int_equal(cputimes_see(f.times, (uint32_t)c.pid, 1), 0);
	look(&f, true);
	assert_true(time_of(&f, &c)->cpu_ns == TIME_UNKNOWN);
	end_child(&c, true);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_ran_before_counts_from_the_beginning),
		cmocka_unit_test(what_began_meanwhile_counts_whole),
		cmocka_unit_test(both_starts_are_of_one_process),
		cmocka_unit_test(what_is_gone_is_known_if_little_is_missing),
		cmocka_unit_test(what_is_gone_is_known_by_its_end),
		cmocka_unit_test(ends_that_say_nothing),
		cmocka_unit_test(intervals_stand_apart),
		cmocka_unit_test(the_end_is_when_it_stopped),
		cmocka_unit_test(another_process_is_not_it),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
