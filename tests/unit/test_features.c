// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What doctor asks: the parsers on texts of real machines, and each probe against what knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "doctor/feature_probe.h"

static void test_releases(void **state)
{
	(void)state;
	assert_true(kernel_at_least("5.10.0-28-amd64", 5, 10));
	assert_true(kernel_at_least("6.1.0-13-amd64", 5, 10));
	assert_true(kernel_at_least("7.0-rc1", 5, 11));
	assert_true(kernel_at_least("5.100.1", 5, 11));
	assert_false(kernel_at_least("5.9.16", 5, 10));
	assert_false(kernel_at_least("4.18.0-513.el8.x86_64", 5, 10));
	assert_false(kernel_at_least("", 5, 10));
	assert_false(kernel_at_least("linux", 0, 0));
}

static void test_lockdown(void **state)
{
	static const struct {
		const char *text, *level;
	} cases[] = {
		{ "[none] integrity confidentiality\n", "none" },
		{ "none [integrity] confidentiality\n", "integrity" },
		{ "none integrity [confidentiality]\n", "confidentiality" },
		{ "", NULL },
		{ "none integrity", NULL },
		{ "[none", NULL },
		{ "]none[", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct strbuf level = STRBUF_INIT;

		if (cases[i].level) {
			assert_int_equal(lockdown_level(cases[i].text, &level), 0);
			assert_string_equal(strbuf_str(&level), cases[i].level);
		} else {
			assert_true(lockdown_level(cases[i].text, &level) < 0);
			assert_int_equal(level.len, 0);
		}
		strbuf_done(&level);
	}
}

static void test_cgroup_mount(void **state)
{
	static const char hybrid[] = "tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0\n"
				     "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
				     "cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n";
	struct strbuf path = STRBUF_INIT;

	(void)state;
	assert_int_equal(cgroup_mount(hybrid, &path), 0);
	assert_string_equal(strbuf_str(&path), "/sys/fs/cgroup/unified");
	strbuf_reset(&path);
	/* A device or a folder that is called so is not of the type. */
	assert_int_equal(cgroup_mount("cgroup2 /cgroup2 tmpfs rw 0 0\n", &path), -ENOENT);
	assert_int_equal(cgroup_mount("cgroup2", &path), -ENOENT);
	assert_int_equal(cgroup_mount("", &path), -ENOENT);
	assert_int_equal(path.len, 0);
	strbuf_done(&path);
}

static void test_table(void **state)
{
	(void)state;
	assert_non_null(features[0].area);
	for (const struct feature *f = features; f->name; f++) {
		assert_non_null(f->summary);
		assert_non_null(f->probe);
		assert_ptr_equal(feature_find(f->name), f);
	}
	assert_null(feature_find("CAP_MAGIC"));
}

/* Every probe ends, says something, and says how to mend what is missing. */
static void test_probes(void **state)
{
	(void)state;
	for (const struct feature *f = features; f->name; f++) {
		struct strbuf found = STRBUF_INIT, cure = STRBUF_INIT;
		enum feature_state s = f->probe(f, &found, &cure);

		assert_in_range(s, FEATURE_OK, FEATURE_MISSING);
		assert_false(found.failed || cure.failed);
		if (!found.len || strchr(strbuf_str(&found), '\n'))
			fail_msg("%s: \"%s\"", f->name, strbuf_str(&found));
		if (s == FEATURE_OK && cure.len)
			fail_msg("%s is well and has a cure: %s", f->name, strbuf_str(&cure));
		strbuf_done(&found);
		strbuf_done(&cure);
	}
}

static void test_capabilities_are_the_kernels(void **state)
{
	struct strbuf text = STRBUF_INIT;
	unsigned long long held = 0;
	const char *line;

	(void)state;
	assert_true(file_read("/proc/self/status", 1 << 16, &text) > 0);
	line = strstr(strbuf_str(&text), "CapEff:");
	assert_non_null(line);
	assert_int_equal(sscanf(line, "CapEff: %llx", &held), 1);
	assert_int_equal(capabilities_effective(), held);
	strbuf_done(&text);
}

static void test_setcap_list(void **state)
{
	struct strbuf list = STRBUF_INIT;
	const char *expected = memlock_bounds_maps()
				       ? "cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search,"
					 "cap_checkpoint_restore,cap_syslog,cap_sys_resource"
				       : "cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search,"
					 "cap_checkpoint_restore,cap_syslog";

	(void)state;
	features_capabilities(&list);
	assert_string_equal(strbuf_str(&list), expected);
	strbuf_done(&list);
}

/* In a child that has given up all rights, each right is found to be missing. */
static int without_rights(void)
{
	static const char *const lost[] = { "CAP_BPF", "CAP_PERFMON", "CAP_SYSLOG",
					    "system-wide events", "ring buffer" };
	int wrong = 0;

	if (!getuid() && setresuid(65534, 65534, 65534))
		return 99;
	for (size_t i = 0; i < sizeof(lost) / sizeof(*lost); i++) {
		const struct feature *f = feature_find(lost[i]);
		struct strbuf found = STRBUF_INIT, cure = STRBUF_INIT;

		if (f->probe(f, &found, &cure) == FEATURE_OK ||
		    !strstr(strbuf_str(&cure), "setcap cap_bpf,cap_perfmon,")) {
			fprintf(stderr, "%s: %s (%s)\n", f->name, strbuf_str(&found),
				strbuf_str(&cure));
			wrong++;
		}
		strbuf_done(&found);
		strbuf_done(&cure);
	}
	return wrong;
}

static bool open_to_everybody(void)
{
	unsigned long long paranoid = 0;

	return file_read_u64("/proc/sys/kernel/perf_event_paranoid", &paranoid) || paranoid == 0;
}

static void test_without_rights(void **state)
{
	int status;
	pid_t child;

	(void)state;
	if (open_to_everybody())
		skip();
	child = fork();
	assert_true(child >= 0);
	if (!child)
		_exit(without_rights());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_releases),
		cmocka_unit_test(test_lockdown),
		cmocka_unit_test(test_cgroup_mount),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_probes),
		cmocka_unit_test(test_capabilities_are_the_kernels),
		cmocka_unit_test(test_setcap_list),
		cmocka_unit_test(test_without_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
