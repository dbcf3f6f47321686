// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* For which outputs stacks are walked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/measure.h"

enum { MAX_WORDS = 8 };

/* As the command line in `words`, with a space between them, says it. */
static bool walks(const char *words)
{
	struct measure_settings s = { 0 };
	struct strbuf error = STRBUF_INIT;
	char line[128], *argv[MAX_WORDS + 1] = { 0 }, *rest = line;
	int argc = 0, r;
	bool any;

	strncpy(line, words, sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	while (argc < MAX_WORDS && (argv[argc] = strtok_r(rest, " ", &rest)))
		argc++;
	r = measure_parse(mode_find(argv[0]), argc, argv, &s, &error);
	assert_string_equal(strbuf_str(&error), "");
	assert_true(r >= 0);
	any = s.live.user_stacks || s.live.kernel_stacks;
	measure_done(&s);
	strbuf_done(&error);
	return any;
}

static void test_for_nobody(void **state)
{
	(void)state;
	assert_false(walks("gc --latency"));
	assert_false(walks("gc --json"));
	assert_false(walks("io --latency"));
	assert_false(walks("calls --latency x:y"));
	/* The line of a request is all that is listed of it. */
	assert_false(walks("io --latency --slower 1ms"));
}

static void test_for_somebody(void **state)
{
	(void)state;
	assert_true(walks("gc"));
	assert_true(walks("gc --latency -o /tmp/x.folded"));
	assert_true(walks("gc --latency --slower 1ms"));
	assert_true(walks("gc --json --slower 1ms"));
	assert_true(walks("io"));
	assert_true(walks("cpu --json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_for_nobody),
		cmocka_unit_test(test_for_somebody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
