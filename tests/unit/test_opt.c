// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/opt.h"
#include "base/parse.h"
#include "base/utf8.h"

struct settings {
	bool user, kernel, json;
	uint64_t hz;
	const char *paths[4];
	size_t nr_paths;
};

static int set_user(void *ctx, const char *value, struct strbuf *error)
{
	(void)error;
	assert_null(value);
	((struct settings *)ctx)->user = true;
	return 0;
}

static int set_kernel(void *ctx, const char *value, struct strbuf *error)
{
	(void)error;
	assert_null(value);
	((struct settings *)ctx)->kernel = true;
	return 0;
}

static int set_hz(void *ctx, const char *value, struct strbuf *error)
{
	struct settings *s = ctx;
	int r = parse_u64(value, &s->hz);

	if (!r && s->hz > 4000) {
		strbuf_adds(error, "at most 4000");
		return -EINVAL;
	}
	return r;
}

static int set_path(void *ctx, const char *value, struct strbuf *error)
{
	struct settings *s = ctx;

	(void)error;
	s->paths[s->nr_paths++] = value;
	return strcmp(value, "gone") ? 0 : -ESRCH;
}

static int set_json(void *ctx, const char *value, struct strbuf *error)
{
	(void)value;
	(void)error;
	((struct settings *)ctx)->json = true;
	return 0;
}

static const struct opt stack_opts[] = {
	{ "user", 'U', NULL, "user stacks only", set_user, NULL },
	{ "kernel", 'K', NULL, "kernel stacks only", set_kernel, NULL },
	{ "frequency", 'F', "HZ", "samples a second", set_hz, NULL },
	{ 0 },
};

static const struct opt output_opts[] = {
	{ "output", 'o', "FILE", "write to FILE", set_path, "file" },
	{ "json", 0, NULL, "the report as one JSON object on standard output", set_json, NULL },
	{ 0 },
};

struct run {
	struct settings settings;
	const char *words[16];
	char **rest;
	struct strbuf error;
	int result;
};

static void run_parse(struct run *run, const char **argv)
{
	struct opt_group groups[] = { { "Stacks", stack_opts, &run->settings },
				      { "Output", output_opts, &run->settings },
				      { 0 } };
	int argc = 0;

	*run = (struct run){ .rest = (char **)run };
	while (argv[argc])
		argc++;
	run->result = opt_parse(groups, NULL, argc, (char **)argv, run->words, &run->rest,
				&run->error);
}

#define PARSE(run, ...) run_parse(run, (const char *[]){ "test", __VA_ARGS__, NULL })

static void test_values(void **state)
{
	struct run run;

	(void)state;
	PARSE(&run, "one", "--frequency", "99", "-o", "a", "two", "-ob", "--output=c=d", "-", "-UK",
	      "--json");
	assert_int_equal(run.result, 3);
	assert_string_equal(run.words[0], "one");
	assert_string_equal(run.words[1], "two");
	assert_string_equal(run.words[2], "-");
	assert_null(run.words[3]);
	assert_null(run.rest);
	assert_int_equal(run.settings.hz, 99);
	assert_int_equal(run.settings.nr_paths, 3);
	assert_string_equal(run.settings.paths[0], "a");
	assert_string_equal(run.settings.paths[1], "b");
	assert_string_equal(run.settings.paths[2], "c=d");
	assert_true(run.settings.user && run.settings.kernel && run.settings.json);
	assert_int_equal(run.error.len, 0);
}

static void test_bundle_ends_with_value(void **state)
{
	struct run run;

	(void)state;
	PARSE(&run, "-UF99", "-KF", "100");
	assert_int_equal(run.result, 0);
	assert_int_equal(run.settings.hz, 100);
	assert_true(run.settings.user && run.settings.kernel);
}

static void test_rest(void **state)
{
	struct run run;

	(void)state;
	PARSE(&run, "5", "--", "make", "-j8", "--", "-U");
	assert_int_equal(run.result, 1);
	assert_string_equal(run.rest[0], "make");
	assert_string_equal(run.rest[2], "--");
	assert_string_equal(run.rest[3], "-U");
	assert_false(run.settings.user);
	PARSE(&run, "--");
	assert_int_equal(run.result, 0);
	assert_non_null(run.rest);
	assert_null(run.rest[0]);
}

static void test_errors(void **state)
{
	static const struct {
		const char *words[3];
		int result;
		const char *error;
	} cases[] = {
		{ { "--frequnecy", "99" },
		  -EINVAL,
		  "unknown option --frequnecy; did you mean --frequency?" },
		{ { "--outpt=x" }, -EINVAL, "unknown option --outpt; did you mean --output?" },
		{ { "--zzz" }, -EINVAL, "unknown option --zzz" },
		{ { "-Ux" }, -EINVAL, "unknown option -x" },
		{ { "-u" }, -EINVAL, "unknown option -u; did you mean -U (--user)?" },
		{ { "--json=yes" }, -EINVAL, "--json takes no value" },
		{ { "--frequency" }, -EINVAL, "--frequency needs a value: HZ" },
		{ { "-F" }, -EINVAL, "-F needs a value: HZ" },
		{ { "-F", "-U" }, -EINVAL, "-F takes HZ, not '-U'" },
		{ { "-F5000" }, -EINVAL, "at most 4000" },
		{ { "--frequency=99999999999999999999" },
		  -EINVAL,
		  "--frequency takes HZ, not '99999999999999999999', which is too large" },
		{ { "-o", "gone" }, -ESRCH, "-o takes FILE, not 'gone'" },
		{ { "---" }, -EINVAL, "unknown option ---" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run run;

		PARSE(&run, cases[i].words[0], cases[i].words[1]);
		assert_string_equal(strbuf_str(&run.error), cases[i].error);
		assert_int_equal(run.result, cases[i].result);
		assert_ptr_equal(run.rest, &run);
		strbuf_done(&run.error);
	}
}

static void test_help(void **state)
{
	struct settings s;
	struct opt_group groups[] = { { "Stacks", stack_opts, &s },
				      { "Output", output_opts, &s },
				      { 0 } };
	struct strbuf sb = STRBUF_INIT;

	(void)state;
	opt_help(groups, 60, &sb);
	assert_string_equal(strbuf_str(&sb),
			    "Stacks:\n"
			    "  -U, --user                user stacks only\n"
			    "  -K, --kernel              kernel stacks only\n"
			    "  -F, --frequency HZ        samples a second\n"
			    "\n"
			    "Output:\n"
			    "  -o, --output FILE         write to FILE\n"
			    "      --json                the report as one JSON object on\n"
			    "                            standard output\n");
	strbuf_reset(&sb);
	opt_man(groups, &sb);
	assert_non_null(strstr(strbuf_str(&sb), ".SS Output\n.TP\n\\fB\\-o\\fR, "
						"\\fB\\-\\-output\\fR \\fIFILE\\fR\n"
						"write to FILE.\n"));
	strbuf_done(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_bundle_ends_with_value),
		cmocka_unit_test(test_rest),   cmocka_unit_test(test_errors),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
