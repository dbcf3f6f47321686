// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What explain.h says of ourselves, who have no interpreter, and of what is no process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "doctor/explain.h"

enum { MAX_STEPS = 16 };

struct steps {
	unsigned nr;
	char names[MAX_STEPS][32];
	enum feature_state states[MAX_STEPS];
	char found[MAX_STEPS][512];
};

static void keep(void *ctx, const struct explained *e)
{
	struct steps *s = ctx;

	assert_true(s->nr < MAX_STEPS);
	snprintf(s->names[s->nr], sizeof(s->names[0]), "%s", e->name);
	snprintf(s->found[s->nr], sizeof(s->found[0]), "%s", strbuf_str(&e->found));
	s->states[s->nr++] = e->state;
	assert_true(e->found.len && *e->summary);
	assert_null(strchr(strbuf_str(&e->found), '\n'));
}

static void test_ourselves(void **state)
{
	static const char *const names[] = { "process", "mappings", "memory", "C library",
					     "interpreter" };
	struct strbuf error = STRBUF_INIT;
	struct steps s = { 0 };

	(void)state;
	assert_int_equal(explain_process((uint32_t)getpid(), keep, &s, &error), 1);
	assert_int_equal(error.len, 0);
	assert_int_equal(s.nr, ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_string_equal(s.names[i], names[i]);
		assert_int_equal(s.states[i], i == 4 ? FEATURE_MISSING : FEATURE_OK);
	}
	assert_non_null(strstr(s.found[0], "test_explain"));
	assert_non_null(strstr(s.found[4], "no interpreter is known in any of its "));
	strbuf_done(&error);
}

static void refused(uint32_t pid, const char *why)
{
	struct strbuf error = STRBUF_INIT;
	struct steps s = { 0 };

	assert_int_equal(explain_process(pid, keep, &s, &error), -ESRCH);
	assert_int_equal(s.nr, 0);
	assert_non_null(strstr(strbuf_str(&error), why));
	strbuf_done(&error);
}

static void *refuse_this_thread(void *unused)
{
	refused((uint32_t)gettid(), "is a thread of process");
	return unused;
}

static void test_no_process(void **state)
{
	pthread_t thread;
	pid_t child;

	(void)state;
	refused((1u << 22) - 1, "there is no process");
	child = fork();
	if (!child)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	refused((uint32_t)child, "there is no process");
	assert_int_equal(pthread_create(&thread, NULL, refuse_this_thread, NULL), 0);
	pthread_join(thread, NULL);
}

/* One that has ended, but that we don't wait for yet. */
static void test_ended(void **state)
{
	struct strbuf error = STRBUF_INIT;
	struct steps s = { 0 };
	pid_t child = fork();
	siginfo_t info;

	(void)state;
	if (!child)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(explain_process((uint32_t)child, keep, &s, &error), 1);
	assert_int_equal(s.nr, 1);
	assert_non_null(strstr(s.found[0], "it has ended"));
	assert_int_equal(waitpid(child, NULL, 0), child);
	strbuf_done(&error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ourselves),
		cmocka_unit_test(test_no_process),
		cmocka_unit_test(test_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
